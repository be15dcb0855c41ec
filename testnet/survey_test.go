package testnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"scrutineer/verifier"
	"scrutineer/vsp/deployment"
)

// placing is a VSP's machines in a scenario, and what was found of them.
type placing struct {
	places *Places
	block  *addressBlock // of our own, where there is no network
	survey Survey
}

// startMachines is the command: a VSP's machines, each in a city, or said to be.
func startMachines(ctx context.Context, p *play, args []string) error {
	if missing := PlacesMissing(); missing != nil && os.Getenv("CI") != "true" {
		p.t.Skipf("not checked: where a VSP's machines are: %v", missing)
	}
	plan := PlacesPlan{Dir: filepath.Join(p.dir, "places"), Verifier: p.verifier, Trips: 20, Vantages: []string{"Frankfurt", "Sao-Paulo", "Singapore"}}
	for _, arg := range args {
		if apart, ok := strings.CutPrefix(arg, "apart="); ok {
			km, err := strconv.ParseFloat(apart, 64)
			if err != nil {
				return errUsage
			}
			plan.Apart = km
			continue
		}
		s, err := parseStation(arg)
		if err != nil {
			return err
		}
		plan.Stations = append(plan.Stations, s)
	}
	block, err := takeBlock(0)
	if err != nil {
		return err
	}
	p.placing = &placing{block: block}
	plan.Site = "http://" + net.JoinHostPort(block.address(hostFrontEnd), vspPort)

	p.placing.places, err = startPlaces(ctx, block, plan)
	return err
}

// parseStation reads NAME=CITY[,really=CITY][,padding=TIME][,jitter=TIME][,twin=NAME].
func parseStation(arg string) (s Station, err error) {
	name, rest, ok := strings.Cut(arg, "=")
	words := strings.Split(rest, ",")
	s = Station{Name: name, Claimed: words[0], Role: deployment.Voting}
	if name == "front" {
		s.Role = deployment.Front
	}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "really":
			s.Real = value
		case "twin":
			s.Twin = value
		case "padding":
			s.Padding, err = time.ParseDuration(value)
		case "jitter":
			s.Jitter, err = time.ParseDuration(value)
		default:
			ok = false
		}
	}
	for _, city := range []string{s.Claimed, s.city().Name} {
		if _, known := Cities[city]; !known || !ok || err != nil {
			return s, errUsage
		}
	}
	return s, nil
}

// surveyPlaces is the command: the machines are measured from each city, but from that which is cut off.
func surveyPlaces(ctx context.Context, p *play, args []string) (err error) {
	chosen, err := options(args, "without")
	if err != nil || p.placing == nil {
		return errUsage
	}
	if city := chosen["without"]; city != "" {
		p.placing.places.world.isolate(city)
	}
	p.placing.survey, err = p.placing.places.Survey(ctx)
	return err
}

// expectPlaces is the command: these rows have these verdicts, and no claim is contradicted but where one of them is.
func expectPlaces(_ context.Context, p *play, args []string) error {
	if p.placing == nil || len(args) == 0 {
		return errUsage
	}
	var got []string
	var says []string
	refuted := false
	j := p.placing.survey.Judgement
	for _, f := range j.Findings {
		got = append(got, fmt.Sprintf("%s=%s", f.Row, f.Verdict))
		says = append(says, fmt.Sprintf("%s: %s", f.Row, strings.Join(f.Says, " ")))
		refuted = refuted || f.Verdict == verifier.Refuted
	}
	p.say("%s\n  %s", strings.Join(got, " "), strings.Join(slices.Concat(says, j.Signs, j.Troubles), "\n  "))
	if !slices.Equal(got, args) || refuted != (len(j.Refuted) > 0) {
		return fmt.Errorf("the places come to %v, it must be %v; contradicted: %q; hindered by: %q", got, args, j.Refuted, j.Troubles)
	}
	return nil
}

// placesSay is the command: what is said of a row, of signs and of what hindered has this in it.
func placesSay(_ context.Context, p *play, args []string) error {
	if p.placing == nil || len(args) != 2 {
		return errUsage
	}
	j := p.placing.survey.Judgement
	all := map[string]string{"signs": strings.Join(j.Signs, " "), "hindered": strings.Join(j.Troubles, " ")}
	for _, f := range j.Findings {
		all[f.Row] = strings.Join(f.Says, " ")
	}
	if text, ok := all[args[0]]; !ok || !strings.Contains(text, args[1]) {
		return fmt.Errorf("of %s it is said: %q, and not: %q", args[0], text, args[1])
	}
	return nil
}

func (l *placing) close() error {
	var err error
	if l.places != nil {
		err = l.places.Close()
	}
	l.block.release()
	return errors.Join(err)
}
