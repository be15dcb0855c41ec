package verifier

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Uptime is how one endpoint did in each slot of a window.
type Uptime struct {
	Endpoint string
	States   []State // one for each slot
	Reasons  []Reason
	Cites    []Cite // the observations that made a slot down, ascending
}

// Reason is how often slots were not up for one cause.
type Reason struct {
	Code  Code
	Slots int
}

// Share is how slots are spread over the states.
type Share struct{ Up, Down, Unknown int }

// Outage is a run of slots that were down, one after the other.
type Outage struct {
	From  time.Time
	Slots int
}

// Day is one UTC day of a window, or the part of it that the window has.
type Day struct {
	From   time.Time // of its first slot
	States []State
}

// shareOf counts states.
func shareOf(states []State) Share {
	var s Share
	for _, state := range states {
		switch state {
		case Up:
			s.Up++
		case Down:
			s.Down++
		default:
			s.Unknown++
		}
	}
	return s
}

// Share counts the slots of the whole window.
func (u Uptime) Share() Share { return shareOf(u.States) }

// Share counts the slots of the day.
func (d Day) Share() Share { return shareOf(d.States) }

func (s Share) total() int { return s.Up + s.Down + s.Unknown }

// Low is the uptime if every unknown slot was down, 0 to 1.
func (s Share) Low() float64 { return ratio(s.Up, s.total(), 0) }

// High is the uptime if every unknown slot was up, 0 to 1.
func (s Share) High() float64 { return ratio(s.Up+s.Unknown, s.total(), 1) }

// Coverage is the share of slots that are known, 0 to 1.
func (s Share) Coverage() float64 { return ratio(s.Up+s.Down, s.total(), 0) }

func ratio(part, whole int, of0 float64) float64 {
	if whole == 0 {
		return of0
	}
	return float64(part) / float64(whole)
}

// Longest returns the longest outage, the first of several that are as long. A slot that is unknown ends one: nobody saw
// that it went on.
func (u Uptime) Longest(w Window) Outage {
	var longest Outage
	run := 0
	for i, state := range u.States {
		if state != Down {
			run = 0
			continue
		}
		run++
		if run > longest.Slots {
			longest = Outage{From: w.Start.Add(time.Duration(i-run+1) * w.Slot), Slots: run}
		}
	}
	return longest
}

// Days cuts the window at midnights, UTC.
func (u Uptime) Days(w Window) []Day {
	var days []Day
	for i, state := range u.States {
		at := w.Start.Add(time.Duration(i) * w.Slot).UTC()
		if n := len(days); n == 0 || !sameDay(days[n-1].From, at) {
			days = append(days, Day{From: at})
		}
		last := &days[len(days)-1]
		last.States = append(last.States, state)
	}
	return days
}

func sameDay(a, b time.Time) bool {
	return a.Truncate(24 * time.Hour).Equal(b.Truncate(24 * time.Hour))
}

// round is what one vantage did in one slot.
type round struct {
	beat, node        bool
	controls, reached int                      // sites that have nothing to do with the target, and those that answered
	seen              map[string][]Observation // of endpoints, not of node and controls
}

// alive reports whether the vantage showed that it could see: it wrote its heartbeat, its node answered it, and so did one
// of the sites that have nothing to do with the target, if there are any.
func (r *round) alive() bool { return r.beat && r.node && (r.controls == 0 || r.reached > 0) }

// rounds sorts evidence by slot and vantage, and lists the endpoints, sorted.
func rounds(w Window, seen []Observation, beats []Beat) ([]map[string]*round, []string) {
	slots := make([]map[string]*round, w.Slots)
	at := func(when time.Time, vantage string) *round {
		i, ok := w.Index(when)
		if !ok {
			return nil
		}
		if slots[i] == nil {
			slots[i] = make(map[string]*round)
		}
		if slots[i][vantage] == nil {
			slots[i][vantage] = &round{seen: make(map[string][]Observation)}
		}
		return slots[i][vantage]
	}
	endpoints := make(map[string]bool)
	for _, o := range seen {
		r := at(o.At, o.Vantage)
		switch {
		case o.Kind == KindMempool, o.Kind == KindChoices, o.Kind == KindShopper:
		case o.Kind == KindNode:
			if r != nil && o.Code.State() == Up {
				r.node = true
			}
		case o.Kind == KindControl:
			if r != nil {
				r.controls++
				if o.Code.State() == Up {
					r.reached++
				}
			}
		default:
			endpoints[o.Endpoint] = true
			if r != nil {
				r.seen[o.Endpoint] = append(r.seen[o.Endpoint], o)
			}
		}
	}
	for _, b := range beats {
		if r := at(b.At, b.Vantage); r != nil {
			r.beat = true
		}
	}
	return slots, slices.Sorted(maps.Keys(endpoints))
}

// Uptimes returns the uptime of each endpoint that was looked at, in the order of their names.
func Uptimes(w Window, seen []Observation, beats []Beat, minVantages int) []Uptime {
	slots, endpoints := rounds(w, seen, beats)
	all := make([]Uptime, 0, len(endpoints))
	for _, endpoint := range endpoints {
		u := Uptime{Endpoint: endpoint, States: make([]State, w.Slots)}
		causes := make(map[Code]int)
		for i, vantages := range slots {
			state, because := slotState(vantages, endpoint, minVantages)
			u.States[i] = state
			for code := range codesOf(because) {
				causes[code]++
			}
			if state == Down {
				for _, o := range because {
					u.Cites = append(u.Cites, o.Cite())
				}
			}
		}
		slices.SortFunc(u.Cites, Cite.Compare)
		u.Reasons = reasons(causes)
		all = append(all, u)
	}
	return all
}

// reasons lists causes, the most frequent first.
func reasons(causes map[Code]int) []Reason {
	var all []Reason
	for code, n := range causes {
		all = append(all, Reason{code, n})
	}
	slices.SortFunc(all, func(a, b Reason) int { return cmp.Or(cmp.Compare(b.Slots, a.Slots), cmp.Compare(a.Code, b.Code)) })
	return all
}

// downTexts says how often it was down for which cause.
func downTexts(of []Reason) string {
	var all []string
	for _, r := range of {
		if r.Code.State() == Down {
			all = append(all, fmt.Sprintf("in %d it %s", r.Slots, r.Code.Text()))
		}
	}
	return strings.Join(all, ", ")
}

// slotState returns the state of an endpoint in one slot, and the observations of live vantages that it was not up. It is
// down where a majority of the live vantages saw it down, and known only where enough of them saw anything.
func slotState(vantages map[string]*round, endpoint string, minVantages int) (State, []Observation) {
	up, down := 0, 0
	var because []Observation
	for _, r := range vantages {
		if !r.alive() {
			continue
		}
		state := Unknown
		for _, o := range r.seen[endpoint] {
			if s := o.Code.State(); s != Up {
				because = append(because, o)
			}
			state = max(state, o.Code.State()) // one look that found it down in a slot is enough
		}
		switch state {
		case Up:
			up++
		case Down:
			down++
		}
	}
	switch {
	case up+down < minVantages:
		return Unknown, because
	case 2*down > up+down:
		return Down, because
	default:
		return Up, because
	}
}

func codesOf(seen []Observation) map[Code]bool {
	all := make(map[Code]bool)
	for _, o := range seen {
		all[o.Code] = true
	}
	return all
}

// judgeUptime is row TR-1. The least endpoint decides.
func judgeUptime(e Evidence) Finding {
	all := Uptimes(e.Window, e.Seen, e.Beats, e.Policy.MinVantages)
	if len(all) == 0 || e.Window.Slots == 0 {
		return lacking("no slot is over yet")
	}
	least := slices.MinFunc(all, func(a, b Uptime) int {
		return cmp.Or(cmp.Compare(a.Share().Low(), b.Share().Low()), cmp.Compare(a.Share().High(), b.Share().High()))
	})
	share, longest := least.Share(), least.Longest(e.Window)
	f := Finding{Class: Outside, Cites: least.Cites, Numbers: []Number{
		against("uptime_low", share.Low(), e.Policy.Uptime), number("uptime_high", share.High()),
		against("coverage", share.Coverage(), e.Policy.Coverage),
		number("slots_up", share.Up), number("slots_down", share.Down), number("slots_unknown", share.Unknown),
		number("slots_planned", e.Window.Planned), number("longest_outage_seconds", (time.Duration(longest.Slots) * e.Window.Slot).Seconds()),
	}}
	f.Verdict, f.Says = uptimeVerdict(e, share)
	if share.Down > 0 {
		f.Says = append(f.Says, downSentence(e.Window, least, longest))
	}
	return f
}

func uptimeVerdict(e Evidence, s Share) (Verdict, []string) {
	limit := e.Policy.Uptime
	planned := max(e.Window.Planned, s.total())
	switch {
	case ratio(planned-s.Down, planned, 1) < limit:
		return Fail, []string{fmt.Sprintf("At most %s of %d slots can have been up, %s are asked.",
			percent(ratio(planned-s.Down, planned, 1)), planned, percent(limit))}
	case !e.Window.Complete():
		return Unproven, []string{fmt.Sprintf("The trial is not over: %d of %d slots. So far up in %s to %s of them.",
			s.total(), planned, percent(s.Low()), percent(s.High()))}
	case s.Coverage() < e.Policy.Coverage:
		return Unproven, []string{fmt.Sprintf("Only %s of the slots are known, %s are asked.", percent(s.Coverage()), percent(e.Policy.Coverage))}
	case s.Low() < limit:
		return Unproven, []string{fmt.Sprintf("Up in %s of the slots, and in %s if it was up in all that are unknown; %s are asked.",
			percent(s.Low()), percent(s.High()), percent(limit))}
	default:
		return Pass, []string{fmt.Sprintf("Up in at least %s of %d slots, %s are asked.", percent(s.Low()), s.total(), percent(limit))}
	}
}

func downSentence(w Window, u Uptime, longest Outage) string {
	return fmt.Sprintf("Down in %d slots: %s. The longest outage was %v from %s on.", u.Share().Down, downTexts(u.Reasons),
		time.Duration(longest.Slots)*w.Slot, longest.From.UTC().Format("02 Jan 15:04:05"))
}
