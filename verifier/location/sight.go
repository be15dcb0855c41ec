package location

import (
	"slices"
	"time"

	"scrutineer/verifier"
	"scrutineer/vsp/deployment"
)

// Vantage is a machine of the reviewer's that measures.
type Vantage struct {
	Name  string `json:"name"`            // of its place, such as "Paris"
	Point *Point `json:"point,omitempty"` // as the reviewer declares it; nil: not declared, and no disc is drawn around it
}

// Trips is a series of round trips.
type Trips struct {
	Count  int           `json:"count"`
	Min    time.Duration `json:"min_ns"`
	Median time.Duration `json:"median_ns"`
	Max    time.Duration `json:"max_ns"`
}

// newTrips sums up round trips.
func newTrips(took []time.Duration) Trips {
	if len(took) == 0 {
		return Trips{}
	}
	took = slices.Sorted(slices.Values(took))
	return Trips{Count: len(took), Min: took[0], Median: took[len(took)/2], Max: took[len(took)-1]}
}

// Trouble says why a host could not be measured.
type Trouble string

// The troubles.
const (
	Unreachable Trouble = "unreachable" // no connection to any of its addresses
	WrongKey    Trouble = "wrong-key"   // what answers does not hold a pinned host key
	NoLogin     Trouble = "no-login"    // the account does not take our key
	NoCommand   Trouble = "no-command"  // the account may run nothing, so there is no echo
	TooSlow     Trouble = "too-slow"    // not one round trip within the time there is
	Garbage     Trouble = "garbage"     // what came back is not what was sent
	Outdated    Trouble = "outdated"    // it was measured, and the deployment names another machine since
	NoPassage   Trouble = "no-passage"  // the host that it was to be measured through passes no connections on
)

// Sight is what one vantage saw of one host.
type Sight struct {
	Vantage   string    `json:"vantage"`
	Host      string    `json:"host"`
	Via       string    `json:"via,omitempty"`          // the host through whose sshd it was measured; empty: straight from the vantage
	ViaKey    string    `json:"via_host_key,omitempty"` // that one proved
	At        time.Time `json:"at"`                     // UTC
	Address   string    `json:"address,omitempty"`
	Key       string    `json:"host_key,omitempty"` // SHA-256 fingerprint of the key that was proven
	Keepalive Trips     `json:"keepalive"`          // answered by sshd itself, and by a liar before he is asked
	Nonce     Trips     `json:"nonce"`              // random bytes through cat: nobody can return them before they came
	TCP       Trips     `json:"tcp"`                // beside it: whatever is in front may have answered
	Identity  Identity  `json:"identity"`
	Trouble   Trouble   `json:"trouble,omitempty"`
	Detail    string    `json:"detail,omitempty"`

	Cite verifier.Cite `json:"-"` // its entry in a trial's journal, if it is in one
}

// Identity is what a host's system says of itself. Parts that it did not tell are empty.
type Identity struct {
	MachineID string `json:"machine_id,omitempty"`
	BootID    string `json:"boot_id,omitempty"`
	Booted    int64  `json:"booted,omitempty"` // Unix time
}

// RoundTrip returns the time that counts: the slower of the two authenticated echoes, each at its best. It reports whether
// there is one.
func (s Sight) RoundTrip() (time.Duration, bool) {
	if s.Trouble != "" || s.Nonce.Count == 0 {
		return 0, false
	}
	if s.Keepalive.Count == 0 {
		return s.Nonce.Min, true
	}
	return max(s.Keepalive.Min, s.Nonce.Min), true
}

// Evidence is all that a judgement rests on.
type Evidence struct {
	Deployment deployment.Deployment
	Vantages   []Vantage
	Sights     []Sight
	Sites      []Site  // what was found of the addresses of the VSP's site
	Apart      float64 // how far apart two places must be, in km

	// Fresh is for how long it counts who a host was seen to be, after which it is only what it was once; 0: for ever.
	Fresh time.Duration

	Lookups []Lookup // in the order in which databases were asked
}

// DefaultApart is the policy's distance between two places, in km.
const DefaultApart = 500

// claim returns where a host is said to be.
func claim(h deployment.Host) Point { return Point{*h.Latitude, *h.Longitude} }
