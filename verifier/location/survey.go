package location

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"

	"scrutineer/vsp/deployment"
)

// Survey is what was measured at one time, from one vantage or several: what vspverify places writes as JSON.
type Survey struct {
	Apart     float64   `json:"apart_km"`
	Vantages  []Vantage `json:"vantages"`
	Sights    []Sight   `json:"sights"`
	Sites     []Site    `json:"sites,omitempty"`
	Judgement Judgement `json:"judgement"` // of whoever made it; nobody else relies on it
}

// ReadSurvey reads a survey, whose measurements must be ones that can have been made.
func ReadSurvey(raw []byte) (Survey, error) {
	var s Survey
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("it is not what places --json writes: %w", err)
	}
	if len(s.Sights) == 0 {
		return s, errors.New("it has no measurements")
	}
	for i, v := range s.Vantages {
		if v.Name == "" || slices.ContainsFunc(s.Vantages[:i], func(w Vantage) bool { return w.Name == v.Name }) {
			return s, fmt.Errorf("its vantage %q has no name of its own", v.Name)
		}
		if v.Point != nil && !v.Point.Valid() {
			return s, fmt.Errorf("the place of vantage %q is none", v.Name)
		}
	}
	for _, sight := range s.Sights {
		if !slices.ContainsFunc(s.Vantages, func(v Vantage) bool { return v.Name == sight.Vantage }) {
			return s, fmt.Errorf("it does not say what the vantage %q is", sight.Vantage)
		}
		if err := sight.mistake(); err != nil {
			return s, err
		}
	}
	for _, site := range s.Sites {
		if !slices.ContainsFunc(s.Vantages, func(v Vantage) bool { return v.Name == site.Vantage }) {
			return s, fmt.Errorf("it does not say what the vantage %q is", site.Vantage)
		}
		if err := site.mistake(); err != nil {
			return s, err
		}
	}
	return s, nil
}

// mistake says what nobody can have measured, and is nil if it can be so.
func (s Sight) mistake() error {
	for _, trips := range []Trips{s.Nonce, s.Keepalive, s.TCP} {
		if trips.Count < 0 || trips.Count > 0 && (trips.Min <= 0 || trips.Max > math.MaxInt32*time.Millisecond || trips.Median < trips.Min || trips.Max < trips.Median) {
			return fmt.Errorf("it measured %s in %v, which is no time", s.Host, trips.Min)
		}
	}
	return nil
}

// Fits makes sure that a measurement is of a host of the deployment, by a key that it has; so must be the one between.
func (s Sight) Fits(d deployment.Deployment) error {
	_, measured := s.RoundTrip()
	err := fits(d, s.Host, s.Key, measured)
	if err == nil && s.Via != "" {
		err = fits(d, s.Via, s.ViaKey, measured)
	}
	return err
}

func fits(d deployment.Deployment, host, key string, measured bool) error {
	i := slices.IndexFunc(d.Hosts, func(h deployment.Host) bool { return h.Name == host })
	if i < 0 {
		return fmt.Errorf("the deployment has no host %q", host)
	}
	if !measured {
		return nil
	}
	keys, err := d.Hosts[i].Keys()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(keys, func(k ssh.PublicKey) bool { return ssh.FingerprintSHA256(k) == key }) {
		return fmt.Errorf("it measured %s by the host key %s, which the deployment does not have", host, key)
	}
	return nil
}
