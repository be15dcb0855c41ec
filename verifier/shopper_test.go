package verifier

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp/vspapi"
)

// buy adds a registration that ended with a code at its first try, in a slot in which our vantage could see.
func (s *scene) buy(n int, code Code) {
	at := t0.Add(time.Duration(n) * time.Minute)
	ticket := Hash(hashNo(5000 + n))
	s.observe(Observation{At: at, Kind: KindShopper, Vantage: "here", Code: OK, Node: &NodeState{Height: 300}, Errand: &Errand{Step: StepBuy, Ticket: ticket}})
	s.observe(Observation{At: at, Kind: KindShopper, Vantage: "here", Code: code, Took: time.Second, Errand: &Errand{Step: StepPay, Ticket: ticket}})
	s.see(n)
}

// see lets our vantage show that it could see in a slot, and the VSP be up.
func (s *scene) see(n int) {
	at := t0.Add(time.Duration(n) * time.Minute)
	s.observe(Observation{At: at, Kind: KindNode, Vantage: "here", Endpoint: "own node", Code: OK})
	s.observe(Observation{At: at, Kind: KindInfo, Vantage: "here", Endpoint: vspapi.PathInfo, Code: OK})
	s.Beats = append(s.Beats, Beat{At: at, Vantage: "here"})
	s.Window.Slots = max(s.Window.Slots, n+1)
	s.Window.Stopped = true
}

// TestRegistrationsFailTheRowByClearEvidenceOnly: of some registrations so many must have failed that a VSP which is up in
// 99 % of the time would hardly ever do so badly.
func TestRegistrationsFailTheRowByClearEvidenceOnly(t *testing.T) {
	tests := []struct {
		up, down, unknown int
		want              Verdict
	}{
		{0, 0, 0, Pass},
		{28, 0, 0, Pass},
		{0, 0, 28, Pass},
		{27, 1, 0, Pass},
		{26, 2, 0, Fail},
		{5, 1, 0, Pass},
		{4, 1, 0, Fail},
		{0, 1, 0, Fail},
		{5, 1, 20, Pass},
	}
	for _, test := range tests {
		s := newScene(t)
		n := 0
		for code, count := range map[Code]int{OK: test.up, NoAnswer: test.down, WalletAway: test.unknown} {
			for range count {
				s.buy(n, code)
				n++
			}
		}
		s.see(n)
		f := s.finding(t, "TR-1")
		require.Equal(t, test.want, f.Verdict, "%+v: %v", test, f.Says)
		got := CountRegistrations(s.Evidence)
		require.Equal(t, []int{test.up, test.down, test.unknown}, []int{got.Up, got.Down, got.Unknown})
		if test.down > 0 {
			require.Contains(t, f.Says[len(f.Says)-1]+f.Says[0], "registrations failed: in")
			require.NotEmpty(t, f.Cites)
		}
	}
}

// TestSilenceIsBelievedOnlyOfWhoCouldSee: a registration that got no answer while our own vantage was blind says nothing.
func TestSilenceIsBelievedOnlyOfWhoCouldSee(t *testing.T) {
	for name, blind := range map[string]func(*scene){
		"no heartbeat":      func(s *scene) { s.Beats = nil },
		"after the end":     func(s *scene) { s.Window.Slots = 0 },
		"our node was away": func(s *scene) { s.Seen[len(s.Seen)-2].Code = NodeAway },
		"a control is down": func(s *scene) {
			s.observe(Observation{At: t0, Kind: KindControl, Vantage: "here", Endpoint: "https://example.org", Code: NoAnswer})
		},
	} {
		s := newScene(t)
		s.buy(0, NoAnswer)
		require.Equal(t, 1, CountRegistrations(s.Evidence).Down)
		blind(s)
		got := CountRegistrations(s.Evidence)
		require.Equal(t, [2]int{0, 1}, [2]int{got.Down, got.Unknown}, name)
	}
}

// TestFirstTryCounts: what a holder found who came first is what counts, whatever came later.
func TestFirstTryCounts(t *testing.T) {
	for _, test := range []struct {
		codes []Code
		want  State
	}{
		{[]Code{OK}, Up}, {[]Code{WalletAway, OK}, Up}, {[]Code{CannotTell, CannotTell}, Unknown},
		{[]Code{Declined, OK}, Down}, {[]Code{WalletAway, NoAnswer, OK}, Down}, {[]Code{Closed}, Unknown},
	} {
		s := newScene(t)
		ticket := Hash(hashNo(1))
		s.observe(Observation{Kind: KindShopper, Code: OK, Errand: &Errand{Step: StepBuy, Ticket: ticket}})
		for _, code := range test.codes {
			s.observe(Observation{Kind: KindShopper, Code: code, Errand: &Errand{Step: StepPay, Ticket: ticket}})
		}
		r := NewShopping(s.Target, s.Seen).Registrations[0]
		require.Equal(t, test.want, r.State, "%v", test.codes)
		require.Equal(t, test.codes[len(test.codes)-1] == OK, r.Paid)
	}
}
