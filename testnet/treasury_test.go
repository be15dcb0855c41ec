package testnet

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decred/dcrd/blockchain/standalone/v2"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/txscript/v4"
	"github.com/decred/dcrd/txscript/v4/sign"
	"github.com/decred/dcrd/wire"

	"scrutineer/vsp/vspapi"
)

// The first treasury key of simnet. Its private half is published with it (chaincfg/v3, simnetparams.go).
const (
	treasuryKey        = "02a36b785d584555696b69d1b2bbeff4010332b301e3edd316d79438554cacb3e7"
	treasuryPrivateKey = "62deae1ab2b1ebd96a28c80e870aee325bed359e83d8db2464ef999e616a9eef"
)

// theAgenda is the only one of simnet's newest votes.
const theAgenda = chaincfg.VoteIDMaxTreasurySpend

// voteBits returns the bits of a vote that approves its parent block and carries choices.
func voteBits(c choices) uint16 {
	params := chaincfg.SimNetParams()
	var newest uint32
	for version := range params.Deployments {
		newest = max(newest, version)
	}
	bits := uint16(1)
	for _, deployment := range params.Deployments[newest] {
		i := slices.IndexFunc(deployment.Vote.Choices, func(choice chaincfg.Choice) bool {
			return choice.Id == c.Agendas[deployment.Vote.Id]
		})
		if i >= 0 {
			bits |= deployment.Vote.Choices[i].Bits
		}
	}
	return bits
}

// treasurySpend is one that waits for votes.
type treasurySpend struct {
	hash   chainhash.Hash
	expiry uint32
}

// publishTSpend is the command.
func publishTSpend(ctx context.Context, p *play, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	return p.network.Chain.Between(ctx, func(height int64) error {
		params := p.network.Chain.params
		expiry := standalone.CalcTSpendExpiry(height+1, params.TreasuryVoteInterval, params.TreasuryVoteIntervalMultiplier)
		tx, err := treasurySpendTx(args[0], expiry, p.network.Chain.purse)
		if err != nil {
			return err
		}
		if err := publish(ctx, p.network.Miner.RPC, tx); err != nil {
			return err
		}
		spend := treasurySpend{tx.TxHash(), expiry}
		p.tspends[args[0]] = spend
		start, end, err := standalone.CalcTSpendWindow(expiry, params.TreasuryVoteInterval, params.TreasuryVoteIntervalMultiplier)
		p.say("treasury spend %s: votes on blocks %d to %d count", spend.hash, start, end)
		return errors.Join(err, p.awaitTSpend(ctx, spend.hash))
	})
}

// treasurySpendTx pays a little of the treasury to the purse. The name makes each a transaction of its own.
func treasurySpendTx(name string, expiry uint32, to *purse) (*wire.MsgTx, error) {
	const amount, fee = 1e6, 1e5
	tx := wire.NewMsgTx()
	tx.Version, tx.Expiry = wire.TxVersionTreasury, expiry
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: wire.MaxPrevOutIndex}, amount+fee, nil))
	// What is spent stands in the first output as well, before what makes the transaction's hash its own (DCP-0006).
	salt := chainhash.HashB([]byte(name))
	binary.LittleEndian.PutUint64(salt, amount+fee)
	random, err := txscript.NewScriptBuilder().AddOp(txscript.OP_RETURN).AddData(salt).Script()
	if err != nil {
		return nil, err
	}
	tx.AddTxOut(wire.NewTxOut(0, random))
	_, script := to.address.PayFromTreasuryScript()
	tx.AddTxOut(wire.NewTxOut(amount, script))
	key, err := hex.DecodeString(treasuryPrivateKey)
	if err != nil {
		return nil, err
	}
	tx.TxIn[0].SignatureScript, err = sign.TSpendSignatureScript(tx, key)
	return tx, err
}

// awaitTSpend waits until every voting wallet that can vote has heard of a treasury spend.
func (p *play) awaitTSpend(ctx context.Context, hash chainhash.Hash) error {
	for _, host := range p.network.Voting {
		if !host.Wallet.votes() {
			continue
		}
		err := waitUntil(ctx, host.Wallet.Name()+" to hear of the treasury spend", func(ctx context.Context) (bool, string) {
			var known []struct {
				Hash string `json:"hash"`
			}
			err := host.Wallet.RPC.Call(ctx, &known, "tspendpolicy")
			for _, spend := range known {
				if spend.Hash == hash.String() {
					return true, ""
				}
			}
			return false, fmt.Sprintf("%v, error: %v", known, err)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tspendVotes returns what a vote on the block at a height says of treasury spends: what was chosen for each, or else for
// the key that it was signed with, and nothing where that is an abstention.
func (p *play) tspendVotes(c choices, height int64) map[chainhash.Hash]string {
	params := p.network.Chain.params
	votes := make(map[chainhash.Hash]string)
	for _, spend := range p.tspends {
		if !standalone.InsideTSpendWindow(height, spend.expiry, params.TreasuryVoteInterval, params.TreasuryVoteIntervalMultiplier) {
			continue
		}
		policy, own := c.TSpends[spend.hash.String()]
		if !own {
			policy = c.Treasury[treasuryKey]
		}
		if policy = orAbstain(policy); policy != "abstain" {
			votes[spend.hash] = policy
		}
	}
	return votes
}

// choose is the command. It goes through the holder's wallet: for each of its tickets, or, while it has none, for those that it
// will buy. The wallet has a way to name all tickets at once, which finds none on a chain of less than 392 blocks (dcrwallet
// wallet.go, ForUnspentUnexpiredTickets), and it sends what was chosen beforehand on agendas alone, not on treasury spends.
func choose(ctx context.Context, p *play, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	method, key, wanted := p.subject(args[0], args[1])
	if len(p.bought) == 0 {
		return p.network.Client.RPC.Call(ctx, nil, method, key, args[1])
	}
	// Requests carry whole seconds, and each must be later than the one before.
	err := waitUntil(ctx, "the next second", func(context.Context) (bool, string) { return time.Now().Unix() > p.chosenAt.Unix(), "" })
	if err != nil {
		return err
	}
	for _, ticket := range p.unspent(p.bought) {
		if err := p.network.Client.RPC.Call(ctx, nil, method, key, args[1], ticket); err != nil {
			return err
		}
	}
	p.chosenAt = time.Now()
	return p.acknowledged(wanted)
}

// subject returns how a wallet is told of a choice, and what the VSP then hears.
func (p *play) subject(text, policy string) (method, key string, wanted choices) {
	name, isTSpend := strings.CutPrefix(text, "tspend:")
	switch {
	case isTSpend:
		key = p.tspends[name].hash.String()
		return "settspendpolicy", key, choices{TSpends: map[string]string{key: policy}}
	case text == "treasury":
		return "settreasurypolicy", treasuryKey, choices{Treasury: map[string]string{treasuryKey: policy}}
	}
	return "setvotechoice", text, choices{Agendas: map[string]string{text: policy}}
}

// acknowledged makes sure that the VSP has acknowledged choices for every ticket of the holder's wallet that can still
// vote. The wallet keeps it to itself where it has not.
func (p *play) acknowledged(wanted choices) error {
	given := p.witness.given()
	told := p.witness.to(vspapi.PathSetVoteChoices)
	for _, ticket := range p.unspent(p.bought) {
		have := promiseOf(given, ticket)
		if _, ok := told[ticket]; !ok || !includes(have.Agendas, wanted.Agendas) || !includes(have.TSpends, wanted.TSpends) ||
			!includes(have.Treasury, wanted.Treasury) {
			return fmt.Errorf("ticket %s: the VSP has acknowledged %v, not %v%s", ticket, have, wanted, p.network.Client.tail())
		}
	}
	return nil
}

func includes(have, wanted map[string]string) bool {
	for key, value := range wanted {
		if have[key] != value {
			return false
		}
	}
	return true
}
