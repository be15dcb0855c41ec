package alerts

import "time"

// Rules say when a Desk speaks.
//
// Opening: a condition opens an incident at the Hold-th bad observation with no good one between.
//
// Gathering: what opens, comes back or gets worse is told a tenth of a second later, in one notice with all that did so
// until then. It waits longer, up to Gather, while something else was seen bad but not often enough to open an incident.
// Nothing waits for what is milder than itself to be mended: the worst names the notice.
//
// Ending: the first end of an incident is told at the first good observation. A condition that is bad again, Hold times,
// within Reopen of that, reopens the incident under its number and in its thread. From then on its recovery must prove
// itself before it is told: by good observations over at least Settle with no bad one between, and over twice as long
// after each further return, up to Reopen. What comes and goes faster than that is not told: the incident stays open and
// counts its spells, which the next notice says.
//
// Calling others: what is critical, and was not acknowledged within Escalate of being told as opened, worse or back, is
// escalated. Who acknowledges takes it on: neither that nor reminders follow, until it gets worse, or is over and comes back.
//
// So every change is told as long as changes are rare, and however long a condition flaps, the pauses it must keep to be
// heard double until there are at most two notices in Reopen, and the reminders.
type Rules struct {
	Hold   int           // bad observations in a row; less than 1 counts as 1
	Gather time.Duration // how long what opens may wait for what opens with it; 0 tells each alone and at once
	Reopen time.Duration // how long a resolved incident may come back
	Settle time.Duration // how long the first recovery after a return must last; 0 damps nothing
	Remind time.Duration // how long after the last notice a reminder follows; 0 for none

	Escalate time.Duration // how long an acknowledgement of what is critical is waited for; 0 for ever
}

// DefaultRules suit observations every few hundred milliseconds to every minute.
func DefaultRules() Rules {
	return Rules{Hold: 2, Gather: 2 * time.Second, Reopen: 10 * time.Minute, Settle: 30 * time.Second, Remind: 30 * time.Minute}
}

// settle returns how long a recovery must last before it is told, in an incident that came back so many times.
func (r Rules) settle(returns int) time.Duration {
	if returns == 0 {
		return 0
	}
	wait := r.Settle
	for ; returns > 1 && wait < r.Reopen; returns-- {
		wait *= 2
	}
	return min(wait, max(r.Reopen, r.Settle))
}
