package verifier

import (
	"crypto/ed25519"
	"encoding/json"
	"testing"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp/vspapi"
)

// cast notes that a ticket's vote in a block is on a treasury spend.
func (s *scene) cast(height int64, ticket, spend chainhash.Hash, vote stake.TreasuryVoteT) {
	block := s.Census.blocks[height]
	if block.spends == nil {
		block.spends = make(map[chainhash.Hash][]stake.TreasuryVoteTuple)
	}
	block.spends[ticket] = append(block.spends[ticket], stake.TreasuryVoteTuple{Hash: spend, Vote: vote})
	s.Census.blocks[height] = block
}

// choose adds the VSP's answer to a holder who chose on treasury spends.
func (s *scene) choose(t testing.TB, ticket chainhash.Hash, c Choices) {
	request, err := json.Marshal(vspapi.SetVoteChoicesRequest{Timestamp: 1, TicketHash: ticket.String(), VoteChoices: c.Agendas,
		TSpendPolicy: c.TSpends, TreasuryPolicy: c.Treasury})
	require.NoError(t, err)
	answer, err := json.Marshal(vspapi.SetVoteChoicesResponse{Timestamp: 1, Request: request})
	require.NoError(t, err)
	s.observe(Observation{Kind: KindChoices, Endpoint: vspapi.PathSetVoteChoices, Code: OK, Node: &NodeState{Height: 250},
		Exchange: &Exchange{Request: request, Answer: answer, ServerSignature: vspapi.Sign(vspKey, answer)}})
}

func TestTreasurySpends(t *testing.T) {
	const n, won = 50, 300 // the ticket votes in 301
	spend, stranger := hashNo(900), hashNo(901)
	yes := map[string]string{spend.String(): "yes"}
	byKey := Choices{Treasury: map[string]string{"key": "no"}}
	own := func(s *scene) chainhash.Hash { return s.Ledger.Entries[n].Ticket }
	known := func(s *scene, key string) {
		s.observe(Observation{Kind: KindShopper, Code: OK, Errand: &Errand{Step: StepSpend, Ticket: Hash(spend), Key: key}})
	}
	early := func(s *scene) { s.cast(won-4, stranger, spend, stake.TreasuryVoteYes) }
	others := func(s *scene) { s.cast(won+1, stranger, spend, stake.TreasuryVoteNo) }
	tests := []struct {
		name    string
		chosen  Choices
		happens func(*scene)
		want    Verdict
	}{
		{"as chosen", Choices{TSpends: yes}, func(s *scene) { s.cast(won+1, own(s), spend, stake.TreasuryVoteYes) }, Pass},
		{"the other way", Choices{TSpends: yes}, func(s *scene) { s.cast(won+1, own(s), spend, stake.TreasuryVoteNo) }, Fail},
		{"what nobody chose", Choices{}, func(s *scene) { s.cast(won+1, own(s), spend, stake.TreasuryVoteNo) }, Fail},
		{"left out, known for long", Choices{TSpends: yes}, func(s *scene) { early(s); others(s) }, Fail},
		{"left out, just come", Choices{TSpends: yes}, others, Unproven},
		{"left out, over", Choices{TSpends: yes}, early, Unproven},
		{"by key, as chosen", byKey, func(s *scene) { known(s, "key"); s.cast(won+1, own(s), spend, stake.TreasuryVoteNo) }, Pass},
		{"by key, the other way", byKey, func(s *scene) { known(s, "key"); s.cast(won+1, own(s), spend, stake.TreasuryVoteYes) }, Fail},
		{"by key, left out", byKey, func(s *scene) { known(s, "key"); early(s); others(s) }, Fail},
		{"by another key, left out", byKey, func(s *scene) { known(s, "other"); early(s); others(s) }, Unproven},
		{"by a key that is not known", byKey, func(s *scene) { s.cast(won+1, own(s), spend, stake.TreasuryVoteYes) }, Unproven},
		{"the spend goes before the key", Choices{TSpends: yes, Treasury: byKey.Treasury}, func(s *scene) {
			known(s, "key")
			s.cast(won+1, own(s), spend, stake.TreasuryVoteYes)
		}, Pass},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t)
			s.Target.PubKey = vspKey.Public().(ed25519.PublicKey)
			s.choose(t, own(s), test.chosen)
			test.happens(s)
			f := s.finding(t, "TR-4")
			require.Equal(t, test.want, f.Verdict, "%v", f.Says)
			if test.want == Fail {
				require.Regexp(t, `voted in block 301 \w+ on the treasury spend [0-9a-f]{16}, the holder had chosen \w+`, f.Says[0])
			}
		})
	}
}

// TestLostAnswers: whether choices were taken whose answer was lost, nobody can say until the VSP does.
func TestLostAnswers(t *testing.T) {
	const n = 50 // its ticket wins at 300
	send := func(s *scene, ticket chainhash.Hash, id, choice string) {
		s.observe(Observation{Kind: KindShopper, Code: OK, Node: &NodeState{Height: 260},
			Errand: &Errand{Step: StepChoose, Ticket: Hash(ticket), Choices: &Choices{Agendas: map[string]string{id: choice}}}})
	}
	refuse := func(s *scene, ticket chainhash.Hash, code vspapi.Code) {
		body := []byte(`{"code":` + string(rune('0'+int(code)%10)) + `,"message":"no"}`)
		if code >= 10 {
			body = []byte(`{"code":17,"message":"old"}`)
		}
		s.observe(Observation{Kind: KindChoices, Endpoint: vspapi.PathSetVoteChoices, Code: Declined, Node: &NodeState{Height: 261},
			Raw: &Raw{Status: 400, Body: body, Signature: vspapi.Sign(vspKey, body)}, Errand: &Errand{Step: StepChange, Ticket: Hash(ticket)}})
	}
	tests := []struct {
		name  string
		after func(*scene, chainhash.Hash, string)
		voted string
		want  Verdict
	}{
		{"lost, as before", func(*scene, chainhash.Hash, string) {}, "yes", Pass},
		{"lost, as sent", func(*scene, chainhash.Hash, string) {}, "no", Pass},
		{"lost, as neither", func(*scene, chainhash.Hash, string) {}, "", Fail},
		{"then told what it has", func(s *scene, ticket chainhash.Hash, id string) {
			s.acknowledge(t, vspapi.PathTicketStatus, ticket, 270, map[string]string{id: "no"})
		}, "yes", Fail},
		{"refused", func(s *scene, ticket chainhash.Hash, _ string) { refuse(s, ticket, vspapi.InvalidVoteChoices) }, "no", Fail},
		{"refused for its time: an earlier one may have been taken", func(s *scene, ticket chainhash.Hash, _ string) {
			refuse(s, ticket, vspapi.InvalidTimestamp)
		}, "no", Pass},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t)
			s.Target.PubKey = vspKey.Public().(ed25519.PublicKey)
			id, yes, no := s.agenda(t)
			entry := &s.Ledger.Entries[n]
			s.acknowledge(t, vspapi.PathTicketStatus, entry.Ticket, 250, map[string]string{id: "yes"})
			send(s, entry.Ticket, id, "no")
			test.after(s, entry.Ticket, id)
			entry.Vote.Bits = 1 | map[string]uint16{"yes": yes, "no": no}[test.voted]
			require.Equal(t, test.want, s.finding(t, "TR-4").Verdict, "%v", s.finding(t, "TR-4").Says)
		})
	}
}
