package dcrrpc

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrjson/v4"
	"github.com/decred/dcrd/wire"
)

// Wallet is the part of a wallet daemon's interface that we use (dcrwallet, internal/rpc/jsonrpc/methods.go).
type Wallet struct{ *Client }

// NewWallet returns a wallet's client that has not dialled yet.
func NewWallet(config Config) *Wallet { return &Wallet{New(config)} }

// WalletInfo is the part of "walletinfo" that decides whether a wallet can vote.
type WalletInfo struct {
	DaemonConnected bool   `json:"daemonconnected"`
	SPV             bool   `json:"spv"`
	Unlocked        bool   `json:"unlocked"`
	Voting          bool   `json:"voting"`
	ManualTickets   bool   `json:"manualtickets"`
	VoteVersion     uint32 `json:"voteversion"`
}

// Info returns whether the wallet can vote.
func (w *Wallet) Info(ctx context.Context) (WalletInfo, error) {
	var info WalletInfo
	err := w.Call(ctx, &info, "walletinfo")
	return info, err
}

// TicketInfo is a ticket as a wallet knows it. Choices are those the wallet would vote with now.
type TicketInfo struct {
	Hash        chainhash.Hash `json:"-"`
	Status      string         `json:"status"`      // "immature", "live", "voted", "missed", "expired", "revoked", "unspent", "unknown"
	BlockHeight int64          `json:"blockheight"` // -1 if the wallet has not seen it mined
	Choices     []Choice       `json:"choices"`
}

// Choice is what a wallet votes on one agenda.
type Choice struct {
	AgendaID string `json:"agendaid"`
	ChoiceID string `json:"choiceid"`
}

// slowAnswer bounds calls whose work grows with the number of tickets in a wallet.
const slowAnswer = 30 * time.Second

// Tickets returns every ticket the wallet has, mined at height from or later, and those it has not seen mined.
//
// It is not for wallets that must go on voting: dcrwallet 2.1.6 asks its database for each ticket while it reads the list
// from it, and if the database has to grow meanwhile, because a block came or a ticket was added, the wallet locks up for
// good (nested reads in internal/rpc/jsonrpc/methods.go, ticketInfo; go.etcd.io/bbolt, "Caveats"). Use VoteChoices.
func (w *Wallet) Tickets(ctx context.Context, from int64) ([]TicketInfo, error) {
	var answer []struct {
		TicketInfo
		Hash hashText `json:"hash"`
	}
	if err := w.CallTimeout(ctx, max(slowAnswer, w.config.Timeout), &answer, "ticketinfo", from); err != nil {
		return nil, err
	}
	tickets := make([]TicketInfo, len(answer))
	for i, a := range answer {
		tickets[i] = a.TicketInfo
		tickets[i].Hash = chainhash.Hash(a.Hash)
	}
	return tickets, nil
}

// VoteChoices returns whether the wallet has a ticket, and what it would vote with it on every agenda that it knows.
func (w *Wallet) VoteChoices(ctx context.Context, ticket chainhash.Hash) (choices []Choice, has bool, err error) {
	var answer struct {
		Choices []Choice `json:"choices"`
	}
	err = w.Call(ctx, &answer, "getvotechoices", ticket)
	if IsCode(err, dcrjson.ErrRPCWallet) && strings.Contains(err.Error(), "ticket not found") {
		return nil, false, nil
	}
	return answer.Choices, err == nil, err
}

// ImportVotingKey gives the wallet a ticket's voting key. A key that it has is no error. No error shows the key.
func (w *Wallet) ImportVotingKey(ctx context.Context, wif string) error {
	err := w.Call(ctx, nil, "importprivkey", wif, "imported", false, 0)
	if err != nil && strings.Contains(err.Error(), wif) {
		return errors.New("importprivkey: the wallet's answer is not shown, as it shows the key")
	}
	return err
}

// AddTransaction gives the wallet a ticket that is mined in the given block.
func (w *Wallet) AddTransaction(ctx context.Context, block chainhash.Hash, tx *wire.MsgTx) error {
	raw, err := EncodeTx(tx)
	if err != nil {
		return err
	}
	return w.Call(ctx, nil, "addtransaction", block, raw)
}

// SetVoteChoice sets how a ticket votes on an agenda.
func (w *Wallet) SetVoteChoice(ctx context.Context, agenda, choice string, ticket chainhash.Hash) error {
	return w.Call(ctx, nil, "setvotechoice", agenda, choice, ticket)
}

// SetTSpendPolicy sets how a ticket votes on a treasury spend.
func (w *Wallet) SetTSpendPolicy(ctx context.Context, tspend, policy string, ticket chainhash.Hash) error {
	return w.Call(ctx, nil, "settspendpolicy", tspend, policy, ticket)
}

// SetTreasuryPolicy sets how a ticket votes on the treasury spends of one key.
func (w *Wallet) SetTreasuryPolicy(ctx context.Context, key, policy string, ticket chainhash.Hash) error {
	return w.Call(ctx, nil, "settreasurypolicy", key, policy, ticket)
}

// TreasuryPolicy is how one ticket votes on the treasury spends of one key. Ticket is empty for the wallet's own policy.
type TreasuryPolicy struct {
	Key    string `json:"key"`
	Policy string `json:"policy"` // "yes" or "no"
	Ticket string `json:"ticket"`
}

// TreasuryPolicies returns every policy for treasury keys that is set and is no abstention.
func (w *Wallet) TreasuryPolicies(ctx context.Context) ([]TreasuryPolicy, error) {
	var policies []TreasuryPolicy
	err := w.CallTimeout(ctx, max(slowAnswer, w.config.Timeout), &policies, "treasurypolicy")
	return policies, err
}

// TSpendPolicy returns how a ticket would vote on a treasury spend: "yes", "no" or "abstain".
func (w *Wallet) TSpendPolicy(ctx context.Context, tspend string, ticket chainhash.Hash) (string, error) {
	var answer struct {
		Policy string `json:"policy"`
	}
	err := w.Call(ctx, &answer, "tspendpolicy", tspend, ticket)
	return answer.Policy, err
}

// RecallWinners makes the wallet's node say again which tickets were drawn to vote on the tip, so that the wallet votes with
// those whose keys it could not use when it heard of them first. The wallet hands the call on to its node, which tells all
// who listen to it.
func (w *Wallet) RecallWinners(ctx context.Context) error {
	return w.Call(ctx, nil, "rebroadcastwinners")
}
