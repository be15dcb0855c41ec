package testnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sync/errgroup"

	"scrutineer/verifier/location"
)

// Survey is what vspverify places makes of a VSP's machines.
type Survey struct {
	Sights    []location.Sight   `json:"sights"`
	Judgement location.Judgement `json:"judgement"`
}

// Survey looks from every vantage, from all but the last at once, as a reviewer does who has a machine in each city. The last
// one takes in what the others saw, and judges.
func (p *Places) Survey(ctx context.Context) (Survey, error) {
	var group errgroup.Group
	last := len(p.plan.Vantages) - 1
	var with []string
	for i := range last {
		file := filepath.Join(p.plan.Dir, p.plan.Vantages[i]+".json")
		with = append(with, "--with", file)
		group.Go(func() error {
			out, err := p.look(ctx, i)
			if err != nil {
				return err
			}
			return os.WriteFile(file, out, 0o600)
		})
	}
	if err := group.Wait(); err != nil {
		return Survey{}, fmt.Errorf("survey places: %w", err)
	}
	if p.plan.Site != "" {
		with = append(with, "--site", p.plan.Site)
	}
	out, err := p.look(ctx, last, with...)
	if err != nil {
		return Survey{}, fmt.Errorf("survey places: %w", err)
	}
	var s Survey
	if err := json.Unmarshal(out, &s); err != nil {
		return Survey{}, fmt.Errorf("read the survey of places: %w", err)
	}
	return s, os.WriteFile(filepath.Join(p.plan.Dir, "survey.json"), out, 0o600)
}

// look runs the verifier at a vantage, and returns what it has written.
func (p *Places) look(ctx context.Context, vantage int, more ...string) ([]byte, error) {
	at := Cities[p.plan.Vantages[vantage]]
	args := append([]string{"places", "--deployment", p.Deployment, "--key", p.Key, "--json", "--trips", strconv.Itoa(p.plan.Trips),
		"--apart", fmt.Sprint(p.plan.Apart), "--from", at.Name, "--at", fmt.Sprintf("%v,%v", at.Latitude, at.Longitude),
		"--bind", p.vantageIP(vantage)}, more...)
	out, complaint, code, err := (&Verifier{daemon: daemon{binary: p.plan.Verifier}}).command(ctx, args...)
	if err == nil && !json.Valid(out) {
		err = errors.New("it has written no JSON")
	}
	if err != nil {
		return nil, fmt.Errorf("from %s, exit code %d: %w\n%s", at.Name, code, err, complaint)
	}
	return out, nil
}
