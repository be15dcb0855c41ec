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
	taken  map[laneID][]acceptance // by recipient and incident
	quiet  []Maintenance           // what was announced and holds for sure
	broken error                   // the first promise that was
	held   int                     // how often something critical was kept back, as announced
	joined int                     // notices of more than one event
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
			m.listen(n)
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

// listen holds a notice against what was announced.
func (m *machine) listen(n Notice) {
	if len(n.With) > 0 {
		m.joined++
	}
	for _, p := range n.parts() {
		switch p.Event {
		case Resolved, Acknowledged, Began, Ended:
			continue
		}
		for _, w := range m.quiet {
			if w.covers(p.Incident.Key) && !n.At.Before(w.From) && n.At.Before(w.Until) && !p.Alert.Grave {
				m.broken = fmt.Errorf("%s of #%d at %v, though maintenance was announced", p.Event, p.Incident.Number, n.At)
			}
		}
		if p.Incident.Severity > n.Incident.Severity {
			m.broken = fmt.Errorf("#%d is hidden behind #%d, which is milder", p.Incident.Number, n.Incident.Number)
		}
	}
}

// audit requires that what is critical was told, once it could be. bad is what was last seen critical in this life.
func (m *machine) audit(desk *Desk, bad map[Key]Alert) {
	incidents, _ := desk.Open()
	windows := desk.Maintenances()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, i := range incidents {
		alert, seen := bad[i.Key]
		if m.dead || !seen {
			continue
		}
		announced := false
		for _, w := range windows {
			announced = announced || w.covers(i.Key) && !alert.Grave
		}
		if announced {
			m.held++
			continue
		}
		if last := m.last(i.ID); last.Event == "" || last.Event == Resolved || last.Incident.Severity != Crit {
			m.broken = fmt.Errorf("#%d is critical and the last that was told of it is %q", i.Number, last.Event)
		}
	}
}

// last is the newest that was stored for alice of an incident.
func (m *machine) last(incident string) (last Part) {
	for _, n := range m.stored {
		for _, p := range n.parts() {
			if n.To == alice && p.Incident.ID == incident && p.Seq > last.Seq {
				last = p
			}
		}
	}
	return last
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
		for _, p := range n.parts() {
			told := n
			told.Event, told.Seq, told.Incident, told.Alert, told.With = p.Event, p.Seq, p.Incident, p.Alert, nil
			lane := laneID{n.To, p.Incident.ID}
			m.taken[lane] = append(m.taken[lane], acceptance{told, m.life})
		}
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
		Rules: Rules{Hold: 2, Gather: 2 * time.Second, Reopen: 10 * time.Minute, Settle: 30 * time.Second, Remind: 30 * time.Minute, Escalate: 15 * time.Minute}})
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
	What  string // glimpse, bad, crit, grave, all, good, ack, begin, end, time, life
	Key   Key
	Span  time.Duration
	Fuse  int
	After bool

	Settle bool // what can happen without more time does, before the next step
}

func story(t *rapid.T) []step {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{
			What:  rapid.SampledFrom([]string{"glimpse", "bad", "crit", "crit", "grave", "all", "good", "good", "ack", "begin", "end", "time", "time", "life", "life"}).Draw(t, "what"),
			Key:   rapid.SampledFrom([]Key{"a", "b", "c"}).Draw(t, "key"),
			Span:  rapid.SampledFrom([]time.Duration{0, time.Second, 20 * time.Second, 3 * time.Minute, 16 * time.Minute, 40 * time.Minute}).Draw(t, "span"),
			Fuse:  rapid.SampledFrom([]int{-1, 0, 1, 1, 2, 2, 3, 4, 6, 9}).Draw(t, "fuse"),
			After: rapid.Bool().Draw(t, "after"),

			Settle: rapid.Bool().Draw(t, "settle"),
		}
	}), 60, 120).Draw(t, "story")
}

// begin begins a maintenance, which holds for sure if the machine lives to see that.
func (m *machine) begin(desk *Desk, w Maintenance) {
	_, _ = desk.StartMaintenance(w)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.dead {
		m.quiet = append(m.quiet, w)
	}
}

// end ends every maintenance, or dies of it.
func (m *machine) end(desk *Desk, now time.Time) {
	m.mu.Lock()
	m.quiet = nil
	m.mu.Unlock()
	_ = desk.EndMaintenance(0, now) // there may be none
}

// live has a machine live through a story, and then in peace until all is well and delivered.
func (m *machine) live(steps []step) {
	desk := m.start(-1, false)
	bad := map[Key]Alert{}
	for _, s := range steps {
		now := time.Now()
		alert := trouble()
		look := func(keys ...Key) {
			for range 2 {
				for _, key := range keys {
					desk.Bad(key, now, alert)
					bad[key] = alert
				}
			}
		}
		switch s.What {
		case "crit", "grave":
			alert.Severity, alert.Grave = Crit, s.What == "grave"
			look(s.Key)
		case "all":
			alert.Severity = Crit
			look("a", "b", "c")
		case "bad":
			desk.Bad(s.Key, now, alert)
			desk.Bad(s.Key, now, alert)
			delete(bad, s.Key)
		case "glimpse":
			desk.Bad(s.Key, now, alert)
			delete(bad, s.Key)
		case "good":
			desk.Good(s.Key, now, "")
			delete(bad, s.Key)
		case "ack":
			_ = desk.acknowledge(1+int(s.Key[0]-'a'), s.After, "ann", now) // there may be none
		case "begin":
			m.begin(desk, Maintenance{From: now, Until: now.Add(s.Span + 10*time.Minute), Only: []string{string(s.Key)}})
		case "end":
			m.end(desk, now)
		case "time":
			time.Sleep(s.Span)
			if s.Span > 2*time.Second {
				m.audit(desk, bad)
			}
		case "life":
			m.kill(desk)
			desk = m.start(s.Fuse, s.After)
			clear(bad)
		}
		if s.Settle {
			synctest.Wait()
		}
	}
	m.kill(desk)
	desk = m.start(-1, false)
	m.end(desk, time.Now())
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
	if m.broken != nil {
		return m.broken
	}
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
		if got[0].Event == Began {
			first = Began
		}
		if lane.to == bob {
			first = Escalated
		}
		switch {
		case (i == 0) != (n.Event == first):
			return fmt.Errorf("event %d is %s", i, n.Event)
		case n.Event == Resolved && !open:
			return errors.New("resolved, but not open")
		}
		open = n.Event != Resolved && n.Event != Ended
	}
	if open {
		return errors.New("never told as over")
	}
	return nil
}

func TestNothingIsLostOrDoubledWhateverCrashes(t *testing.T) {
	crashed, copies, held, joined := 0, 0, 0, 0
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
		crashed, held, joined = crashed+m.life-2, held+m.held, joined+m.joined
		for _, got := range m.taken {
			for i := range got[1:] {
				if got[i].ID() == got[i+1].ID() {
					copies++
				}
			}
		}
	})
	t.Logf("%d lives ended, %d copies in the window, %d times held back, %d told with others", crashed, copies, held, joined)
	if crashed == 0 || copies == 0 || joined == 0 {
		t.Error("the stories do not reach the window, or have no group")
	}
}
