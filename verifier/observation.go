package verifier

import (
	"encoding/json"
	"fmt"
	"time"

	"scrutineer/vsp/vspapi"
)

// Kinds of observation.
const (
	KindNode    = "node"    // our own node: the control that shows whether we could see at all
	KindInfo    = "vspinfo" // the VSP's statement about itself
	KindSite    = "site"    // the front page
	KindTLS     = "tls"     // a connection as it is secured
	KindControl = "control" // a site that has nothing to do with the target
	KindChoices = "choices" // what the VSP acknowledged of how a ticket votes
	KindMempool = "mempool" // the votes that reached our own node while one block was its tip
	KindShopper = "shopper" // a step of the mystery shopper's that says nothing of choices
)

// Observation is one thing that was seen, as it was seen. It is evidence: nothing in it was judged but Code.
type Observation struct {
	Journal  string        `json:"-"`        // the vantage whose journal it is in; empty: the trial's own
	Number   int64         `json:"-"`        // of its entry in that journal
	At       time.Time     `json:"at"`       // when the round began in which it was seen, UTC
	Kind     string        `json:"kind"`     // one of the kinds above
	Vantage  string        `json:"vantage"`  // who looked
	Endpoint string        `json:"endpoint"` // what was looked at
	Code     Code          `json:"code"`     // how it ended
	Detail   string        `json:"detail,omitempty"`
	Took     time.Duration `json:"took_ns"`
	Raw      *Raw          `json:"raw,omitempty"`      // of KindInfo, where an answer came; of the shopper's steps, the refusal
	Node     *NodeState    `json:"node,omitempty"`     // of KindNode; with KindInfo what our node had said just before
	TLS      *TLSState     `json:"tls,omitempty"`      // of KindTLS, where a connection was made
	Tip      *TipVotes     `json:"tip,omitempty"`      // of KindMempool
	Exchange *Exchange     `json:"exchange,omitempty"` // of KindChoices, where the VSP answered
	Later    *NodeState    `json:"later,omitempty"`    // of KindChoices what our node said just after
	Errand   *Errand       `json:"errand,omitempty"`   // of the shopper's steps
}

// Raw is an HTTP answer as it came. Who has the VSP's public key can check the signature again.
type Raw struct {
	Status    int    `json:"status"`
	Body      []byte `json:"body"` // cut at MaxRaw bytes
	Signature string `json:"signature"`
}

// MaxRaw is how much of an answer's body is kept. A vspinfo has about 500 bytes.
const MaxRaw = 16 << 10

// TLSState is what was agreed on with the target.
type TLSState struct {
	Version  string    `json:"version"`   // such as "TLS 1.3"
	NotAfter time.Time `json:"not_after"` // when the certificate expires, UTC
}

// NodeState is what our own node said of itself.
type NodeState struct {
	Height int64 `json:"height"`
	Hash   Hash  `json:"hash"`
	Peers  int   `json:"peers"`
}

// TipVotes is every vote that our node accepted into its mempool while one block was its tip. Only where Whole is set does a
// vote's absence mean that it had not come.
type TipVotes struct {
	Height int64      `json:"height"`
	Hash   Hash       `json:"hash"`
	Whole  bool       `json:"whole"` // we listened without a break from the tip's coming to its going
	Votes  []SeenVote `json:"votes"`
}

// SeenVote is one vote in our node's mempool. A tip's votes are in the order in which they came.
type SeenVote struct {
	Ticket Hash          `json:"ticket"`
	Vote   Hash          `json:"vote"`
	Block  Hash          `json:"block"`    // that it votes on
	After  time.Duration `json:"after_ns"` // how long after the tip's coming it came
}

// Cite names the observation's entry, as findings cite it.
func (o Observation) Cite() Cite { return Cite{o.Journal, o.Number} }

// Info decodes the VSP's statement from the raw answer. Only of an observation that is OK has it been verified.
func (o Observation) Info() (vspapi.Info, error) {
	var info vspapi.Info
	if o.Raw == nil {
		return info, fmt.Errorf("observation %v has no answer", o.Cite())
	}
	if err := json.Unmarshal(o.Raw.Body, &info); err != nil {
		return info, fmt.Errorf("observation %v: decode vspinfo: %w", o.Cite(), err)
	}
	return info, nil
}

// Beat says that a vantage carried out a whole round of its probes.
type Beat struct {
	At      time.Time `json:"at"` // when the round began, UTC
	Vantage string    `json:"vantage"`
}
