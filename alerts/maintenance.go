package alerts

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Maintenance is a stretch of time for which trouble was announced. What it covers is noted as ever and told to nobody: no
// opening, no reminder, no call for others. What had been told before may be told as over. Alerts that are Grave are told all
// the same. When it ends, by itself or by End, what is still bad is told at once.
type Maintenance struct {
	Number      int // 1, 2, 3 since the Store was made
	From, Until time.Time
	Only        []string // what it is about, each a part of a Key between slashes: "wallet-2"; everything if empty
	Reason, By  string
	Untold      int // incidents that came and went in it
}

const (
	windowNote = "maintenance"

	// MaxMaintenance bounds how long one that was forgotten can keep people from being told.
	MaxMaintenance = 7 * 24 * time.Hour
)

// windows is what is known of maintenance, as it is kept.
type windows struct {
	Number   int // of the newest
	UnderWay []Maintenance
}

func keptWindows(kept State) (w windows) {
	_ = json.Unmarshal(kept.Notes[windowNote], &w) // who lost them is told too much rather than too little
	return w
}

func (d *docket) windowNote() map[string]json.RawMessage {
	raw, err := json.Marshal(d.windows)
	if err != nil {
		panic(err) // of plain values
	}
	return map[string]json.RawMessage{windowNote: raw}
}

// covers reports whether the maintenance was announced for a condition.
func (m *Maintenance) covers(key Key) bool {
	return len(m.Only) == 0 || slices.ContainsFunc(strings.Split(string(key), "/"), func(part string) bool {
		return slices.Contains(m.Only, part)
	})
}

// quietUntil returns until when nothing of a condition is to be told; the zero time if it is to be told now.
func (d *docket) quietUntil(c *condition) (until time.Time) {
	if c.alert.Grave {
		return time.Time{}
	}
	for _, w := range d.windows.UnderWay {
		if w.covers(c.Incident.Key) && w.Until.After(until) {
			until = w.Until
		}
	}
	return until
}

// countUntold notes that an incident came and went.
func (d *docket) countUntold(c *condition) {
	for i := range d.windows.UnderWay {
		if w := &d.windows.UnderWay[i]; w.covers(c.Incident.Key) {
			w.Untold++
			d.untidy = true
		}
	}
}

// begin begins a maintenance.
func (d *docket) begin(m Maintenance) []*Notice {
	d.windows.Number++
	m.Number = d.windows.Number
	d.windows.UnderWay, d.untidy = append(d.windows.UnderWay, m), true
	n := m.notice(Began, 1, m.From)
	n.Alert.What = fmt.Sprintf("Until %s nobody is told what goes wrong with %s.", stamp(m.Until), m.about())
	if m.Reason != "" {
		n.Alert.What += " Reason: " + m.Reason
	}
	if m.By != "" {
		n.Alert.What += fmt.Sprintf(" (%s)", m.By)
	}
	n.Alert.Impact = "It is noted all the same, and told when this ends if it is still so then. What is graver than that is told at once."
	return []*Notice{n}
}

// end ends those that some number or the time ends, and tells what is owed.
func (d *docket) end(now time.Time, which func(Maintenance) bool) []*Notice {
	var over []Maintenance
	d.windows.UnderWay = slices.DeleteFunc(d.windows.UnderWay, func(m Maintenance) bool {
		if which(m) {
			over = append(over, m)
			return true
		}
		return false
	})
	if len(over) == 0 {
		return nil
	}
	d.untidy = true
	var notices []*Notice
	for _, m := range over {
		notices = append(notices, d.ended(m, now))
	}
	return append(notices, d.call(now, nil)...)
}

// ended words the end of a maintenance.
func (d *docket) ended(m Maintenance, now time.Time) *Notice {
	n := m.notice(Ended, 2, now)
	var bad []string
	for _, c := range d.sorted((*condition).open) {
		if m.covers(c.Incident.Key) {
			bad = append(bad, fmt.Sprintf("#%d %s", c.Incident.Number, c.Incident.Title))
		}
	}
	n.Alert.What = fmt.Sprintf("What goes wrong with %s is told again.", m.about())
	n.Alert.Impact = "Nothing of it is wrong now."
	if len(bad) > 0 {
		n.Alert.Impact = "Still wrong: " + strings.Join(bad, "; ") + "."
	}
	if m.Untold > 0 {
		n.Alert.Action = fmt.Sprintf("Meanwhile %d came and went that nobody was told of.", m.Untold)
	}
	return n
}

func (m *Maintenance) about() string {
	if len(m.Only) == 0 {
		return "anything"
	}
	return strings.Join(m.Only, ", ")
}

func (m *Maintenance) notice(event Event, seq int, now time.Time) *Notice {
	title := "Maintenance"
	if len(m.Only) > 0 {
		title += " of " + m.about()
	}
	return announcement(event, seq, incidentID(Key(fmt.Sprintf("maintenance/%d", m.Number)), m.From), title, now)
}

// announcement is a notice of no condition.
func announcement(event Event, seq int, id, title string, now time.Time) *Notice {
	return &Notice{Event: event, Seq: seq, At: now, Incident: Incident{ID: id, Key: Key(event), Title: title, First: now, Since: now, LastBad: now}}
}

// stamp writes a time as announcements have it.
func stamp(t time.Time) string { return t.UTC().Format("2 Jan 15:04 UTC") }

// StartMaintenance begins a maintenance at m.From, tells the recipients, and returns its number.
func (d *Desk) StartMaintenance(m Maintenance) (int, error) {
	m.From, m.Until = m.From.UTC(), m.Until.UTC()
	switch span := m.Until.Sub(m.From); {
	case span <= 0:
		return 0, errors.New("a maintenance must end after it begins")
	case span > MaxMaintenance:
		return 0, fmt.Errorf("a maintenance of %v is too long: at most %v", span, MaxMaintenance)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return 0, errClosed
	}
	d.tell(d.docket.begin(m)...)
	d.schedule()
	return d.docket.windows.Number, nil
}

// EndMaintenance ends one before its time; all of them if number is 0.
func (d *Desk) EndMaintenance(number int, now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errClosed
	}
	notices := d.docket.end(now.UTC(), func(m Maintenance) bool { return number == 0 || m.Number == number })
	if len(notices) == 0 {
		return errors.New("no such maintenance is under way")
	}
	d.tell(notices...)
	d.schedule()
	return nil
}

// Maintenances returns those under way, by number.
func (d *Desk) Maintenances() []Maintenance {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.docket.windows.UnderWay)
}
