package report

import (
	"time"

	"scrutineer/verifier"
)

// Endpoint is how one endpoint did. Uptime is an interval: what is unknown may have been up or down.
type Endpoint struct {
	Endpoint string  `json:"endpoint"`
	Slots    Slots   `json:"slots"`
	Longest  *Outage `json:"longest_outage"` // null if there was none
	Causes   []Cause `json:"causes"`         // why slots were not up, the most frequent first
	Days     []Day   `json:"days"`
	Ribbon   string  `json:"ribbon"` // one character a slot: # up, - down, ? unknown
}

// Slots counts slots, and gives the shares that follow.
type Slots struct {
	Up       int     `json:"up"`
	Down     int     `json:"down"`
	Unknown  int     `json:"unknown"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	Coverage float64 `json:"coverage"`
}

// Outage is slots that were down one after the other.
type Outage struct {
	From    time.Time `json:"from"`
	Slots   int       `json:"slots"`
	Seconds float64   `json:"seconds"`
}

// Cause is one way in which slots were not up.
type Cause struct {
	Code  verifier.Code `json:"code"`
	Text  string        `json:"text"`
	State string        `json:"state"` // "down" or "unknown"
	Slots int           `json:"slots"`
}

// Day is one UTC day, or the part of it that the window has.
type Day struct {
	Date  string `json:"date"`
	Slots Slots  `json:"slots"`
}

func newEndpoint(w verifier.Window, u verifier.Uptime) Endpoint {
	e := Endpoint{Endpoint: u.Endpoint, Slots: newSlots(u.Share()), Causes: []Cause{}, Days: []Day{}, Ribbon: ribbon(u.States)}
	if o := u.Longest(w); o.Slots > 0 {
		e.Longest = &Outage{From: o.From.UTC(), Slots: o.Slots, Seconds: (time.Duration(o.Slots) * w.Slot).Seconds()}
	}
	for _, r := range u.Reasons {
		e.Causes = append(e.Causes, Cause{r.Code, r.Code.Text(), r.Code.State().String(), r.Slots})
	}
	for _, d := range u.Days(w) {
		e.Days = append(e.Days, Day{d.From.Format(time.DateOnly), newSlots(d.Share())})
	}
	return e
}

func newSlots(s verifier.Share) Slots {
	return Slots{s.Up, s.Down, s.Unknown, s.Low(), s.High(), s.Coverage()}
}

func ribbon(states []verifier.State) string {
	marks := make([]byte, len(states))
	for i, state := range states {
		marks[i] = map[verifier.State]byte{verifier.Up: '#', verifier.Down: '-', verifier.Unknown: '?'}[state]
	}
	return string(marks)
}

// squeeze fits a ribbon into a width. A character that stands for several slots shows the worst of them.
func squeeze(ribbon string, width int) string {
	if len(ribbon) <= width {
		return ribbon
	}
	cells := make([]byte, width)
	for i := range cells {
		cells[i] = '#'
		for _, mark := range []byte(ribbon[i*len(ribbon)/width : (i+1)*len(ribbon)/width]) {
			if mark == '-' || mark == '?' && cells[i] == '#' {
				cells[i] = mark
			}
		}
	}
	return string(cells)
}
