package verifier

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/verifier/votes"
	"scrutineer/vsp/vspapi"
)

var vspKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{5}, ed25519.SeedSize))

// acknowledge adds the VSP's answer to a holder, given at a height.
func (s *scene) acknowledge(t testing.TB, path string, ticket chainhash.Hash, height int64, agendas map[string]string) *Exchange {
	request, err := json.Marshal(vspapi.SetVoteChoicesRequest{Timestamp: height, TicketHash: ticket.String(), VoteChoices: agendas})
	require.NoError(t, err)
	var answer []byte
	if path == vspapi.PathTicketStatus {
		request = fmt.Appendf(nil, `{"tickethash":%q}`, ticket)
		answer, err = json.Marshal(vspapi.TicketStatusResponse{VoteChoices: agendas, Request: request})
	} else {
		answer, err = json.Marshal(vspapi.SetVoteChoicesResponse{Timestamp: height, Request: request})
	}
	require.NoError(t, err)
	x := &Exchange{Request: request, Answer: answer, ServerSignature: vspapi.Sign(vspKey, answer)}
	s.observe(Observation{Kind: KindChoices, Endpoint: path, Code: OK, Exchange: x, Node: &NodeState{Height: height}})
	return x
}

// agenda returns an agenda of the scene's network and votes, with the bits of yes and no.
func (s *scene) agenda(t testing.TB) (id string, yes, no uint16) {
	d := s.Target.Network.Params.Deployments[12][0]
	for _, c := range d.Vote.Choices {
		switch c.Id {
		case "yes":
			yes = c.Bits
		case "no":
			no = c.Bits
		}
	}
	require.NotZero(t, yes)
	require.NotZero(t, no)
	return d.Vote.Id, yes, no
}

func TestChoices(t *testing.T) {
	const n = 50 // its ticket wins at 300 and votes in 301
	set, status := vspapi.PathSetVoteChoices, vspapi.PathTicketStatus
	tests := []struct {
		name   string
		change func(s *scene, entry *votes.Entry, id string, yes, no uint16)
		want   Verdict
	}{
		{"nothing acknowledged", func(*scene, *votes.Entry, string, uint16, uint16) {}, Unproven},
		{"as chosen", func(s *scene, e *votes.Entry, id string, yes, _ uint16) {
			s.acknowledge(t, set, e.Ticket, 250, map[string]string{id: "yes"})
			e.Vote.Bits = 1 | yes
		}, Pass},
		{"as the VSP says it holds", func(s *scene, e *votes.Entry, id string, _, no uint16) {
			s.acknowledge(t, status, e.Ticket, 250, map[string]string{id: "no"})
			e.Vote.Bits = 1 | no
		}, Pass},
		{"another choice", func(s *scene, e *votes.Entry, id string, _, no uint16) {
			s.acknowledge(t, set, e.Ticket, 250, map[string]string{id: "yes"})
			e.Vote.Bits = 1 | no
		}, Fail},
		{"left out", func(s *scene, e *votes.Entry, id string, _, _ uint16) {
			s.acknowledge(t, set, e.Ticket, 250, map[string]string{id: "yes"})
		}, Fail},
		{"a choice nobody made", func(s *scene, e *votes.Entry, _ string, yes, _ uint16) {
			s.acknowledge(t, status, e.Ticket, 250, nil)
			e.Vote.Bits = 1 | yes
		}, Fail},
		{"abstains as chosen", func(s *scene, e *votes.Entry, _ string, _, _ uint16) {
			s.acknowledge(t, status, e.Ticket, 250, nil)
		}, Unproven},
		{"the parent block was disapproved", func(s *scene, e *votes.Entry, id string, yes, _ uint16) {
			s.acknowledge(t, set, e.Ticket, 250, map[string]string{id: "yes"})
			e.Vote.Bits = yes
		}, Pass},
		{"changed in time", func(s *scene, e *votes.Entry, id string, _, no uint16) {
			s.acknowledge(t, set, e.Ticket, 250, map[string]string{id: "yes"})
			s.acknowledge(t, set, e.Ticket, 298, map[string]string{id: "no"})
			e.Vote.Bits = 1 | no
		}, Pass},
		{"changed in time, and not carried out", func(s *scene, e *votes.Entry, id string, yes, _ uint16) {
			s.acknowledge(t, set, e.Ticket, 250, map[string]string{id: "yes"})
			s.acknowledge(t, set, e.Ticket, 298, map[string]string{id: "no"})
			e.Vote.Bits = 1 | yes
		}, Fail},
		{"changed at the last moment, old", func(s *scene, e *votes.Entry, id string, yes, _ uint16) {
			s.acknowledge(t, set, e.Ticket, 250, map[string]string{id: "yes"})
			s.acknowledge(t, set, e.Ticket, 299, map[string]string{id: "no"})
			e.Vote.Bits = 1 | yes
		}, Pass},
		{"changed at the last moment, new", func(s *scene, e *votes.Entry, id string, _, no uint16) {
			s.acknowledge(t, set, e.Ticket, 250, map[string]string{id: "yes"})
			s.acknowledge(t, set, e.Ticket, 300, map[string]string{id: "no"})
			e.Vote.Bits = 1 | no
		}, Pass},
		{"first chosen at the last moment", func(s *scene, e *votes.Entry, id string, _, _ uint16) {
			s.acknowledge(t, set, e.Ticket, 299, map[string]string{id: "yes"})
		}, Unproven},
		{"chosen after it had voted", func(s *scene, e *votes.Entry, id string, _, _ uint16) {
			s.acknowledge(t, set, e.Ticket, 310, map[string]string{id: "yes"})
		}, Unproven},
		{"not acknowledged: another key", func(s *scene, e *votes.Entry, id string, _, _ uint16) {
			x := s.acknowledge(t, set, e.Ticket, 250, map[string]string{id: "yes"})
			x.ServerSignature = vspapi.Sign(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), x.Answer)
		}, Unproven},
		{"not acknowledged: another request", func(s *scene, e *votes.Entry, id string, _, _ uint16) {
			x := s.acknowledge(t, set, e.Ticket, 250, map[string]string{id: "yes"})
			x.Request = bytes.Replace(x.Request, []byte("yes"), []byte("no"), 1)
		}, Unproven},
		{"a vote of a version we do not know", func(s *scene, e *votes.Entry, id string, _, _ uint16) {
			s.acknowledge(t, set, e.Ticket, 250, map[string]string{id: "yes"})
			e.Vote.Version = 99
		}, Unproven},
		{"not final", func(s *scene, e *votes.Entry, id string, _, _ uint16) {
			s.acknowledge(t, set, e.Ticket, 250, map[string]string{id: "yes"})
			s.Ledger.To = e.Decided + 1
		}, Unproven},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t)
			s.Target.PubKey = vspKey.Public().(ed25519.PublicKey)
			id, yes, no := s.agenda(t)
			test.change(s, &s.Ledger.Entries[n], id, yes, no)
			f := s.finding(t, "TR-4")
			require.Equal(t, test.want, f.Verdict, "%v", f.Says)
			if test.want == Fail {
				require.Regexp(t, `voted in block 301 with the bits 0x[0-9a-f]+, the holder had chosen 0x[0-9a-f]+`, f.Says[0])
				require.NotEmpty(t, f.Cites)
			}
		})
	}
}

// TestPromisesAreMerged: a request changes what it names, and the VSP's own statement replaces all.
func TestPromisesAreMerged(t *testing.T) {
	s := newScene(t)
	s.Target.PubKey = vspKey.Public().(ed25519.PublicKey)
	ticket := s.Ledger.Entries[0].Ticket
	s.acknowledge(t, vspapi.PathSetVoteChoices, ticket, 1, map[string]string{"a": "yes"})
	s.acknowledge(t, vspapi.PathSetVoteChoices, ticket, 2, map[string]string{"b": "no"})
	s.acknowledge(t, vspapi.PathTicketStatus, ticket, 3, map[string]string{"c": "yes"})
	var got []map[string]string
	for _, p := range promises(s.Evidence)[ticket] {
		got = append(got, p.choices.Agendas)
	}
	require.Equal(t, []map[string]string{{"a": "yes"}, {"a": "yes", "b": "no"}, {"c": "yes"}}, got)
}
