package main

import (
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"

	"scrutineer/cmd/configfile"
	"scrutineer/verifier"
	"scrutineer/verifier/location"
)

// placesConfig is the section [places] as written.
type placesConfig struct {
	Deployment string              `toml:"deployment"`
	Key        string              `toml:"key"`
	Every      configfile.Duration `toml:"every"`
	Trips      int                 `toml:"trips"`
	Apart      float64             `toml:"apart"`
	Surveys    []string            `toml:"surveys"`
	ASNDB      string              `toml:"asn_db"`
	CityDB     string              `toml:"city_db"`
	standing
}

// standing is where a vantage is, as a section has it.
type standing struct {
	Place     string   `toml:"place"`
	Latitude  *float64 `toml:"latitude"`
	Longitude *float64 `toml:"longitude"`
}

// trialPlacesHelp is its part of the configuration's help.
const trialPlacesHelp = `
    [places]                  # measures how far apart the VSP's machines are, from here
                              # and from the other vantages (vspverify places --help)
    deployment = ""           # the operator's description of them, a file. The journal
                              # then has it, with all addresses: mind who gets a copy
    key = ""                  # the reviewer's private SSH key, a file without a
                              # passphrase; left out: nothing is measured from here
    place = "here"            # where this machine is, such as "Paris"
    latitude = 48.86          # degrees, north is positive; left out with the longitude
    longitude = 2.35          # where nobody may know: then this machine draws no disc
    every = "6h"              # between two measurements, of which only the best counts
    trips = 200               # round trips of each kind, in each
    apart = 500.0             # km that two places must be apart
    surveys = []              # files that vspverify places --json wrote elsewhere
    asn_db = ""               # databases in MaxMind's format, such as GeoLite2-ASN.mmdb
    city_db = ""              # and GeoLite2-City.mmdb: what they say is a sign, no proof`

func placesDefaults() placesConfig {
	return placesConfig{Every: configfile.Duration(6 * time.Hour), Trips: location.DefaultTrips, Apart: location.DefaultApart}
}

// checkPlaces checks the section. Without a deployment nobody measures, and then nothing else may be in it.
func (t *trial) checkPlaces(file *configfile.File) {
	p := &t.Places
	if p.Deployment == "" {
		if !reflect.DeepEqual(*p, placesDefaults()) {
			file.Wrong("places.deployment", "is missing: name the operator's description of the machines, or take the section out")
		}
		return
	}
	if p.Key != "" {
		var err error
		if t.sshKey, err = readSSHKey(file.Resolve(p.Key)); err != nil {
			file.Wrong("places.key", "%v", err)
		}
	}
	p.Deployment = file.Resolve(p.Deployment)
	bases := map[string]bool{}
	for i, path := range p.Surveys {
		p.Surveys[i] = file.Resolve(path)
		base := filepath.Base(path)
		if _, ok := verifier.FileSurvey(base); !ok || bases[base] {
			file.Wrong("places.surveys", "%q: give each file a name of its own, of letters, digits, dots and hyphens", base)
		}
		bases[base] = true
	}
	for key, path := range map[string]*string{"places.asn_db": &p.ASNDB, "places.city_db": &p.CityDB} {
		if *path = file.Resolve(*path); *path == "" {
			continue
		}
		if _, err := location.LookUp(*path, nil); err != nil {
			file.Wrong(key, "%v", err)
		}
	}
	t.described = newDescribed()
	if err := t.placesPlan().Mistake(); err != nil {
		file.Wrong("places", "%v", err)
	}
}

// databases are those of addresses.
func (p placesConfig) databases() []string {
	return slices.DeleteFunc([]string{p.ASNDB, p.CityDB}, func(path string) bool { return path == "" })
}

// placesPlan is what the configuration says of places; nil where nobody measures.
func (t *trial) placesPlan() *verifier.PlacesPlan {
	p := t.Places
	if p.Deployment == "" {
		return nil
	}
	plan := &verifier.PlacesPlan{Apart: p.Apart, Every: verifier.Duration(p.Every), Trips: p.Trips, Vantages: []verifier.Standpoint{p.standpoint(localVantage, "here")}}
	for _, v := range t.Vantages {
		plan.Vantages = append(plan.Vantages, v.standpoint(v.Name, v.Name))
	}
	return plan
}

// standpoint is where a vantage is, under a name of its place that is used where it has none.
func (s standing) standpoint(vantage, place string) verifier.Standpoint {
	if s.Place != "" {
		place = s.Place
	}
	return verifier.Standpoint{Vantage: vantage, Place: place, Latitude: s.Latitude, Longitude: s.Longitude}
}

// surveyMistake says what is wrong with a survey that was made by hand.
func surveyMistake(text string) error {
	_, err := location.ReadSurvey([]byte(text))
	return err
}

// checkSSHKey reads the key that a vantage on another machine measures with; there may be none.
func checkSSHKey(file *configfile.File, path string) ssh.Signer {
	if path == "" {
		return nil
	}
	key, err := readSSHKey(file.Resolve(path))
	if err != nil {
		file.Wrong("ssh_key", "%v", err)
	}
	return key
}

// placesBeside are the files beside the trial that are of places.
func (t *trial) placesBeside(record *verifier.Record) []*beside {
	if t.Places.Deployment == "" {
		return nil
	}
	all := []*beside{{name: verifier.FileDeployment, path: t.Places.Deployment, history: record.File(verifier.FileDeployment),
		mistake: deploymentMistake, took: t.described.set}}
	for _, path := range t.Places.Surveys {
		name, _ := verifier.FileSurvey(filepath.Base(path)) // it was checked
		all = append(all, &beside{name: name, path: path, history: record.File(name), mistake: surveyMistake})
	}
	return all
}
