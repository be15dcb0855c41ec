package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"

	"scrutineer/cmd/program"
	"scrutineer/verifier"
	"scrutineer/verifier/location"
	"scrutineer/vsp/deployment"
)

// survey is what places --json writes, and what --with reads.
type survey struct {
	Apart     float64            `json:"apart_km"`
	Vantages  []location.Vantage `json:"vantages"`
	Sights    []location.Sight   `json:"sights"`
	Judgement location.Judgement `json:"judgement"`
}

// merge takes in what another vantage saw of the same deployment.
func (s *survey) merge(path string, d deployment.Deployment) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var other survey
	if err := json.Unmarshal(raw, &other); err != nil {
		return fmt.Errorf("it is not what places --json writes: %w", err)
	}
	if len(other.Sights) == 0 {
		return errors.New("it has no measurements")
	}
	for _, v := range other.Vantages {
		if slices.ContainsFunc(s.Vantages, func(w location.Vantage) bool { return w.Name == v.Name }) {
			return fmt.Errorf("there is a vantage %q already: give each a --from of its own", v.Name)
		}
		if v.Point != nil && !v.Point.Valid() {
			return fmt.Errorf("the place of vantage %q is none", v.Name)
		}
	}
	for _, sight := range other.Sights {
		if err := belongs(sight, other.Vantages, d); err != nil {
			return err
		}
	}
	s.Vantages, s.Sights = append(s.Vantages, other.Vantages...), append(s.Sights, other.Sights...)
	return nil
}

// belongs makes sure that a measurement is of a host of the deployment, by a key that it has.
func belongs(sight location.Sight, vantages []location.Vantage, d deployment.Deployment) error {
	if !slices.ContainsFunc(vantages, func(v location.Vantage) bool { return v.Name == sight.Vantage }) {
		return fmt.Errorf("it does not say what the vantage %q is", sight.Vantage)
	}
	i := slices.IndexFunc(d.Hosts, func(h deployment.Host) bool { return h.Name == sight.Host })
	if i < 0 {
		return fmt.Errorf("the deployment has no host %q", sight.Host)
	}
	if _, measured := sight.RoundTrip(); !measured {
		return nil
	}
	keys, err := d.Hosts[i].Keys()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(keys, func(k ssh.PublicKey) bool { return ssh.FingerprintSHA256(k) == sight.Key }) {
		return fmt.Errorf("it measured %s by the host key %s, which the deployment does not have", sight.Host, sight.Key)
	}
	if trip, _ := sight.RoundTrip(); trip <= 0 || trip > math.MaxInt32*time.Millisecond {
		return fmt.Errorf("it measured %s in %v, which is no time", sight.Host, trip)
	}
	return nil
}

// answer returns the exit code's error.
func (s survey) answer() error {
	measured := slices.ContainsFunc(s.Sights, func(sight location.Sight) bool {
		_, ok := sight.RoundTrip()
		return ok
	})
	if !measured {
		return errors.New("no host could be measured")
	}
	for _, f := range s.Judgement.Findings {
		bad := f.Verdict == verifier.Refuted || f.Verdict == verifier.Fail
		if bad || f.Row != "PL-6" && f.Verdict != verifier.Pass {
			return program.AnswerNo(fmt.Errorf("%s is %s", f.Row, f.Verdict))
		}
	}
	return nil
}
