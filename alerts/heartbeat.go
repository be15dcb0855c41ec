package alerts

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Heartbeat says how often it is told that alerts are at work, so that silence is noticed. The first Beat comes one Every
// after the Store was made; one that fell due while nothing ran comes at the start.
type Heartbeat struct {
	Every time.Duration // 0 for never
	To    []string      // who is told; the recipients if empty

	// Report may add sentences of what was done since the last Beat. It is given what it returned as memo then, nil at first,
	// and must not call the Desk. May be nil.
	Report func(memo json.RawMessage) (text string, next json.RawMessage)
}

const (
	beatNote = "heartbeat"
	beatLane = "heartbeat" // all of them are one thread
)

// pulse is the heartbeat's state, as it is kept.
type pulse struct {
	Last time.Time // when it was told last, or began
	Memo json.RawMessage
}

// resumePulse goes on from what was kept, or begins.
func (d *Desk) resumePulse(kept State) map[string]json.RawMessage {
	if d.heartbeat.Every <= 0 {
		return nil
	}
	if json.Unmarshal(kept.Notes[beatNote], &d.pulse) == nil && !d.pulse.Last.IsZero() {
		return nil
	}
	d.pulse = pulse{Last: d.now().UTC()}
	_, d.pulse.Memo = d.report()
	return d.pulseNote()
}

func (d *Desk) report() (string, json.RawMessage) {
	if d.heartbeat.Report == nil {
		return "", nil
	}
	return d.heartbeat.Report(d.pulse.Memo)
}

func (d *Desk) pulseNote() map[string]json.RawMessage {
	raw, err := json.Marshal(d.pulse)
	if err != nil {
		return nil // a memo that is no JSON: the next start begins anew
	}
	return map[string]json.RawMessage{beatNote: raw}
}

// nextBeat returns when the next Beat is due, if one is.
func (d *Desk) nextBeat() (time.Time, bool) {
	return d.pulse.Last.Add(d.heartbeat.Every), d.heartbeat.Every > 0
}

// beat tells that alerts are at work, if that is due. It leaves out whom the one before has not reached. The caller holds mu.
func (d *Desk) beat(now time.Time) {
	if due, ok := d.nextBeat(); !ok || due.After(now) {
		return
	}
	n := d.word(now)
	d.pulse.Last = now
	change := Change{Notes: d.pulseNote()}
	for _, to := range d.heartbeat.To {
		if d.outbox.busy(laneID{to, beatLane}) {
			continue
		}
		d.place++
		n.To, n.Place = to, d.place
		change.Put = append(change.Put, *n)
	}
	d.log.Info("heartbeat", "to", len(change.Put), "open", len(d.docket.incidents()))
	d.keeper.keep(change)
	for _, n := range change.Put {
		d.outbox.put(n, nil)
	}
}

// word words a Beat.
func (d *Desk) word(now time.Time) *Notice {
	title, open := "All is well", d.docket.incidents()
	var list []string
	for _, i := range open {
		list = append(list, fmt.Sprintf("#%d %s", i.Number, i.Title))
	}
	if len(open) == 1 {
		title = "1 incident is open"
	} else if len(open) > 1 {
		title = fmt.Sprintf("%d incidents are open", len(open))
	}
	n := announcement(Beat, 1, incidentID("heartbeat", now), title, now)
	n.Incident.Lane = beatLane
	n.Alert.What, d.pulse.Memo = d.report()
	if len(list) > 0 {
		n.Alert.What = strings.TrimSpace("Open: " + strings.Join(list, "; ") + ". " + n.Alert.What)
	}
	n.Alert.Impact = fmt.Sprintf("The next mail like this comes by %s. If it does not, nobody is told of trouble either: see whether the service runs, and its mail server.",
		stamp(now.Add(d.heartbeat.Every)))
	return n
}

// Keep stores something that is to outlive a restart, beside the incidents.
func (d *Desk) Keep(name string, value json.RawMessage) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name = "kept/" + name
	d.keeper.keep(Change{Notes: map[string]json.RawMessage{name: value}})
	d.notes[name] = value
}

// Kept returns what was kept last under a name, in whichever life; nil if nothing.
func (d *Desk) Kept(name string) json.RawMessage {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.notes["kept/"+name]
}
