package verifier

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var t0 = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

const testEndpoint = "/api/v3/vspinfo"

// story is what one vantage saw, a character for each slot: # up, - down, s slow, n our node away, b no heartbeat, x nothing at
// all, a a result that proves nothing, c no answer by the target nor by sites that have nothing to do with it, d the same but
// one such site answered.
func story(text, vantage string) (seen []Observation, beats []Beat) {
	for i, mark := range text {
		at := t0.Add(time.Duration(i) * time.Minute)
		if mark == 'x' {
			continue
		}
		control := Observation{At: at, Kind: KindNode, Vantage: vantage, Endpoint: "own node", Code: OK}
		look := Observation{At: at, Kind: KindInfo, Vantage: vantage, Endpoint: testEndpoint, Code: OK}
		switch mark {
		case '-':
			look.Code = Refused
		case 's':
			look.Code = Slow
		case 'a':
			look.Code = AheadOfUs
		case 'c':
			look.Code = NoAnswer
			seen = append(seen, Observation{At: at, Kind: KindControl, Vantage: vantage, Endpoint: "https://a.example", Code: NoAnswer},
				Observation{At: at, Kind: KindControl, Vantage: vantage, Endpoint: "https://b.example", Code: NoAnswer})
		case 'd':
			look.Code = NoAnswer
			seen = append(seen, Observation{At: at, Kind: KindControl, Vantage: vantage, Endpoint: "https://a.example", Code: NoAnswer},
				Observation{At: at, Kind: KindControl, Vantage: vantage, Endpoint: "https://b.example", Code: OK})
		case 'n':
			control.Code, look.Code = NodeAway, NoAnswer
		}
		seen = append(seen, control, look)
		if mark != 'b' {
			beats = append(beats, Beat{at, vantage})
		}
	}
	for i := range seen {
		seen[i].Number = int64(i + 1)
	}
	return seen, beats
}

func ribbonOf(u Uptime) string {
	var b strings.Builder
	for _, s := range u.States {
		b.WriteByte("?#-"[s])
	}
	return b.String()
}

func windowOf(text string) Window {
	n := time.Duration(len(text)) * time.Minute
	return NewWindow(t0, t0.Add(n), time.Minute, n, true)
}

func TestSlots(t *testing.T) {
	tests := []struct {
		name, story, want string
		longest           int
	}{
		{"healthy", "########", "########", 0},
		{"front end down", "##---###", "##---###", 3},
		{"slow is down", "##ss####", "##--####", 2},
		{"our node away is unknown, though the VSP seemed down too", "##nn####", "##??####", 0},
		{"killed: no entries", "##xxx###", "##???###", 0},
		{"killed between probe and heartbeat", "##bb####", "##??####", 0},
		{"an unknown slot ends an outage", "#--x---#", "#--?---#", 3},
		{"what proves nothing", "##aa####", "##??####", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			seen, beats := story(test.story, "here")
			w := windowOf(test.story)
			all := Uptimes(w, seen, beats, 1)
			require.Len(t, all, 1)
			require.Equal(t, test.want, ribbonOf(all[0]))
			require.Equal(t, test.longest, all[0].Longest(w).Slots)
			require.Len(t, all[0].Cites, strings.Count(test.want, "-"))
		})
	}
}

func TestMajorityOfVantages(t *testing.T) {
	tests := []struct {
		name    string
		stories []string
		min     int
		want    string
	}{
		{"one of three sees it down", []string{"###", "###", "-#-"}, 1, "###"},
		{"two of three", []string{"-##", "-##", "###"}, 1, "-##"},
		{"a tie is no majority", []string{"--", "##"}, 1, "##"},
		{"one whose node is away has no voice", []string{"n-", "-#", "xx"}, 1, "-#"},
		{"too few vantages", []string{"##", "#x", "x-"}, 2, "##"},
		{"too few vantages, all blind but one", []string{"--", "xx"}, 2, "??"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var seen []Observation
			var beats []Beat
			for i, text := range test.stories {
				s, b := story(text, string(rune('A'+i)))
				seen, beats = append(seen, s...), append(beats, b...)
			}
			w := windowOf(test.stories[0])
			require.Equal(t, test.want, ribbonOf(Uptimes(w, seen, beats, test.min)[0]))
		})
	}
}

func TestUptimeIsAnInterval(t *testing.T) {
	s := Share{Up: 90, Down: 4, Unknown: 6}
	require.InDelta(t, 0.90, s.Low(), 1e-12)
	require.InDelta(t, 0.96, s.High(), 1e-12)
	require.InDelta(t, 0.94, s.Coverage(), 1e-12)
	require.Equal(t, [3]float64{0, 1, 0}, [3]float64{Share{}.Low(), Share{}.High(), Share{}.Coverage()}, "nothing seen proves nothing")
}

func TestUptimeVerdict(t *testing.T) {
	tests := []struct {
		name    string
		share   Share
		planned int
		want    Verdict
	}{
		{"all up", Share{Up: 1000}, 1000, Pass},
		{"at the limit", Share{Up: 990, Down: 10}, 1000, Pass},
		{"one slot below", Share{Up: 989, Down: 11}, 1000, Fail},
		{"unknown takes the proof away, but does not accuse", Share{Up: 980, Unknown: 20}, 1000, Unproven},
		{"too little coverage", Share{Up: 940, Unknown: 60}, 1000, Unproven},
		{"down and unknown: it failed even if all unknown was up", Share{Up: 900, Down: 11, Unknown: 89}, 1000, Fail},
		{"not over", Share{Up: 500}, 1000, Unproven},
		{"not over, and already lost", Share{Up: 489, Down: 11}, 1000, Fail},
		{"not over, and down so far, may still pass", Share{Down: 9}, 1000, Unproven},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := Evidence{Policy: DefaultPolicy(), Window: Window{Slot: time.Minute, Slots: test.share.total(), Planned: test.planned}}
			got, says := uptimeVerdict(e, test.share)
			require.Equal(t, test.want, got, "%v", says)
		})
	}
}

func TestLeastEndpointDecides(t *testing.T) {
	seen, beats := story(strings.Repeat("#", 200), "here")
	for i := range 200 {
		o := Observation{Number: int64(1000 + i), At: t0.Add(time.Duration(i) * time.Minute), Kind: "site", Vantage: "here", Endpoint: "/", Code: OK}
		if i < 20 {
			o.Code = BadTLS
		}
		seen = append(seen, o)
	}
	f := judgeUptime(Evidence{Policy: DefaultPolicy(), Window: windowOf(strings.Repeat("#", 200)), Seen: seen, Beats: beats})
	require.Equal(t, Fail, f.Verdict)
	require.Len(t, f.Cites, 20)
	require.Contains(t, strings.Join(f.Says, " "), "in 20 it spoke TLS that cannot be accepted")
}

func TestDays(t *testing.T) {
	text := strings.Repeat("#", 24*60) + strings.Repeat("-", 60)
	seen, beats := story(text, "here")
	w := windowOf(text)
	days := Uptimes(w, seen, beats, 1)[0].Days(w)
	require.Len(t, days, 2)
	require.Equal(t, Share{Up: 14 * 60}, days[0].Share())
	require.Equal(t, Share{Up: 10 * 60, Down: 60}, days[1].Share())
}

func drawStory(t *rapid.T) string {
	marks := []rune("#-snbxa")
	return rapid.StringOfN(rapid.SampledFrom(marks), 1, 80, -1).Draw(t, "story")
}

// What we could not see changes neither what was up nor what was down.
func TestUnknownNeverCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawStory(t)
		seen, beats := story(text, "here")
		before := Uptimes(windowOf(text), seen, beats, 1)
		more := text + rapid.StringOfN(rapid.SampledFrom([]rune("nbxa")), 1, 20, -1).Draw(t, "unknown")
		seen, beats = story(more, "here")
		after := Uptimes(windowOf(more), seen, beats, 1)
		if len(before) == 0 {
			return // nothing was looked at
		}
		require.Equal(t, before[0].Share().Up, after[0].Share().Up)
		require.Equal(t, before[0].Share().Down, after[0].Share().Down)
		require.LessOrEqual(t, after[0].Share().Coverage(), before[0].Share().Coverage())
	})
}

// An outage of the verifier's own, of any kind and anywhere, never makes a slot down.
func TestOurOutageIsNeverDown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []rune(drawStory(t))
		from := rapid.IntRange(0, len(text)-1).Draw(t, "from")
		to := rapid.IntRange(from, len(text)-1).Draw(t, "to")
		kind := rapid.SampledFrom([]rune("nbx")).Draw(t, "kind")
		for i := from; i <= to; i++ {
			text[i] = kind
		}
		seen, beats := story(string(text), "here")
		for _, u := range Uptimes(windowOf(string(text)), seen, beats, 1) {
			for i := from; i <= to; i++ {
				require.Equal(t, Unknown, u.States[i])
			}
		}
	})
}

// Evidence gives the same counts in whatever order it was written, and every slot is in exactly one count.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawStory(t)
		seen, beats := story(text, "here")
		w := windowOf(text)
		want := Uptimes(w, seen, beats, 1)
		mixed := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		shuffled := slices.Clone(seen)
		mixed.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		require.Equal(t, want, Uptimes(w, shuffled, beats, 1))
		for _, u := range want {
			require.Equal(t, w.Slots, u.Share().total())
			require.LessOrEqual(t, u.Share().Low(), u.Share().High())
		}
	})
}

func TestWindow(t *testing.T) {
	tests := []struct {
		name           string
		last, duration time.Duration
		stopped        bool
		slots          int
		complete       bool
	}{
		{"not a slot over", 59 * time.Second, time.Hour, false, 0, false},
		{"half", 30*time.Minute + 1, time.Hour, false, 30, false},
		{"interrupted", 30 * time.Minute, time.Hour, true, 30, false},
		{"over", time.Hour, time.Hour, true, 60, true},
		{"entries after its end", 2 * time.Hour, time.Hour, false, 60, true},
		{"until stopped, and running", 2 * time.Hour, 0, false, 120, false},
		{"until stopped, and stopped", 2 * time.Hour, 0, true, 120, true},
		{"clock set back", -time.Hour, time.Hour, false, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := NewWindow(t0, t0.Add(test.last), time.Minute, test.duration, test.stopped)
			require.Equal(t, test.slots, w.Slots)
			require.Equal(t, test.complete, w.Complete())
			require.Equal(t, t0.Add(time.Duration(test.slots)*time.Minute), w.End())
		})
	}
}

// TestControlsTellOurOutageFromTheirs: what fails for everybody is ours.
func TestControlsTellOurOutageFromTheirs(t *testing.T) {
	const text = "#c##dc#"
	seen, beats := story(text, "a")
	all := Uptimes(windowOf(text), seen, beats, 1)
	require.Len(t, all, 1, "the sites are no endpoints of the target")
	require.Equal(t, "#?##-?#", ribbonOf(all[0]))
}
