package testnet

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	week      = flag.Int("week", 0, "how many blocks the long trial is to have; a week of a testnet has 5040")
	weekSeed  = flag.Uint64("week-seed", 0, "what its kills follow from; a random one if 0")
	weekOut   = flag.String("week-out", "", "the folder that everything of it is left in, with nothing in it yet; one that goes away if empty")
	weekKills = flag.Int("week-kills", 10, "how often the verifier is killed in it")
)

// The pace of a trial of 5040 blocks that is over in twenty minutes, with its faults and the purchases of its tickets. A block
// with a vote of the VSP's takes half a second, whatever the pace: that long a vote may take from one node to the next.
const (
	weekPace  = 120 * time.Millisecond
	weekBatch = 20 // tickets that are bought at once, when fewer than weekLow are left
	weekLow   = 4
	weekStock = 30 // that there must be before a fault during which none can be bought

	weekTell = 15 * time.Second // between two words on how far it is
)

// TestWeek plays a trial of as many blocks as a testnet's week has. Nobody looks after it: the verifier is killed at random
// moments and goes on, things break at known places, and its report must have all of that and nothing else.
func TestWeek(t *testing.T) {
	if *week == 0 {
		t.Skip("the trial of a week takes twenty minutes: make week plays it")
	}
	daemons, programs := testDaemons(t), testPrograms(t, "vsp", "vspverify")
	seed := *weekSeed
	if seed == 0 {
		seed = rand.Uint64N(1e9) + 1
	}
	t.Logf("a trial of %d blocks, seed %d", *week, seed)
	p := newPlay(t, cmp.Or(*weekOut, t.TempDir()), daemons, programs)
	defer p.close()
	require.NoError(t, p.week(int64(*week), seed))
}

// weekEvent is what is done when the chain has a height.
type weekEvent struct {
	height int64
	do     func(*play) error
}

// lines is an event that a script could have made.
func lines(all ...string) func(*play) error {
	return func(p *play) error {
		for _, line := range all {
			if err := p.do("%s", line); err != nil {
				return err
			}
		}
		return nil
	}
}

// stocked is an event during which the VSP takes no new tickets.
func stocked(all ...string) func(*play) error {
	return func(p *play) error {
		for len(p.unspent(p.paid())) < weekStock {
			if err := p.restock(); err != nil {
				return err
			}
		}
		return lines(all...)(p)
	}
}

// killed is the event that the verifier is killed at some moment, and is dead for some time. The chain goes on.
func killed(moment, death time.Duration) func(*play) error {
	return func(p *play) error {
		ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
		defer cancel()
		p.network.Chain.Run(weekPace)
		err := pause(ctx, moment)
		if err == nil {
			err = p.watch.crash(ctx)
		}
		if err == nil {
			err = pause(ctx, death)
		}
		if err == nil {
			err = p.watch.Start(ctx)
		}
		p.say("verifier killed, and started again after %v", death.Round(time.Millisecond))
		return errors.Join(err, p.network.Chain.Pause(), p.follow(ctx))
	}
}

// week plays the trial.
func (p *play) week(blocks int64, seed uint64) error {
	if err := lines("network tickets=400", "vsp", "verifier uptime=0.99")(p); err != nil {
		return err
	}
	if err := p.restock(); err != nil {
		return err
	}
	begin, end := p.fates.Height, p.fates.Height+blocks
	told := time.Now()
	for _, e := range weekEvents(begin, blocks, seed) {
		for p.fates.Height < e.height {
			if err := p.weekBlock(&told, begin, end); err != nil {
				return err
			}
		}
		p.say("block %d of the week", p.fates.Height-begin)
		if err := e.do(p); err != nil {
			return err
		}
	}
	for p.fates.Height < end-settleBlocks {
		if err := p.weekBlock(&told, begin, end); err != nil {
			return err
		}
	}
	return p.weekReport()
}

// weekEvents returns what is done, by height: faults at known places, kills at random ones.
func weekEvents(begin, blocks int64, seed uint64) []weekEvent {
	at := func(percent int64) int64 { return begin + blocks*percent/100 }
	events := []weekEvent{
		{at(10), lines("front refuses for 3 slots")},
		{at(20), lines("crash wallet-1")},
		{at(24), lines("start wallet-1", "vspinfo vspclosed=false")},
		{at(32), stocked("crash wallet-1 wallet-2")},
		{at(33), lines("start wallet-1 wallet-2", "vspinfo vspclosed=false")},
		{at(48), stocked("rounds 1", "lock wallet-1 wallet-2 wallet-3", "mine until 12 misses within 10m",
			"unlock wallet-1 wallet-2 wallet-3", "vspinfo vspclosed=false")},
		{at(60), lines("front signature for 2 slots")},
		{at(70), lines("cut verifier", "rounds 2 blind", "join verifier")},
		{at(85), lines("front is-slow for 3 slots")},
	}
	random := rand.New(rand.NewPCG(seed, 0))
	for range *weekKills {
		height := begin + random.Int64N(blocks-2*settleBlocks)
		moment, death := time.Duration(random.Int64N(int64(scenarioSlot))), time.Duration(random.Int64N(int64(3*scenarioSlot/2)))
		events = append(events, weekEvent{height, killed(moment, death)})
	}
	slices.SortStableFunc(events, func(a, b weekEvent) int { return cmp.Compare(a.height, b.height) })
	return events
}

// weekBlock makes a block, and sees to it that there are tickets for those that come.
func (p *play) weekBlock(told *time.Time, begin, end int64) error {
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	if len(p.unspent(p.paid())) < weekLow {
		if err := p.restock(); err != nil {
			return err
		}
	}
	next := time.After(weekPace)
	if err := p.network.Chain.Mine(ctx, 1); err != nil {
		return err
	}
	if err := p.follow(ctx); err != nil {
		return err
	}
	if time.Since(*told) > weekTell {
		*told = time.Now()
		pace := float64(p.fates.Height-begin) / time.Since(p.begin).Seconds()
		p.say("block %d of %d, %.1f a second, %.0f s to go; %s", p.fates.Height-begin, end-begin, pace,
			float64(end-p.fates.Height)/pace, p.describe(p.paid()))
	}
	<-next
	return nil
}

// restock buys tickets and registers them, and lets no block come that they could be drawn in before they are held.
func (p *play) restock() error {
	if err := lines(fmt.Sprintf("offer %d", weekBatch), "mine 7", "held")(p); err != nil {
		return err
	}
	return p.watch.AddTickets(p.unlisted())
}

// weekReport holds the report against what was done. Few slots were down, and yet more than one in a hundred.
func (p *play) weekReport() error {
	err := lines(
		"report TR-1=FAIL TR-2=FAIL TR-3=FAIL TR-5=PASS within 10m",
		"slots /api/v3/vspinfo refused=3 signature=2 slow=3",
		"slots / refused=3 slow=3",
		"slots TLS refused=3",
		"misses operator=all",
	)(p)
	text, readErr := os.ReadFile(filepath.Join(p.watch.Out, "report.txt"))
	p.t.Logf("\n%s", text)
	return errors.Join(err, readErr)
}
