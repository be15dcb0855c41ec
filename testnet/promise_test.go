package testnet

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp/vspapi"
)

// What the judge of the drills believes to have been promised, and what it says of a vote, decide whether a drill can fail.

func TestWitnessRemembersPromises(t *testing.T) {
	ticket := chainhash.Hash{7}
	about := `"tickethash":"` + ticket.String() + `"`
	setNo := `{` + about + `,"votechoices":{"agenda":"no"},"tspendpolicy":{"t":"yes"}}`
	type exchange struct {
		path, request string
		status        int
		answer        string
	}
	tests := []struct {
		name      string
		exchanges []exchange
		paid      bool
		agenda    string
	}{
		{"nothing acknowledged", []exchange{{vspapi.PathPayFee, `{` + about + `}`, 502, ""}}, false, ""},
		{"paid", []exchange{{vspapi.PathPayFee, `{` + about + `,"votechoices":{"agenda":"yes"}}`, 200, `{}`}}, true, "yes"},
		{"paid, learnt by asking again", []exchange{
			{vspapi.PathPayFee, `{` + about + `,"votechoices":{"agenda":"yes"}}`, 502, ""},
			{vspapi.PathPayFee, `{` + about + `,"votechoices":{"agenda":"yes"}}`, 400, `{"code":3}`},
			{vspapi.PathPayFee, `{` + about + `,"votechoices":{"agenda":"no"}}`, 400, `{"code":3}`}}, true, "yes"},
		{"changed", []exchange{
			{vspapi.PathPayFee, `{` + about + `,"votechoices":{"agenda":"yes"}}`, 200, `{}`},
			{vspapi.PathSetVoteChoices, setNo, 200, `{}`}}, true, "no"},
		{"change lost", []exchange{
			{vspapi.PathPayFee, `{` + about + `,"votechoices":{"agenda":"yes"}}`, 200, `{}`},
			{vspapi.PathSetVoteChoices, setNo, 502, ""}}, true, "yes"},
		{"change lost, and learnt of", []exchange{
			{vspapi.PathPayFee, `{` + about + `,"votechoices":{"agenda":"yes"}}`, 200, `{}`},
			{vspapi.PathSetVoteChoices, setNo, 502, ""},
			{vspapi.PathSetVoteChoices, setNo, 400, `{"code":17}`}}, true, "no"},
		{"change refused", []exchange{
			{vspapi.PathPayFee, `{` + about + `,"votechoices":{"agenda":"yes"}}`, 200, `{}`},
			{vspapi.PathSetVoteChoices, setNo, 400, `{"code":17}`}}, true, "yes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := &witness{promises: make(map[chainhash.Hash]*promise), refusals: make(map[vspapi.Code]int)}
			for _, e := range test.exchanges {
				recorder := httptest.NewRecorder()
				if e.status != http.StatusBadGateway {
					recorder.Header().Set(vspapi.ServerSignature, "signed")
				}
				recorder.WriteHeader(e.status)
				_, err := recorder.WriteString(e.answer)
				require.NoError(t, err)
				w.note(e.path, []byte(e.request), recorder)
			}
			given := w.given()[ticket]
			require.Equal(t, test.paid, given.paid)
			got := given.choices()
			require.Equal(t, test.agenda, got.Agendas["agenda"])
		})
	}
}

func TestVotesAsChosen(t *testing.T) {
	road, bridge := chainhash.Hash{1}, chainhash.Hash{2}
	// Both can be voted on from block 192 to block 336.
	p := &play{network: &Network{}, tspends: map[string]treasurySpend{"road": {road, 338}, "bridge": {bridge, 338}}}
	p.network.Chain = newChain(p.network, nil)
	none := choices{}
	no := choices{Agendas: map[string]string{theAgenda: "no"}}
	spends := choices{TSpends: map[string]string{road.String(): "no"}, Treasury: map[string]string{treasuryKey: "yes"}}
	bothVotes := []stake.TreasuryVoteTuple{{Hash: road, Vote: stake.TreasuryVoteNo}, {Hash: bridge, Vote: stake.TreasuryVoteYes}}
	tests := []struct {
		name    string
		fate    Fate
		history []chosen
		wrong   string
	}{
		{"nothing chosen", Fate{Height: 160, Bits: 1}, []chosen{{150, none}}, ""},
		{"agenda", Fate{Height: 160, Bits: 3}, []chosen{{150, no}}, ""},
		{"agenda ignored", Fate{Height: 160, Bits: 1}, []chosen{{150, no}}, "bits are 0x1, not 0x3"},
		{"parent disapproved", Fate{Height: 160, Bits: 2}, []chosen{{150, no}}, "bits are 0x2"},
		{"the wallets could not know yet", Fate{Height: 160, Bits: 1}, []chosen{{150, none}, {156, no}}, ""},
		{"the wallets should have known", Fate{Height: 163, Bits: 1}, []chosen{{150, none}, {156, no}}, "bits are 0x1"},
		{"chosen after the vote", Fate{Height: 160, Bits: 3}, []chosen{{150, none}, {160, no}}, "bits are 0x3"},
		{"spends, before the window", Fate{Height: 192, Bits: 1}, []chosen{{150, spends}}, ""},
		{"spends", Fate{Height: 193, Bits: 1, TSpends: bothVotes}, []chosen{{150, spends}}, ""},
		{"one spend left out", Fate{Height: 193, Bits: 1, TSpends: bothVotes[:1]}, []chosen{{150, spends}}, "treasury spends"},
		{"a spend that nothing was said of", Fate{Height: 193, Bits: 1, TSpends: bothVotes[:1]}, []chosen{{150, none}}, "treasury spends"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := p.asChosen(chainhash.Hash{9}, test.fate, test.history)
			if test.wrong == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.wrong)
		})
	}
}
