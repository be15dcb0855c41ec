package report

import (
	"fmt"
	"slices"
	"time"

	"scrutineer/verifier"
)

// Vantage is one of the places that the VSP was watched from, and how far it can be relied on.
type Vantage struct {
	Vantage  string   `json:"vantage"`
	Alive    int      `json:"slots_alive"`
	Coverage float64  `json:"coverage"`
	Ribbon   string   `json:"ribbon"`          // one character a slot: # it showed that it could see, ? it did not
	Entries  int64    `json:"journal_entries"` // of its own journal that count; 0 of the trial's own vantage
	Root     string   `json:"journal_root"`    // of the Merkle tree of these, base64
	Key      string   `json:"journal_key"`     // that its checkpoints are verified with
	Trouble  []string `json:"trouble"`         // sentences for people
}

// newVantages tells of every vantage, the trial's own first.
func newVantages(e verifier.Evidence) []Vantage {
	names := []string{verifier.LocalVantage}
	for _, w := range e.Witnesses {
		names = append(names, w.Name)
	}
	all := []Vantage{}
	for _, p := range verifier.Presences(e.Window, e.Seen, e.Beats, names...) {
		v := Vantage{Vantage: p.Vantage, Alive: p.Share().Up, Coverage: p.Share().Coverage(), Ribbon: ribbon(p.States), Trouble: []string{}}
		if i := slices.IndexFunc(e.Witnesses, func(w verifier.Witness) bool { return w.Name == p.Vantage }); i >= 0 {
			w := e.Witnesses[i]
			v.Key = w.Key
			v.Entries, v.Root = w.Held()
			v.Trouble = trouble(w, verifier.ClockLimit(e.Policy, e.Window.Slot))
		}
		all = append(all, v)
	}
	own := slices.IndexFunc(all, func(v Vantage) bool { return v.Vantage == verifier.LocalVantage })
	return slices.Concat(all[own:own+1], all[:own], all[own+1:])
}

// trouble tells what there was with a vantage. All of it is ours.
func trouble(w verifier.Witness, limit time.Duration) []string {
	says := []string{}
	if p := w.Rewritten(); p != nil {
		says = append(says, fmt.Sprintf("It contradicted its own journal on %s: nothing counts that it said from then on (entry %d).", moment(p.At), p.Number))
	}
	off := time.Duration(0)
	ends := make(map[verifier.PullCode]verifier.Pull) // the last of each kind
	var order []verifier.PullCode
	for _, p := range w.Pulls {
		off = max(off, p.ClockOff.Abs())
		if p.Code == verifier.PullOK || p.Code == verifier.PullRewritten {
			continue
		}
		if _, known := ends[p.Code]; !known {
			order = append(order, p.Code)
		}
		ends[p.Code] = p
	}
	if off > limit {
		says = append(says, fmt.Sprintf("Its clock was off by up to %v, more than %v: what it saw then does not count.", off.Round(time.Millisecond), limit))
	}
	for _, code := range order {
		says = append(says, fmt.Sprintf("It %s, the last time from %s on (entry %d).", code.Text(), moment(ends[code].At), ends[code].Number))
	}
	if len(w.Pulls) == 0 {
		says = append(says, "It was never asked.")
	}
	return says
}

func moment(at time.Time) string { return at.UTC().Format("02 Jan 15:04:05") }

// vantages tells where the VSP was watched from, if there was more than one place.
func (r Report) vantages(p *page) {
	if len(r.Vantages) < 2 {
		return
	}
	p.title("VANTAGES")
	for _, v := range r.Vantages {
		p.wrap("  "+v.Vantage+"  ", fmt.Sprintf("could see in %d of %d slots, %s %%", v.Alive, len(v.Ribbon), verifier.Percent(v.Coverage)))
		p.line("    " + squeeze(v.Ribbon, ribbonWidth+12))
		for _, text := range v.Trouble {
			p.wrap("    ", text)
		}
		if v.Entries > 0 {
			p.wrap("    ", fmt.Sprintf("Its journal: %d entries, their root and its public key:", v.Entries))
			p.wrap("    ", v.Root)
			p.wrap("    ", v.Key)
		}
	}
}
