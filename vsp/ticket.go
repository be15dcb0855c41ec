// Package vsp is what a ticket is, owes and may change: the rules of a voting service provider, without I/O.
//
// A Service carries out the acts of the v3 protocol and moves each ticket through its life: bought, its fee paid, its
// voting key in every voting wallet, voted or lost. It takes new tickets only while what they depend on is fit. Several
// processes may have a Service each on one Store: all carry out acts, and the one that leads does the rest. What a Service
// stands on is given to it as Store, Chain, Node and Voters, each with its guarantees written on its methods.
package vsp

import (
	"log/slog"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrutil/v4"
)

// Confirmations is how deep a ticket or a fee must be to count as confirmed, as in vspd.
const Confirmations = 6

// Ticket is a ticket that was registered, or that asked for a fee address. The zero values of later fields mean "not
// yet".
type Ticket struct {
	Hash           chainhash.Hash
	Registered     time.Time // when it first asked for a fee address, UTC; zero if not known
	Commitment     string    // the P2PKH address that signs its holder's requests
	Confirmed      bool      // it has Confirmations
	PurchaseHeight int64     // the block it is mined in; 0 until Confirmed
	Fee            Fee
	VotingKey      Secret // WIF; empty until its fee was received
	Choices        Choices
	ChoicesSetAt   int64 // the timestamp the newest request for choices carried, seconds of UTC as the holder claims
	Outcome        Outcome
	SpentHeight    int64          // the block in which it voted or was revoked
	SpentBy        chainhash.Hash // the vote or the revocation
}

// Fee is what a ticket owes, and how far its payment is.
type Fee struct {
	XPub    string         // the account's extended public key that Address derives from
	Index   uint32         // of Address on the external branch
	Address string         // P2PKH
	Amount  dcrutil.Amount // at least this much must be paid
	Expires time.Time      // Amount is promised until then
	Status  FeeStatus
	TxHash  chainhash.Hash // zero while Status is FeeNone
	Tx      []byte         // serialized; nil when Status is FeeNone or FeeConfirmed

	Received time.Time      // when the payment was taken, UTC; zero before, and if not known
	Paid     dcrutil.Amount // what the payment pays to Address; 0 before, and if not known
	Height   int64          // the block that the payment is in; 0 until FeeConfirmed, and if not known
}

// Secret is text that must not be shown: it prints, logs and encodes as a placeholder. Convert it to a string to use it.
type Secret string

const hidden = "[secret]"

func (Secret) String() string               { return hidden }
func (Secret) GoString() string             { return hidden }
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
func (Secret) LogValue() slog.Value         { return slog.StringValue(hidden) }

// Choices is how a ticket is to vote. A missing entry is an abstention.
type Choices struct {
	Agendas  map[string]string // agenda id to choice id
	TSpends  map[string]string // treasury spend's hash to "yes", "no", "abstain", "invalid" or ""
	Treasury map[string]string // treasury key (33 bytes hex) to the same
}

// Outcome is how a ticket ended.
type Outcome string

// The outcomes, as vspd stores them. A ticket without one may still vote.
const (
	NoOutcome Outcome = ""
	Voted     Outcome = "voted"
	Missed    Outcome = "missed"
	Expired   Outcome = "expired"
)

// Change is the record of a holder's accepted request: the proof of what the holder asked for. The VSP's answer to it
// follows from it, as answers are signed deterministically.
type Change struct {
	Request   []byte // the exact body
	Signature string // its VSP-Client-Signature
	Answered  int64  // the answer's timestamp, seconds of UTC
}

// Ready reports whether the wallets should hold the ticket: nothing but its winning stands between it and its vote. The
// node having taken its fee is enough. Waiting for the fee to confirm would leave a ticket that is live already without
// a voter for Confirmations blocks, and what could be lost by not waiting is one fee.
func (t *Ticket) Ready() bool {
	return t.Confirmed && t.Outcome == NoOutcome && t.VotingKey != "" &&
		(t.Fee.Status == FeeBroadcast || t.Fee.Status == FeeConfirmed)
}
