package location

import (
	"fmt"
	"time"
)

// Series is all that one vantage measured of one host, of which only the best counts: delay can be added and never taken away.
type Series struct {
	Host      string        `json:"host"`
	Vantage   string        `json:"vantage"`
	From      time.Time     `json:"from"` // the first measurement, UTC
	To        time.Time     `json:"to"`   // the last one
	Tried     int           `json:"tried"`
	Measured  int           `json:"measured"` // of these
	Echoes    int           `json:"echoes"`   // in all
	Trip      time.Duration `json:"trip_ns"`  // the best that counts; 0: none
	Median    time.Duration `json:"median_ns"`
	Keepalive time.Duration `json:"keepalive_ns"` // the best; 0: none
	TCP       time.Duration `json:"tcp_ns"`       // the best, of whatever is in front; 0: none
	Trouble   Trouble       `json:"trouble,omitempty"`
	Detail    string        `json:"detail,omitempty"` // of the last one that failed
	Failed    int           `json:"failed"`           // in that way
}

// newSeries sums up what one vantage measured of one host, and returns the measurement that counts with it. Median is of that
// one: how much its best differs from the rest.
func newSeries(of []Sight) (Series, Sight) {
	s := Series{Host: of[0].Host, Vantage: of[0].Vantage, From: of[0].At, To: of[0].At, Tried: len(of)}
	var best Sight
	for _, sight := range of {
		if sight.At.Before(s.From) {
			s.From = sight.At
		}
		if !sight.At.Before(s.To) {
			s.To = sight.At
		}
		if sight.Trouble != "" {
			s.Trouble, s.Detail = sight.Trouble, sight.Detail
		}
		s.TCP, s.Keepalive = least(s.TCP, sight.TCP.Min), least(s.Keepalive, sight.Keepalive.Min)
		trip, ok := sight.RoundTrip()
		if !ok {
			continue
		}
		s.Measured++
		s.Echoes += sight.Nonce.Count
		if s.Trip == 0 || trip < s.Trip {
			best, s.Trip, s.Median = sight, trip, sight.Nonce.Median
		}
	}
	for _, sight := range of {
		if sight.Trouble != "" && sight.Trouble == s.Trouble {
			s.Failed++
		}
	}
	return s, best
}

// least returns the lesser of two times of which 0 is none.
func least(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// troubles says what hindered the measurements, if anything did.
func (s Series) troubles() []string {
	if s.Trouble == "" {
		return nil
	}
	often := ""
	if s.Tried > 1 {
		often = fmt.Sprintf(", %d of %d times", s.Failed, s.Tried)
	}
	return []string{fmt.Sprintf("%s from %s: %s (%s%s).", s.Host, s.Vantage, s.Detail, s.Trouble, often)}
}

// lastIdentity returns the last measurement by which it is known who the host is.
func lastIdentity(of []Sight) (last Sight, ok bool) {
	for _, s := range of {
		if (s.Key != "" || s.Identity != Identity{}) && (!ok || !s.At.Before(last.At)) {
			last, ok = s, true
		}
	}
	return last, ok
}

// fresh returns those that are not much older than the newest: a host that was one with another may be its own machine since.
func fresh(ids []Sight, within time.Duration) []Sight {
	if within == 0 {
		return ids
	}
	var newest time.Time
	for _, s := range ids {
		if s.At.After(newest) {
			newest = s.At
		}
	}
	var all []Sight
	for _, s := range ids {
		if newest.Sub(s.At) <= within {
			all = append(all, s)
		}
	}
	return all
}
