package alerts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// machine is where a desk runs: its disk, and the far side that takes mail. A fuse kills it at any one of the acts that
// others see: a commit or a delivery, just before or just after it was done.
type machine struct {
	disk Memory

	mu     sync.Mutex
	fuse   int  // acts left to live; the last one is its end; none if negative
	after  bool // the last act is done before the end
	dead   bool
	life   int
	balky  int // every so many-th delivery is put off by the far side; 0 for none
	acts   int
	rash   bool // something was sent that was not stored
	stored map[NoticeID]Notice
	struck map[NoticeID]bool
	taken  map[laneID][]acceptance
}

// acceptance is a notice that the far side took, and in which of the machine's lives.
type acceptance struct {
	Notice
	life int
}

var errDead = errors.New("killed")

// act reports whether an act is done, and whether whoever does it lives to see that.
func (m *machine) act() (done, alive bool) {
	m.acts++
	switch {
	case m.dead:
		return false, false
	case m.fuse == 0:
		m.dead = true
		return m.after, false
	case m.fuse > 0:
		m.fuse--
	}
	return true, true
}

func (m *machine) commit(change Change) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	done, alive := m.act()
	if done {
		for _, n := range change.Put {
			m.stored[n.ID()] = n
		}
		for _, id := range change.Done {
			m.struck[id] = true
		}
	}
	if !alive {
		return done, errDead
	}
	return done, nil
}

// Send is the far side.
func (m *machine) Send(_ context.Context, n Notice) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.balky > 0 && m.acts%m.balky == 0 && !m.dead {
		m.acts++
		return errors.New("451 try later")
	}
	if _, kept := m.stored[n.ID()]; !kept && !m.dead {
		m.rash = true
	}
	done, alive := m.act()
	if done {
		lane := laneID{n.To, n.Incident.ID}
		m.taken[lane] = append(m.taken[lane], acceptance{n, m.life})
	}
	if !alive {
		return errDead
	}
	return nil
}

// start begins a life.
func (m *machine) start(fuse int, after bool) *Desk {
	m.mu.Lock()
	m.fuse, m.after, m.dead, m.life = fuse, after, false, m.life+1
	m.mu.Unlock()
	return mustDesk(Config{Sender: m, Store: &m.disk, Recipients: []string{alice}, Escalation: []string{bob},
		Rules: Rules{Hold: 2, Reopen: 10 * time.Minute, Settle: 30 * time.Second, Remind: 30 * time.Minute, Escalate: 15 * time.Minute}})
}

// kill ends a life. What the desk would still do is no act of the machine any more.
func (m *machine) kill(desk *Desk) {
	m.mu.Lock()
	m.dead = true
	m.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = desk.Close(ctx)
}

// step is one of a story: an observation of a key, an acknowledgement, time, or the next life.
type step struct {
	What  string // glimpse, bad, crit, good, ack, time, life
	Key   Key
	Span  time.Duration
	Fuse  int
	After bool

	Settle bool // what can happen without more time does, before the next step
}

func story(t *rapid.T) []step {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{
			What:  rapid.SampledFrom([]string{"glimpse", "bad", "crit", "crit", "good", "good", "ack", "time", "life", "life"}).Draw(t, "what"),
			Key:   rapid.SampledFrom([]Key{"a", "b", "c"}).Draw(t, "key"),
			Span:  rapid.SampledFrom([]time.Duration{0, time.Second, 20 * time.Second, 3 * time.Minute, 16 * time.Minute, 40 * time.Minute}).Draw(t, "span"),
			Fuse:  rapid.SampledFrom([]int{-1, 0, 1, 1, 2, 2, 3, 4, 6, 9}).Draw(t, "fuse"),
			After: rapid.Bool().Draw(t, "after"),

			Settle: rapid.Bool().Draw(t, "settle"),
		}
	}), 60, 120).Draw(t, "story")
}

// live has a machine live through a story, and then in peace until all is well and delivered.
func (m *machine) live(steps []step) {
	desk := m.start(-1, false)
	for _, s := range steps {
		now := time.Now()
		alert := trouble()
		switch s.What {
		case "crit":
			alert.Severity = Crit
			desk.Bad(s.Key, now, alert)
			desk.Bad(s.Key, now, alert)
		case "bad":
			desk.Bad(s.Key, now, alert)
			desk.Bad(s.Key, now, alert)
		case "glimpse":
			desk.Bad(s.Key, now, alert)
		case "good":
			desk.Good(s.Key, now, "")
		case "ack":
			_ = desk.Acknowledge(1+int(s.Key[0]-'a'), "ann", now) // there may be none
		case "time":
			time.Sleep(s.Span)
		case "life":
			m.kill(desk)
			desk = m.start(s.Fuse, s.After)
		}
		if s.Settle {
			synctest.Wait()
		}
	}
	m.kill(desk)
	desk = m.start(-1, false)
	for range 12 {
		for _, key := range []Key{"a", "b", "c"} {
			desk.Good(key, time.Now(), "")
		}
		time.Sleep(time.Minute)
	}
	_ = desk.Close(context.Background())
}

// complaint returns what the far side has to say against all that it got.
func (m *machine) complaint() error {
	if m.rash {
		return errors.New("sent before it was stored")
	}
	for id, n := range m.stored {
		if !m.struck[id] {
			return fmt.Errorf("%s of #%d to %s was stored and not delivered", n.Event, n.Incident.Number, n.To)
		}
	}
	for lane, got := range m.taken {
		if err := complaintOf(lane, got); err != nil {
			return fmt.Errorf("%s: %w", lane.to, err)
		}
	}
	state, err := m.disk.Load()
	for _, c := range state.Conditions {
		if c.open() {
			return fmt.Errorf("#%d is still open", c.Incident.Number)
		}
	}
	if len(state.Outbox) > 0 {
		return fmt.Errorf("%d notices wait for ever", len(state.Outbox))
	}
	return err
}

// complaintOf judges what one recipient got of one incident.
func complaintOf(lane laneID, got []acceptance) error {
	open := false
	for i, n := range got {
		if i > 0 && n.ID() == got[i-1].ID() {
			if n.life == got[i-1].life {
				return fmt.Errorf("%s came twice, and nobody was killed between", n.Event)
			}
			if fmt.Sprint(n.Incident) != fmt.Sprint(got[i-1].Incident) || n.Alert != got[i-1].Alert {
				return fmt.Errorf("the copy of %s differs", n.Event)
			}
			continue
		}
		if i > 0 && n.Seq <= got[i-1].Seq {
			return fmt.Errorf("%s came after %s", n.Event, got[i-1].Event)
		}
		first := Opened
		if lane.to == bob {
			first = Escalated
		}
		switch {
		case (i == 0) != (n.Event == first):
			return fmt.Errorf("event %d is %s", i, n.Event)
		case n.Event == Resolved && !open:
			return errors.New("resolved, but not open")
		}
		open = n.Event != Resolved
	}
	if open {
		return errors.New("never told as over")
	}
	return nil
}

func TestNothingIsLostOrDoubledWhateverCrashes(t *testing.T) {
	crashed, copies := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		steps, balky := story(rt), rapid.IntRange(0, 4).Draw(rt, "balky")
		if balky == 1 {
			balky = 0 // it would never take anything
		}
		m := &machine{balky: balky, stored: map[NoticeID]Notice{}, struck: map[NoticeID]bool{}, taken: map[laneID][]acceptance{}}
		m.disk.Fail = m.commit
		synctest.Test(t, func(*testing.T) { m.live(steps) })
		if err := m.complaint(); err != nil {
			rt.Fatal(err)
		}
		crashed += m.life - 2
		for _, got := range m.taken {
			for i := range got[1:] {
				if got[i].ID() == got[i+1].ID() {
					copies++
				}
			}
		}
	})
	t.Logf("%d lives ended, %d copies in the window", crashed, copies)
	if crashed == 0 || copies == 0 {
		t.Errorf("%d crashes and %d copies: the stories do not reach the window", crashed, copies)
	}
}
