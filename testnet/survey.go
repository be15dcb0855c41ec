package testnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"scrutineer/verifier/location"
)

// Survey is what vspverify places makes of a VSP's machines.
type Survey struct {
	Sights    []location.Sight   `json:"sights"`
	Judgement location.Judgement `json:"judgement"`
}

// Survey looks from every vantage at once, as a reviewer does who has a machine in each city, and judges.
func (p *Places) Survey(ctx context.Context) (Survey, error) {
	if err := p.lookFrom(ctx, len(p.plan.Vantages)); err != nil {
		return Survey{}, err
	}
	args := []string{"places", "--deployment", p.Deployment, "--json", "--apart", fmt.Sprint(p.plan.Apart), "--site", p.plan.Site}
	for i := range p.plan.Vantages {
		args = append(args, "--with", p.surveyFile(i))
	}
	out, err := p.run(ctx, args)
	if err != nil {
		return Survey{}, fmt.Errorf("judge places: %w", err)
	}
	var s Survey
	if err := json.Unmarshal(out, &s); err != nil {
		return Survey{}, fmt.Errorf("read the survey of places: %w", err)
	}
	return s, nil
}

// LookFromElsewhere looks from every vantage but the last, which is the verifier's own.
func (p *Places) LookFromElsewhere(ctx context.Context) error {
	return p.lookFrom(ctx, len(p.plan.Vantages)-1)
}

// lookFrom looks from the first vantages, and leaves a file of each.
func (p *Places) lookFrom(ctx context.Context, vantages int) error {
	group, ctx := errgroup.WithContext(ctx)
	for i := range vantages {
		group.Go(func() error {
			out, err := p.look(ctx, i)
			if err != nil {
				return fmt.Errorf("look at places from %s: %w", p.plan.Vantages[i], err)
			}
			// Whoever reads it while the trial goes on must not find it half there.
			file := p.surveyFile(i)
			return errors.Join(os.WriteFile(file+".new", out, 0o600), os.Rename(file+".new", file))
		})
	}
	return group.Wait()
}

func (p *Places) surveyFile(vantage int) string {
	return filepath.Join(p.plan.Dir, p.plan.Vantages[vantage]+".json")
}

// section is what the verifier's configuration has of places.
func (p *Places) section() string {
	if p == nil {
		return ""
	}
	last := len(p.plan.Vantages) - 1
	at := Cities[p.plan.Vantages[last]]
	var surveys []string
	for i := range last {
		surveys = append(surveys, strconv.Quote(p.surveyFile(i)))
	}
	return fmt.Sprintf(`
[places]
deployment = %q
key = %q
place = %q
latitude = %g
longitude = %g
trips = %d
apart = %g
surveys = [%s]
`, p.Deployment, p.Key, at.Name, at.Latitude, at.Longitude, p.plan.Trips, p.plan.Apart, strings.Join(surveys, ", "))
}

// look runs the verifier at a vantage, and returns what it has written.
func (p *Places) look(ctx context.Context, vantage int) ([]byte, error) {
	at := Cities[p.plan.Vantages[vantage]]
	return p.run(ctx, []string{"places", "--deployment", p.Deployment, "--key", p.Key, "--json", "--trips", strconv.Itoa(p.plan.Trips),
		"--apart", fmt.Sprint(p.plan.Apart), "--from", at.Name, "--at", fmt.Sprintf("%v,%v", at.Latitude, at.Longitude),
		"--bind", p.vantageIP(vantage)})
}

// run runs vspverify places, and returns what it has written, whatever its answer.
func (p *Places) run(ctx context.Context, args []string) ([]byte, error) {
	out, complaint, code, err := (&Verifier{daemon: daemon{binary: p.plan.Verifier}}).command(ctx, args...)
	if err == nil && !json.Valid(out) {
		err = fmt.Errorf("exit code %d, and no JSON: %s", code, complaint)
	}
	return out, err
}
