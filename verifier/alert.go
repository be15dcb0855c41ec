package verifier

import (
	"fmt"
	"strings"
	"time"
)

// minFaults is how many kinds of fault must have been told of: one shows that mail arrives, not that much is watched.
const minFaults = 3

// demonstration returns the one that counts: the last.
func (e Evidence) demonstration() (AlertDrill, bool) {
	if len(e.AlertDrills) == 0 {
		return AlertDrill{}, false
	}
	return e.AlertDrills[len(e.AlertDrills)-1], true
}

// Demonstration returns the demonstration of alerts that counts, and whether there is one.
func (e Evidence) Demonstration() (AlertDrill, bool) { return e.demonstration() }

// AlertFindings returns the findings of rows AL-1 to AL-3 alone.
func AlertFindings(drills []AlertDrill) []Finding {
	e := Evidence{AlertDrills: drills}
	all := []Finding{judgeAlerts(e), judgeSilence(e), judgeEnd(e)}
	for i, row := range []string{"AL-1", "AL-2", "AL-3"} {
		all[i].Row = row
	}
	return all
}

// earlier says that demonstrations were begun before the one that counts.
func (e Evidence) earlier() []string {
	if n := len(e.AlertDrills) - 1; n > 0 {
		return []string{fmt.Sprintf("It was begun anew: %d before it do not count.", n)}
	}
	return nil
}

// judgeAlerts is row AL-1.
func judgeAlerts(e Evidence) Finding {
	d, ok := e.demonstration()
	if !ok {
		return lacking(NotExamined)
	}
	c := newDeed(d.Outcomes(), func(o AlertOutcome) (News, bool) { return o.Alert, true })
	f := c.finding("alert", d.Plan)
	switch {
	case f.Verdict == Fail:
		f.Says = append([]string{fmt.Sprintf("%s not told of in %v.", count(len(c.against), "fault was", "faults were"), time.Duration(d.Plan.Within))}, c.against...)
	case len(c.lacking) > 0:
		f.Says = append([]string{fmt.Sprintf("%d of %d faults were told of.", c.told, c.all)}, c.lacking...)
	case c.told < minFaults:
		f.Verdict = Unproven
		f.Says = []string{fmt.Sprintf("%s told of, and %d kinds of fault are asked.", count(c.told, "fault was", "faults were"), minFaults)}
	default:
		f.Says = []string{fmt.Sprintf("Each of %d faults was told of by a mail to %s with its nonce, signed by %s. The slowest took %s.",
			c.told, d.Plan.To, d.Plan.Domain, tenths(c.longest))}
	}
	f.Says = append(f.Says, e.earlier()...)
	return f
}

// judgeSilence is row AL-2: the end of what was told of is told of, and nothing else is said.
func judgeSilence(e Evidence) Finding {
	d, ok := e.demonstration()
	if !ok {
		return lacking(NotExamined)
	}
	c := newDeed(d.Outcomes(), func(o AlertOutcome) (News, bool) {
		return o.Recovery, o.Alert.Came()
	})
	f := c.finding("recovery", d.Plan)
	quiet, noise, strange, unheard := time.Duration(0), 0, 0, 0
	for _, s := range d.Calms() {
		for _, l := range s.Noise {
			noise++
			f.Cites = append(f.Cites, Own(l.Entry))
		}
		strange += s.Strange
		if !s.Heard {
			unheard++
			continue
		}
		quiet = max(quiet, s.To.Sub(s.From))
	}
	f.Numbers = append(f.Numbers, number("mails_while_healthy", noise), against("quiet_seconds", quiet.Seconds(), time.Duration(d.Plan.Quiet).Seconds()))
	if noise > 0 {
		f.Verdict = Fail
		f.Says = append(f.Says, fmt.Sprintf("%s came while all was well.", count(noise, "mail", "mails")))
	}
	if len(c.against) > 0 {
		f.Says = append(f.Says, fmt.Sprintf("The end of %s not told of in %v.", count(len(c.against), "fault was", "faults were"), time.Duration(d.Plan.Within)))
		f.Says = append(f.Says, c.against...)
	}
	if f.Verdict != Fail {
		if c.all == 0 {
			c.lacking = append(c.lacking, "No fault was told of, so that no end could be.")
		}
		if unheard > 0 || quiet == 0 || quiet < time.Duration(d.Plan.Quiet) {
			c.lacking = append(c.lacking, "It is not known that our mailbox was open in every stretch in which nothing was to come.")
		}
		if len(c.lacking) > 0 {
			f.Verdict = Unproven
			f.Says = append(f.Says, c.lacking...)
		} else {
			f.Says = append(f.Says, fmt.Sprintf("The end of each of %d faults was told of, the slowest after %s. Nothing came while all was well, for up to %s.",
				c.told, tenths(c.longest), tenths(quiet)))
		}
	}
	if strange > 0 {
		f.Says = append(f.Says, fmt.Sprintf("%s that %s did not sign count for nobody.", count(strange, "mail", "mails"), d.Plan.Domain))
	}
	return f
}

// judgeEnd is row AL-3: the address is told nothing once its time is over, though there is something to tell.
func judgeEnd(e Evidence) Finding {
	d, ok := e.demonstration()
	if !ok {
		return lacking(NotExamined)
	}
	a, over := d.Aftermath()
	if !over {
		return lacking("the demonstration is not over yet")
	}
	longest, told := time.Duration(0), 0
	for _, o := range d.Outcomes() {
		if o.Alert.Arrival == Arrived {
			told, longest = told+1, max(longest, o.Alert.After)
		}
	}
	f := Finding{Verdict: Pass, Class: Outside, Numbers: []Number{number("mails_after_the_end", len(a.Noise)),
		against("watched_seconds", a.Watch.Seconds(), time.Duration(d.Plan.Watch).Seconds())}}
	for _, entry := range a.Steps {
		f.Cites = append(f.Cites, Own(entry))
	}
	lacks := func(why string) { f.Verdict, f.Says = Unproven, append(f.Says, why) }
	switch {
	case len(a.Noise) > 0:
		f.Verdict = Fail
		f.Says = []string{fmt.Sprintf("%s still came to %s after its time was over, the first %s after.", count(len(a.Noise), "mail", "mails"), d.Plan.To,
			tenths(a.Noise[0].At.Sub(a.Over)))}
		for _, l := range a.Noise {
			f.Cites = append(f.Cites, Own(l.Entry))
		}
	case told == 0:
		lacks("Nothing came before the end either.")
	case a.Broken.IsZero():
		lacks("No fault was made after the end, so that there was nothing to tell.")
	case !a.Heard:
		lacks("It is not known that our mailbox was open after the end.")
	case a.Watch < time.Duration(d.Plan.Watch) || a.Watch < longest:
		lacks(fmt.Sprintf("After the last fault was made it was listened for %s only.", tenths(a.Watch)))
	default:
		f.Says = []string{fmt.Sprintf("A fault was made after the end, and in %s nothing came to %s.", tenths(a.Watch), d.Plan.To)}
	}
	return f
}

// deed is what is counted of outcomes: alerts, or recoveries.
type deed struct {
	all, told        int
	longest          time.Duration // of those that were told in time
	against, lacking []string
	cites            []Cite
}

func newDeed(outcomes []AlertOutcome, of func(AlertOutcome) (news News, counts bool)) deed {
	var c deed
	for _, o := range outcomes {
		n, counts := of(o)
		if !counts {
			continue
		}
		c.all++
		for _, entry := range o.Entries {
			c.cites = append(c.cites, Own(entry))
		}
		switch n.Arrival {
		case Arrived:
			c.told, c.longest = c.told+1, max(c.longest, n.After)
		case TooLate:
			c.against = append(c.against, fmt.Sprintf("%s: after %s.", o.Name, tenths(n.After)))
		case NoneCame:
			c.against = append(c.against, o.Name+": no mail.")
		case Unsaid:
			c.lacking = append(c.lacking, fmt.Sprintf("%s: a mail came, but %s.", o.Name, n.Why))
		case Deaf:
			c.lacking = append(c.lacking, o.Name+": our own mailbox is not known to have been open.")
		default:
			c.lacking = append(c.lacking, strings.TrimSuffix(fmt.Sprintf("%s: not carried out. %s", o.Name, o.Note), " "))
		}
	}
	return c
}

// finding returns the verdict, as far as it follows from what was told.
func (c deed) finding(what string, p AlertPlan) Finding {
	f := Finding{Verdict: Pass, Class: Outside, Cites: c.cites, Numbers: []Number{number("faults", c.all), number("told", c.told),
		against("longest_"+what+"_seconds", c.longest.Seconds(), time.Duration(p.Within).Seconds())}}
	switch {
	case len(c.against) > 0:
		f.Verdict = Fail
	case len(c.lacking) > 0:
		f.Verdict = Unproven
	}
	return f
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// tenths writes a time to the tenth of a second.
func tenths(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return spell(d.Round(time.Second))
}
