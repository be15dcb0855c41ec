package votes

import (
	"encoding/json"
	"testing"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"
)

// TestLedgerInJSON fixes the shape that programs rely on.
func TestLedgerInJSON(t *testing.T) {
	ledger := Ledger{From: 10, To: 20, Tip: 22, TipHash: chainhash.Hash{31: 0xaa}, Checked: 10,
		Mismatch: &Mismatch{Height: 21, Header: State{5, [6]byte{1}}, Account: State{6, [6]byte{2}}},
		Entries: []Entry{
			{Ticket: chainhash.Hash{31: 1}, Outcome: Voted, Bought: 1, Live: 11, Won: 15, Decided: 16, Voters: 5, Final: true,
				Vote: &Vote{Tx: chainhash.Hash{31: 2}, Bits: 5, Version: 12}},
			{Ticket: chainhash.Hash{31: 3}, Outcome: Missed, Won: 19, Decided: 20, Voters: 3},
			{Ticket: chainhash.Hash{31: 4}, Outcome: Unknown},
		}}
	const zeros = "00000000000000000000000000000000000000000000000000000000000000"
	got, err := json.Marshal(ledger)
	require.NoError(t, err)
	require.JSONEq(t, `{
		"from": 10, "to": 20, "tip": 22, "tip_hash": "aa`+zeros+`",
		"final_states_checked": 10, "final_states_matched": false,
		"mismatch": {"height": 21, "header": {"pool_size": 5, "final_state": "010000000000"},
			"account": {"pool_size": 6, "final_state": "020000000000"}},
		"totals": {"tickets": 3, "provisional": 1, "voted": 1, "missed": 1, "expired": 0, "live": 0, "immature": 0, "unknown": 1},
		"tickets": [
			{"ticket": "01`+zeros+`", "outcome": "voted", "bought": 1, "live": 11, "won": 15, "decided": 16, "voters": 5,
				"final": true, "vote": {"tx": "02`+zeros+`", "bits": 5, "version": 12}},
			{"ticket": "03`+zeros+`", "outcome": "missed", "won": 19, "decided": 20, "voters": 3, "final": false},
			{"ticket": "04`+zeros+`", "outcome": "unknown", "final": false}
		]}`, string(got))
}
