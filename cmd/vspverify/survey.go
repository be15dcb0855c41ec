package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"scrutineer/cmd/program"
	"scrutineer/verifier"
	"scrutineer/verifier/location"
	"scrutineer/vsp/deployment"
)

// survey is what places --json writes, and what --with reads.
type survey struct{ location.Survey }

// merge takes in what another vantage saw of the same deployment.
func (s *survey) merge(path string, d deployment.Deployment) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	other, err := location.ReadSurvey(raw)
	if err != nil {
		return err
	}
	for _, v := range other.Vantages {
		if slices.ContainsFunc(s.Vantages, func(w location.Vantage) bool { return w.Name == v.Name }) {
			return fmt.Errorf("there is a vantage %q already: give each a --from of its own", v.Name)
		}
	}
	for _, sight := range other.Sights {
		if err := sight.Fits(d); err != nil {
			return err
		}
	}
	s.Vantages, s.Sights, s.Sites = append(s.Vantages, other.Vantages...), append(s.Sights, other.Sights...), append(s.Sites, other.Sites...)
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
