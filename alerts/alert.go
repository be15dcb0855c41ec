// Package alerts is when to speak, repeat and stop.
//
// A Desk is told of every look at every condition: Bad or Good, under a Key that says what is wrong. It opens an incident
// once, tells each recipient once, and in one notice what opens together, reminds, calls a second circle of recipients when
// nobody acknowledges, and ends the incident only when it was told Good: silence is never taken for health. What it has to say
// goes to a Sender, once for each recipient, in order within an incident, again and again until it is delivered or refused for
// good. No recipient and no incident waits for another one's trouble. Rules says how flapping is damped.
//
// A Store keeps incidents and what is still to be delivered: an event and its notices are stored in one step before anything
// is sent, and a notice is struck out after the far side has taken it. So a process that is killed at any moment forgets
// nothing, and says nothing twice but what the far side had taken and it had not yet noted: that goes out again with the
// same identity.
//
// What to look at, and how to word what was seen, is left to the callers; how it travels is left to the Sender.
package alerts

import (
	"cmp"
	"time"
)

// Key names a condition by what is wrong, never by its text: "wallet/wallet-2/unreachable". Observations of one key
// belong together, however they are worded.
type Key string

// Severity is how bad it is. Its zero value is Warn.
type Severity int

// The severities, the mildest first, so that they compare.
const (
	Warn Severity = iota // someone should look at it today
	Crit                 // someone should get up
)

// String returns "warn" or "crit".
func (s Severity) String() string {
	if s == Crit {
		return "crit"
	}
	return "warn"
}

// Alert is what a person should know of a condition that is bad, as seen at one observation. Texts are plain sentences of
// any length; a Sender shortens and cleans them as its medium needs. Only Subject and Problem are required.
type Alert struct {
	Subject  string // the thing: "wallet-2"
	Problem  string // what completes a headline: "does not answer"
	Severity Severity

	What   string // what is wrong
	Impact string // how bad it is, what still works, what comes next if nothing is done
	Action string // what to do first
	Seen   string // who saw it, and how

	Grave bool // it does harm that no maintenance was announced to do: it is told all the same
}

// Incident is one stretch of trouble with one condition. Times are UTC.
type Incident struct {
	ID       string // letters, digits and "-"; differs from every other incident's, across restarts too
	Number   int    // for people: 1, 2, 3 since the Store was made; 0 of a test
	Key      Key
	Title    string   // subject and problem as they were when it opened; never changes
	Severity Severity // the worst so far
	Lane     string   // ID of the incident in whose thread it is told, its own or that of one that opened with it

	First    time.Time // first bad observation
	Since    time.Time // first bad observation of what was last told as opened or reopened
	LastBad  time.Time // latest bad observation
	Resolved time.Time // first good observation after the last bad one; zero while open
	Gone     bool      // it ended by Withdraw: what it was about is gone

	Called    time.Time // when it was last told as opened, reopened or worsened
	Escalated time.Time // when the second circle was called; zero if it was not
	Acked     time.Time // when somebody took it on; zero if nobody has since it was Called
	AckedBy   string

	Spells    int // how often it turned bad, those spells included that were not told
	Reopened  int // how often it came back after it was told as resolved
	Reminders int // how often a reminder was told
}

// Event is what happened to an incident.
type Event string

// The events. Opened comes first and once; Resolved ends what Opened or Reopened began.
const (
	Opened   Event = "opened"
	Worsened Event = "worsened" // from warn to crit: at most once in an incident
	Reminded Event = "reminded"
	Resolved Event = "resolved"
	Reopened Event = "reopened"

	Escalated    Event = "escalated"    // critical, and nobody has acknowledged it: at most once in an incident
	Acknowledged Event = "acknowledged" // by somebody: reminders cease until it is worse, or over and back

	Tested Event = "tested" // nothing is wrong; alone in an incident of its own, as are those below, but that Ended follows Began
	Beat   Event = "beat"   // alerts are at work, and the next Beat comes when it says
	Began  Event = "began"  // maintenance: what was announced is not told
	Ended  Event = "ended"  // it is over: what is still bad is told
)

// Notice is one event to be told to one recipient, or several that came together. It is complete: a Sender needs to know
// nothing else, and makes the same of the same Notice each time.
type Notice struct {
	To       string // who is told; what it looks like is the Sender's matter
	Event    Event
	Seq      int // 1 for the incident's first event, then 2, 3, without gaps
	At       time.Time
	Incident Incident
	Alert    Alert         // as last observed
	Outcome  string        // with Resolved: what the caller knows of the harm done, or nothing
	With     []Part        // what else it tells, none of it worse; empty unless the event is of a condition
	Place    int           // its place among all that wait
	Remind   time.Duration // after how long a reminder follows if nothing changes; 0 if none does
	Escalate time.Duration // after how long the second circle is called if nobody acknowledges; 0 if it is not
	Nonce    string        `json:",omitempty"` // of a Guest, who asked to find it in what is sent
	Until    time.Time     `json:",omitzero"`  // when a Guest leaves, after which this is not sent; zero: no such time
}

// Part is one more event that a Notice tells.
type Part struct {
	Event    Event
	Seq      int
	Incident Incident
	Alert    Alert
}

// parts is all that a notice tells, what it is named by first.
func (n Notice) parts() []Part {
	return append([]Part{{n.Event, n.Seq, n.Incident, n.Alert}}, n.With...)
}

// Thread returns the ID of the incident in whose thread this one is told.
func (i Incident) Thread() string { return cmp.Or(i.Lane, i.ID) }
