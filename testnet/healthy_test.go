package testnet

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
)

var (
	healthy     = flag.Int("healthy", 2, "how many trials of a healthy VSP to play in a row, each with another seed and pace")
	healthySeed = flag.Uint64("healthy-seed", 0, "the seed of the first of them; a random one if 0")
)

// TestHealthyTrials plays trials in which nothing is amiss: nobody may be accused in any.
func TestHealthyTrials(t *testing.T) {
	t.Parallel()
	daemons, programs := testDaemons(t), testPrograms(t, "vsp", "vspverify")
	first := *healthySeed
	if first == 0 {
		first = rand.Uint64N(1e9) + 1
	}
	require.Positive(t, *healthy)
	for i := range *healthy {
		seed := first + uint64(i)
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			p := newPlay(t, t.TempDir(), daemons, programs)
			defer p.close()
			require.NoError(t, p.healthyTrial(seed))
		})
	}
}

// healthyTrial plays a trial, whose numbers follow from the seed. Nothing in it is slow on purpose, so that an answer may take
// as long as a slot allows: half of it, on a machine that has all of the network to run.
func (p *play) healthyTrial(seed uint64) error {
	random := rand.New(rand.NewPCG(seed, 0))
	tickets := 12 + random.IntN(25)
	for _, line := range []string{
		fmt.Sprintf("network seed=%d tickets=%d", seed, 200+random.IntN(200)), "vsp", "verifier latency=200ms",
		fmt.Sprintf("buy %d", tickets), "mine 7", "held", fmt.Sprintf("run %dms", 100+random.IntN(500)),
		fmt.Sprintf("mine until %d votes", tickets/2), "rounds 3",
	} {
		if err := p.do("%s", line); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	return errors.Join(p.judge(ctx), p.innocent())
}

// innocent says what the report has against the VSP, which is nothing: no row, no slot, no vote.
func (p *play) innocent() error {
	var errs []error
	for _, f := range p.report.Rows {
		if f.Verdict == verifier.Fail || f.Verdict == verifier.Refuted {
			errs = append(errs, fmt.Errorf("row %s is %s: %q", f.Row, f.Verdict, f.Says))
		}
	}
	for _, e := range p.report.Uptime {
		if e.Slots.Down > 0 {
			errs = append(errs, fmt.Errorf("%s was down in %d slots: %s, %+v", e.Endpoint, e.Slots.Down, e.Ribbon, e.Causes))
		}
		p.say("%s: %s", e.Endpoint, e.Ribbon)
	}
	if l := p.report.Ledger; l.Missed > 0 || l.Made == 0 {
		errs = append(errs, fmt.Errorf("%d votes made, %d missed: %+v", l.Made, l.Missed, l.MissedBy))
	}
	return errors.Join(errs...)
}
