package verifier

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"

	"scrutineer/verifier/votes"
	"scrutineer/vsp/vspapi"
)

// Exchange is one request of a holder's and the VSP's answer, byte for byte. Whoever has the VSP's key can check that it
// said so. It never is a payfee: that carries the ticket's voting key.
type Exchange struct {
	Request         []byte `json:"request"`
	ClientSignature string `json:"client_signature"`
	Answer          []byte `json:"answer"`
	ServerSignature string `json:"server_signature"`
}

// word is what the VSP acknowledged of how a ticket votes.
type word struct {
	ticket  chainhash.Hash
	agendas map[string]string
	whole   bool // all of the ticket's choices, and not only those that were changed
}

// read returns what an exchange proves, or why it proves nothing.
func (x Exchange) read(path string, target Target) (word, error) {
	if err := vspapi.Verify(target.PubKey, x.Answer, x.ServerSignature); err != nil {
		return word{}, err
	}
	var echo struct {
		Request []byte `json:"request"`
	}
	if err := json.Unmarshal(x.Answer, &echo); err != nil {
		return word{}, fmt.Errorf("decode answer: %w", err)
	}
	if !bytes.Equal(echo.Request, x.Request) {
		return word{}, errors.New("the answer is to another request")
	}
	var asked struct {
		TicketHash  string            `json:"tickethash"`
		VoteChoices map[string]string `json:"votechoices"`
	}
	if err := json.Unmarshal(x.Request, &asked); err != nil {
		return word{}, fmt.Errorf("decode request: %w", err)
	}
	ticket, err := chainhash.NewHashFromStr(asked.TicketHash)
	if err != nil {
		return word{}, fmt.Errorf("decode request: %w", err)
	}
	switch path {
	case vspapi.PathSetVoteChoices:
		return word{ticket: *ticket, agendas: asked.VoteChoices}, nil
	case vspapi.PathTicketStatus:
		var said vspapi.TicketStatusResponse
		if err := json.Unmarshal(x.Answer, &said); err != nil {
			return word{}, fmt.Errorf("decode answer: %w", err)
		}
		return word{ticket: *ticket, agendas: said.VoteChoices, whole: true}, nil
	}
	return word{}, fmt.Errorf("%s says nothing of choices", path)
}

// promise is how the VSP had acknowledged that a ticket votes, from a height of our own node on.
type promise struct {
	cite    Cite
	height  int64
	agendas map[string]string
}

// promises returns what the VSP acknowledged of each ticket, in the order of the journal.
func promises(e Evidence) map[chainhash.Hash][]promise {
	all := make(map[chainhash.Hash][]promise)
	for _, o := range e.Seen {
		if o.Kind != KindChoices || o.Code != OK || o.Exchange == nil || o.Node == nil {
			continue
		}
		w, err := o.Exchange.read(o.Endpoint, e.Target)
		if err != nil {
			continue // what does not prove itself proves nothing
		}
		known := all[w.ticket]
		merged := make(map[string]string)
		if !w.whole && len(known) > 0 {
			maps.Copy(merged, known[len(known)-1].agendas)
		}
		maps.Copy(merged, w.agendas)
		all[w.ticket] = append(known, promise{o.Cite(), o.Node.Height, merged})
	}
	return all
}

// due returns the promises of which one must have been kept by a ticket that won at a height. What was acknowledged just
// before may have come to the wallets too late; then the one before it is as good.
func due(of []promise, won, lag int64) []promise {
	last := -1
	for i, p := range of {
		if p.height <= won-lag {
			last = i
		}
	}
	if last < 0 {
		return nil
	}
	end := last + 1
	for end < len(of) && of[end].height <= won {
		end++
	}
	return of[last:end]
}

// choiceBits returns which of a vote's bits say how it votes on agendas, and what they are by a holder's choices. It
// reports false for a version that we do not know.
func choiceBits(params *chaincfg.Params, version uint32, agendas map[string]string) (mask, bits uint16, ok bool) {
	deployments, ok := params.Deployments[version]
	for _, d := range deployments {
		mask |= d.Vote.Mask
		i := slices.IndexFunc(d.Vote.Choices, func(c chaincfg.Choice) bool { return c.Id == agendas[d.Vote.Id] })
		if i >= 0 {
			bits |= d.Vote.Choices[i].Bits
		}
	}
	return mask, bits, ok
}

// judgeChoices is row TR-4. A vote is held to what the VSP itself acknowledged, signed, before its ticket won.
func judgeChoices(e Evidence) Finding {
	if f, bad := e.unreadable(); bad {
		return f
	}
	f := Finding{Class: Stated}
	given := promises(e)
	compared, chosen, broken := 0, 0, 0
	for _, entry := range e.Ledger.Entries {
		if entry.Vote == nil || !e.Final(entry) {
			continue
		}
		any := due(given[entry.Ticket], entry.Won, e.Policy.MaxLagBlocks)
		kept, known := e.kept(entry, any)
		if !known {
			continue
		}
		compared++
		_, wanted, _ := choiceBits(e.Target.Network.Params, entry.Vote.Version, any[0].agendas)
		if wanted != 0 {
			chosen++
		}
		for _, p := range any {
			f.Cites = append(f.Cites, p.cite)
		}
		if !kept {
			broken++
			mask, _, _ := choiceBits(e.Target.Network.Params, entry.Vote.Version, nil)
			f.Says = append(f.Says, fmt.Sprintf("Ticket %.16s voted in block %d with the bits %#04x, the holder had chosen %#04x.",
				entry.Ticket, entry.Decided, entry.Vote.Bits&mask, wanted))
		}
	}
	f.Numbers = []Number{number("votes_compared", compared), number("votes_with_choices", chosen), number("votes_other_than_chosen", broken)}
	switch {
	case broken > 0:
		f.Verdict = Fail
	case compared == 0:
		return lacking("the VSP acknowledged no choices of a ticket that voted since")
	case chosen == 0:
		f.Verdict = Unproven
		f.Says = []string{fmt.Sprintf("All %d votes compared abstain, as their holders did: nothing was chosen that could have been left out.", compared)}
	default:
		f.Verdict = Pass
		f.Says = []string{fmt.Sprintf("All %d votes compared are as the VSP had acknowledged, %d of them with a choice. Treasury spends were not compared.", compared, chosen)}
	}
	return f
}

// kept reports whether a vote is as one of some promises, and whether that can be told.
func (e Evidence) kept(entry votes.Entry, any []promise) (kept, known bool) {
	for _, p := range any {
		mask, want, ok := choiceBits(e.Target.Network.Params, entry.Vote.Version, p.agendas)
		if !ok {
			return false, false
		}
		known = true
		kept = kept || entry.Vote.Bits&mask == want
	}
	return kept, known
}
