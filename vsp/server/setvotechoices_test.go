package server_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

func setVoteChoicesAsks() []ask {
	path := vspapi.PathSetVoteChoices
	const message = "SetVoteChoicesRequest."
	set := func(r *rig) (fields, vsptest.Holder) { t := r.paid(1); return r.setVoteChoices(t), t.Holder }
	spoil := func(name string, value any) func(r *rig) signed {
		return func(r *rig) signed { f, h := set(r); return f.with(name, value).by(h) }
	}
	four := fields{"a": "", "b": "", "c": "", "d": ""}
	piKey := hex.EncodeToString(append([]byte{2}, make([]byte, 32)...))
	asks := append(anyAct(path, set), byHash(path, set)...)
	return append(asks, []ask{
		{"no fee", path, func(r *rig) signed { t, _ := r.known(); return r.setVoteChoices(t).by(t.Holder) }, vspapi.FeeNotReceived, ""},
		{"no fee, before the body", path, func(r *rig) signed { t, _ := r.known(); return r.ticketStatus(t).by(t.Holder) },
			vspapi.FeeNotReceived, ""},
		{"has voted", path, func(r *rig) signed { t := r.voted(); return r.setVoteChoices(t).by(t.Holder) },
			vspapi.TicketCannotVote, "ticket not eligible to vote (status=voted)"},
		{"has voted, before the body", path, func(r *rig) signed { t := r.voted(); return r.ticketStatus(t).by(t.Holder) },
			vspapi.TicketCannotVote, "ticket not eligible to vote (status=voted)"},
		{"no time", path, spoil("timestamp", nil), vspapi.BadRequest, required(message, "Timestamp")},
		{"no choices", path, spoil("votechoices", nil), vspapi.BadRequest, required(message, "VoteChoices")},
		{"four tspends", path, spoil("tspendpolicy", four), vspapi.BadRequest, tooMany(message, "TSpendPolicy")},
		{"four keys", path, spoil("treasurypolicy", four), vspapi.BadRequest, tooMany(message, "TreasuryPolicy")},
		{"time of the payment", path, spoil("timestamp", now.Unix()), vspapi.InvalidTimestamp, ""},
		{"time before", path, spoil("timestamp", -5), vspapi.InvalidTimestamp, ""},
		{"time comes before choices", path, func(r *rig) signed {
			f, h := set(r)
			return f.with("timestamp", 1).with("votechoices", fields{"x": "y"}).by(h)
		}, vspapi.InvalidTimestamp, ""},
		{"time far ahead", path, spoil("timestamp", now.Add(25*time.Hour).Unix()), vspapi.InvalidTimestamp,
			"timestamp is too far in the future"},
		{"unknown agenda", path, spoil("votechoices", fields{"x": "yes"}), vspapi.InvalidVoteChoices,
			`agenda "x" not found for vote version 12`},
		{"unknown choice", path, spoil("votechoices", fields{"maxtreasuryspend": "x"}), vspapi.InvalidVoteChoices,
			`choice "x" not found for agenda "maxtreasuryspend"`},
		{"treasury key not hex", path, spoil("treasurypolicy", fields{"xy": "yes"}), vspapi.InvalidVoteChoices,
			`error decoding treasury key "xy": encoding/hex: invalid byte: U+0078 'x'`},
		{"treasury key short", path, spoil("treasurypolicy", fields{"02": "yes"}), vspapi.InvalidVoteChoices,
			`treasury key "02" is not 33 bytes`},
		{"treasury policy", path, spoil("treasurypolicy", fields{piKey: "maybe"}), vspapi.InvalidVoteChoices,
			`"maybe" is not a valid policy option`},
		{"tspend short", path, spoil("tspendpolicy", fields{"02": "yes"}), vspapi.InvalidVoteChoices,
			"wrong tspend hash length, expected 64 got 2"},
		{"tspend not hex", path, spoil("tspendpolicy", fields{"x" + unseen[1:]: "yes"}), vspapi.InvalidVoteChoices,
			fmt.Sprintf("error decoding tspend hash %q: encoding/hex: invalid byte: U+0078 'x'", "x"+unseen[1:])},
		{"tspend policy", path, spoil("tspendpolicy", fields{unseen: "YES"}), vspapi.InvalidVoteChoices,
			`"YES" is not a valid policy option`},
		{"treasury comes before tspend", path, func(r *rig) signed {
			f, h := set(r)
			return f.with("tspendpolicy", fields{"02": "yes"}).with("treasurypolicy", fields{"02": "yes"}).by(h)
		}, vspapi.InvalidVoteChoices, `treasury key "02" is not 33 bytes`},
		{"too many in all", path, func(r *rig) signed {
			f, h := set(r)
			hash, err := chainhash.NewHashFromStr(f["tickethash"].(string))
			require.NoError(r, err)
			r.change(*hash, func(t *vsp.Ticket) {
				t.Choices.TSpends = map[string]string{}
				for i := range 128 {
					t.Choices.TSpends[fmt.Sprintf("%064x", i)] = "yes"
				}
			})
			return f.with("tspendpolicy", fields{unseen: "no", strings.Repeat("ab", 32): "no"}).by(h)
		}, vspapi.InvalidVoteChoices, "more than 128 tspend policies"},
	}...)
}
