package verifier

import (
	"encoding/json"
	"fmt"
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
	choices Choices
	whole   bool // all of the ticket's choices, and not only those that were changed
}

// read returns what an exchange proves, or why it proves nothing.
func (x *Exchange) read(path string, target Target) (word, error) {
	var said vspapi.TicketStatusResponse
	if err := x.answer(target.PubKey, &said); err != nil {
		return word{}, err
	}
	var asked struct {
		TicketHash string `json:"tickethash"`
		Choices
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
		return word{ticket: *ticket, choices: asked.Choices}, nil
	case vspapi.PathTicketStatus:
		return word{ticket: *ticket, choices: Choices{said.VoteChoices, said.TSpendPolicy, said.TreasuryPolicy}, whole: true}, nil
	}
	return word{}, fmt.Errorf("%s says nothing of choices", path)
}

// promise is how the VSP had acknowledged that a ticket votes, or may have: an answer can be lost.
type promise struct {
	cite     Cite
	from, to int64 // heights of our own node between which it was acknowledged
	choices  Choices
	open     bool // it was asked for, and nothing is known of an answer
}

// promises returns what the VSP acknowledged of each ticket, in the order of the journal.
func promises(e Evidence) map[chainhash.Hash][]promise {
	all := make(map[chainhash.Hash][]promise)
	for _, o := range e.Seen {
		switch {
		case o.Errand != nil && o.Errand.Step == StepChoose && o.Errand.Choices != nil && o.Node != nil:
			ticket := chainhash.Hash(o.Errand.Ticket)
			known := all[ticket]
			all[ticket] = append(known, promise{o.Cite(), o.Node.Height, o.Node.Height, latest(known).over(*o.Errand.Choices), true})
		case o.Kind != KindChoices:
		case o.Code == OK:
			e.promised(all, o)
		case o.Errand != nil && o.Errand.Step == StepChange:
			if code, refused := o.refusal(e.Target.PubKey); refused && code != vspapi.InvalidTimestamp {
				ticket := chainhash.Hash(o.Errand.Ticket)
				all[ticket] = answered(all[ticket])
			}
		}
	}
	return all
}

// promised takes in an acknowledgement. What does not prove itself proves nothing.
func (e Evidence) promised(all map[chainhash.Hash][]promise, o Observation) {
	w, err := o.Exchange.read(o.Endpoint, e.Target)
	if err != nil || o.Node == nil {
		return
	}
	p := promise{cite: o.Cite(), from: o.Node.Height, to: o.Node.Height, choices: w.choices}
	if o.Later != nil {
		p.to = max(p.to, o.Later.Height)
	}
	known := all[w.ticket]
	if !w.whole {
		known = answered(known)
		p.choices = latest(known).over(w.choices)
	}
	all[w.ticket] = append(known, p)
}

// answered returns the promises without the one that was last asked for, if it is open still: its answer has come.
func answered(known []promise) []promise {
	if n := len(known); n > 0 && known[n-1].open {
		return known[: n-1 : n-1]
	}
	return known
}

func latest(known []promise) Choices {
	if len(known) == 0 {
		return Choices{}
	}
	return known[len(known)-1].choices
}

// due returns the promises of which one must have been kept by a ticket that won at a height. What was acknowledged just
// before may have come to the wallets too late; then the one before it is as good.
func due(of []promise, won, lag int64) []promise {
	last := -1
	for i, p := range of {
		if p.to <= won-lag && !p.open {
			last = i
		}
	}
	if last < 0 {
		return nil
	}
	var all []promise
	for _, p := range of[last:] {
		if p.from <= won {
			all = append(all, p)
		}
	}
	return all
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
	given, spends := promises(e), newSpending(e)
	compared, chosen, broken, treasury := 0, 0, 0, 0
	for _, entry := range e.Ledger.Entries {
		if entry.Vote == nil || !e.Final(entry) {
			continue
		}
		any := due(given[entry.Ticket], entry.Won, e.Policy.MaxLagBlocks)
		c, known := e.compare(entry, any, spends)
		if !known {
			continue
		}
		compared++
		treasury += c.spends
		if c.chosen {
			chosen++
		}
		for _, p := range any {
			f.Cites = append(f.Cites, p.cite)
		}
		if c.wrong != "" {
			broken++
			f.Says = append(f.Says, fmt.Sprintf("Ticket %.16s voted in block %d %s.", entry.Ticket, entry.Decided, c.wrong))
		}
	}
	f.Numbers = []Number{number("votes_compared", compared), number("votes_with_choices", chosen),
		number("votes_on_treasury_spends", treasury), number("votes_other_than_chosen", broken)}
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
		f.Says = []string{fmt.Sprintf("All %d votes compared are as the VSP had acknowledged, %d of them with a choice; %d choices on treasury spends among them.",
			compared, chosen, treasury)}
	}
	return f
}

// comparison is a vote held against promises.
type comparison struct {
	wrong  string // how it is other than each of them, the first one's way; empty if it is as one
	chosen bool   // there was something that could have been left out
	spends int    // on how many treasury spends it was held to a choice
}

// compare reports whether a vote is as one of some promises, and whether that can be told.
func (e Evidence) compare(entry votes.Entry, any []promise, spends spending) (c comparison, known bool) {
	for i, p := range any {
		mask, want, ok := choiceBits(e.Target.Network.Params, entry.Vote.Version, p.choices.Agendas)
		if !ok {
			return comparison{}, false
		}
		wrong, counted := spends.wrong(entry, p.choices)
		if got := entry.Vote.Bits & mask; got != want {
			wrong = fmt.Sprintf("with the bits %#04x, the holder had chosen %#04x", got, want)
		}
		if i == 0 {
			c = comparison{wrong, want != 0 || counted > 0, counted}
		}
		if wrong == "" {
			c.wrong = ""
		}
	}
	return c, len(any) > 0
}
