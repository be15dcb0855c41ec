package location

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"scrutineer/verifier"
)

// Read returns what a trial's journal holds of places. It reports false where nobody was to look at them. Its error says that
// an entry is none that the trial can have written.
func Read(r *verifier.Record) (Evidence, bool, error) {
	plan := r.Plan.Places
	if plan == nil {
		return Evidence{}, false, nil
	}
	e := Evidence{Deployment: r.Places.Deployment, Apart: plan.Apart, Fresh: 2 * time.Duration(plan.Every)}
	names := map[string]string{} // of the vantages' places
	for _, s := range plan.Vantages {
		v := Vantage{Name: s.Place}
		if s.Latitude != nil && s.Longitude != nil {
			v.Point = &Point{*s.Latitude, *s.Longitude}
		}
		names[s.Vantage] = s.Place
		e.Vantages = append(e.Vantages, v)
	}
	for _, told := range r.Places.Passages {
		var err error
		switch {
		case told.Kind == verifier.EntrySight:
			err = e.takeSight(told, names)
		case told.Kind == verifier.EntryLookup:
			var l Lookup
			err = json.Unmarshal(told.Data, &l)
			e.Lookups = append(e.Lookups, l)
		case told.Kind == verifier.EntrySite:
			err = e.takeSite(told, names)
		case strings.HasPrefix(told.Kind, verifier.SurveyPrefix):
			err = e.takeSurvey(told)
		}
		if err != nil {
			return e, true, fmt.Errorf("entry %v: read %s: %w", told.Cite, told.Kind, err)
		}
	}
	return e, true, nil
}

// takeSight takes in an entry of a vantage's. That of one whose place is not declared any more has its own name.
func (e *Evidence) takeSight(told verifier.Passage, names map[string]string) error {
	var s Sight
	if err := json.Unmarshal(told.Data, &s); err != nil {
		return err
	}
	if err := s.mistake(); err != nil {
		return err
	}
	if err := owned(s.Vantage, told.Cite); err != nil {
		return err
	}
	name, declared := names[s.Vantage]
	if !declared {
		name = s.Vantage
		if !slices.ContainsFunc(e.Vantages, func(v Vantage) bool { return v.Name == name }) {
			e.Vantages = append(e.Vantages, Vantage{Name: name})
		}
	}
	s.Vantage = name
	e.add(s, told.Cite)
	return nil
}

// takeSurvey takes in a survey that somebody made by hand, whose vantages are none of the trial's.
func (e *Evidence) takeSurvey(told verifier.Passage) error {
	survey, err := ReadSurvey(told.Data)
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, v := range survey.Vantages {
		names[v.Name] = v.Name + " (by hand)"
		for slices.ContainsFunc(e.Vantages, func(w Vantage) bool { return w.Name == names[v.Name] }) {
			names[v.Name] += "'"
		}
		e.Vantages = append(e.Vantages, Vantage{names[v.Name], v.Point})
	}
	for _, s := range survey.Sights {
		s.Vantage = names[s.Vantage]
		e.add(s, told.Cite)
	}
	for _, s := range survey.Sites {
		s.Vantage, s.Cite = names[s.Vantage], told.Cite
		e.Sites = append(e.Sites, s)
	}
	return nil
}

// takeSite takes in what a vantage found of the site's addresses.
func (e *Evidence) takeSite(told verifier.Passage, names map[string]string) error {
	var s Site
	if err := json.Unmarshal(told.Data, &s); err != nil {
		return err
	}
	if err := s.mistake(); err != nil {
		return err
	}
	if err := owned(s.Vantage, told.Cite); err != nil {
		return err
	}
	if name, declared := names[s.Vantage]; declared {
		s.Vantage = name
	}
	s.Cite = told.Cite
	e.Sites = append(e.Sites, s)
	return nil
}

// owned makes sure that an entry of a vantage's is in that one's own journal.
func owned(vantage string, cite verifier.Cite) error {
	if from := cite.Journal; vantage != from && (from != "" || vantage != verifier.LocalVantage) {
		return fmt.Errorf("it is of the vantage %q, which has a journal of its own", vantage)
	}
	return nil
}

// add adds a measurement, if its host is one of the deployment as it is now. What was measured when the host had another key
// or another address is of another machine, maybe in another place, and says nothing of this one.
func (e *Evidence) add(s Sight, cite verifier.Cite) {
	for _, h := range e.Deployment.Hosts {
		if h.Name != s.Host {
			continue
		}
		known := func() bool {
			for _, at := range h.Endpoints() {
				if at.String() == s.Address {
					return s.Fits(e.Deployment) == nil
				}
			}
			return false
		}
		if s.Trouble == "" && !known() {
			s = Sight{Vantage: s.Vantage, Host: s.Host, Via: s.Via, At: s.At, Trouble: Outdated, Detail: "measured at an address, or by a host key, that the deployment does not have any more"}
		}
		s.Cite = cite
		e.Sights = append(e.Sights, s)
	}
}
