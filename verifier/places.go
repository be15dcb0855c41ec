package verifier

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"scrutineer/vsp/deployment"
)

// PlacesPlan is how a trial finds out how far apart the machines are.
type PlacesPlan struct {
	Apart    float64      `json:"apart_km"` // how far apart two places must be, in km
	Every    Duration     `json:"every"`    // between two measurements
	Trips    int          `json:"trips"`    // round trips of each kind, in each
	Vantages []Standpoint `json:"vantages"` // that measure, the trial's own first
}

// Standpoint is where a vantage is, by its reviewer's word.
type Standpoint struct {
	Vantage   string   `json:"vantage"`
	Place     string   `json:"place"`     // for people, such as "Paris"
	Latitude  *float64 `json:"latitude"`  // degrees, north is positive; null with the longitude where it is not declared
	Longitude *float64 `json:"longitude"` // degrees, east is positive
}

// Mistake says what is wrong with a plan of places, and is nil if nothing is.
func (p *PlacesPlan) Mistake() error {
	if p == nil {
		return nil
	}
	if !(p.Apart > 0 && p.Apart < 20000) || p.Every <= 0 || p.Trips < 1 || p.Trips > 10000 {
		return fmt.Errorf("places: %v km apart, every %v, %d round trips: no such measurement is made", p.Apart, time.Duration(p.Every), p.Trips)
	}
	for i, s := range p.Vantages {
		within := func(degrees *float64, limit float64) bool {
			return degrees == nil || *degrees >= -limit && *degrees <= limit
		}
		switch {
		case (s.Latitude == nil) != (s.Longitude == nil) || !within(s.Latitude, 90) || !within(s.Longitude, 180):
			return fmt.Errorf("places: where vantage %q is, is nowhere", s.Vantage)
		case s.Place == "":
			return fmt.Errorf("places: vantage %q has no name of its place", s.Vantage)
		case slices.ContainsFunc(p.Vantages[:i], func(o Standpoint) bool { return o.Vantage == s.Vantage || o.Place == s.Place }):
			return fmt.Errorf("places: vantage %q or its place %q comes twice", s.Vantage, s.Place)
		}
	}
	return nil
}

// Places is what a journal tells of where the VSP's machines are. Package location judges it.
type Places struct {
	Deployment deployment.Deployment // the operator's description of them, as it was last; empty if there was none
	Entries    []int64               // of the journal, that it changed with
	Changes    []PlanChange          // of what it had said before
	Passages   []Passage             // of kinds that this package does not know
}

// Passage is an entry of a journal, or a file beside the trial, that is for another package to understand.
type Passage struct {
	Cite Cite
	Kind string // of the entry; of a file its name
	Data []byte
}

var surveyNames = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// FileSurvey returns how the journal calls a survey that was made by hand. It reports false where a file's name is none for it.
func FileSurvey(base string) (string, bool) {
	return SurveyPrefix + base, surveyNames.MatchString(base)
}

// SurveyPrefix is what the name of a survey that was made by hand begins with.
const SurveyPrefix = "survey:"

// isSurvey reports whether a file of the journal is a survey that was made by hand.
func isSurvey(file string) bool {
	base, ok := strings.CutPrefix(file, SurveyPrefix)
	return ok && surveyNames.MatchString(base)
}

// takeSurvey takes in a survey in the place of what it was before.
func (p *Places) takeSurvey(number int64, file, text string) {
	p.Passages = slices.DeleteFunc(p.Passages, func(t Passage) bool { return t.Kind == file })
	p.Passages = append(p.Passages, Passage{Own(number), file, []byte(text)})
}

// takeDeployment takes in the file after a change.
func (p *Places) takeDeployment(number int64, at time.Time, plan Plan, text string) error {
	d, err := deployment.Read(text)
	if err != nil {
		return err
	}
	before := p.Deployment
	p.Deployment = d
	if p.Entries = append(p.Entries, number); len(p.Entries) == 1 {
		return nil
	}
	changes, err := plan.differences(before, d, number, at)
	p.Changes = append(p.Changes, changes...)
	return err
}

// takePassage keeps an entry for another package. That it is JSON is all that is looked at.
func (p *Places) takePassage(cite Cite, kind string, data []byte) error {
	if !json.Valid(data) {
		return errors.New("it is no JSON")
	}
	p.Passages = append(p.Passages, Passage{cite, kind, slices.Clone(data)})
	return nil
}
