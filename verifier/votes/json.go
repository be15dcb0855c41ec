package votes

import (
	"encoding/hex"
	"encoding/json"
)

// MarshalJSON writes the ledger in the shape that programs may rely on: hashes and final states as text, heights that are
// not known left out.
func (l Ledger) MarshalJSON() ([]byte, error) {
	totals := map[string]int{"tickets": len(l.Entries), "provisional": l.Provisional()}
	for _, outcome := range Outcomes {
		totals[string(outcome)] = l.Count(outcome)
	}
	return json.Marshal(struct {
		From     int64          `json:"from"`
		To       int64          `json:"to"`
		Tip      int64          `json:"tip"`
		TipHash  string         `json:"tip_hash"`
		Checked  int            `json:"final_states_checked"`
		Matched  bool           `json:"final_states_matched"`
		Mismatch *Mismatch      `json:"mismatch,omitempty"`
		Totals   map[string]int `json:"totals"`
		Entries  []Entry        `json:"tickets"`
	}{l.From, l.To, l.Tip, l.TipHash.String(), l.Checked, l.Mismatch == nil, l.Mismatch, totals, l.Entries})
}

// MarshalJSON writes one ticket's account.
func (e Entry) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Ticket  string  `json:"ticket"`
		Outcome Outcome `json:"outcome"`
		Bought  int64   `json:"bought,omitempty"`
		Live    int64   `json:"live,omitempty"`
		Won     int64   `json:"won,omitempty"`
		Decided int64   `json:"decided,omitempty"`
		Voters  int     `json:"voters,omitempty"`
		Final   bool    `json:"final"`
		Vote    *Vote   `json:"vote,omitempty"`
	}{e.Ticket.String(), e.Outcome, e.Bought, e.Live, e.Won, e.Decided, e.Voters, e.Final, e.Vote})
}

// MarshalJSON writes a vote.
func (v Vote) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Tx      string `json:"tx"`
		Bits    uint16 `json:"bits"`
		Version uint32 `json:"version"`
	}{v.Tx.String(), v.Bits, v.Version})
}

// MarshalJSON writes a contradiction.
func (m Mismatch) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Height  int64 `json:"height"`
		Header  State `json:"header"`
		Account State `json:"account"`
	}{m.Height, m.Header, m.Account})
}

// MarshalJSON writes the state before a block.
func (s State) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		PoolSize   int    `json:"pool_size"`
		FinalState string `json:"final_state"`
	}{s.PoolSize, hex.EncodeToString(s.FinalState[:])})
}
