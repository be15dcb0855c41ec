package vsp

import (
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
)

// Voters is the voting wallets. Each is brought to the wanted state by itself, and brought there again whenever it
// returns from an outage or comes back empty. No wallet waits for another, and no method waits for a wallet.
type Voters interface {
	// Hold wants every wallet to hold a ticket, and to vote with it as its Choices say. Holding it again with other
	// Choices changes them.
	Hold(t Held)

	// Release ends the wish to hold a ticket: it was spent. Wallets keep what they have.
	Release(ticket chainhash.Hash)

	// Drop ends the wish to hold any ticket: another process sees to the wallets from now on.
	Drop()

	// Holders returns how many wallets are known to hold a ticket with its present Choices.
	Holders(ticket chainhash.Hash) int

	// States returns what was last seen of every wallet, in the order of the configuration.
	States() []VoterState
}

// Held is what a wallet needs to vote with a ticket.
type Held struct {
	Ticket         chainhash.Hash
	PurchaseHeight int64
	VotingKey      Secret
	Choices        Choices
}

// VoterState is what was last seen of one voting wallet.
type VoterState struct {
	Name    string
	Problem Problem   // NoProblem if it can vote
	Detail  string    // what was seen, for people
	Since   time.Time // when Problem last changed, UTC
	Looked  time.Time // when the wallet was last asked, UTC; zero if never
	Seen    time.Time // when the wallet last answered, UTC; zero if never
	Height  int64     // its tip then
	Version string    // of its daemon
	Missing int       // wanted tickets that it is not known to hold
	Trouble string    // why some of them could not be brought when that was tried last, for people; empty if none is missing

	// What it said of itself when it last answered.
	Unlocked, Voting, NodeConnected bool
	VoteVersion                     uint32 // of the votes it casts
}

// Online reports whether the wallet could vote when it was last seen.
func (s VoterState) Online() bool { return s.Problem == NoProblem }

// Problem is what keeps a wallet from voting.
type Problem string

// The problems, the first that applies.
const (
	NoProblem    Problem = ""
	Unseen       Problem = "unseen"        // not asked yet
	Unreachable  Problem = "unreachable"   // its RPC does not answer
	OtherNetwork Problem = "other network" // it is no wallet of ours
	SPV          Problem = "spv"           // it runs without a node of its own
	NoNode       Problem = "no node"       // it has lost its node
	NotVoting    Problem = "not voting"    // --enablevoting is not set
	Locked       Problem = "locked"        // it cannot sign
)

// Problems is every problem there is.
var Problems = [...]Problem{Unseen, Unreachable, OtherNetwork, SPV, NoNode, NotVoting, Locked}
