package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
	"scrutineer/verifier/votes"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// chainOf is a chain in which so many of the listed tickets have voted, and the others are live.
func chainOf(made, live int) func(context.Context, votes.Query) (votes.Ledger, *verifier.Census, error) {
	return func(context.Context, votes.Query) (votes.Ledger, *verifier.Census, error) {
		l := votes.Ledger{From: 90, To: 105, Tip: 105}
		for range made {
			l.Entries = append(l.Entries, votes.Entry{Outcome: votes.Voted, Decided: 99, Vote: &votes.Vote{}})
		}
		for range live {
			l.Entries = append(l.Entries, votes.Entry{Outcome: votes.Live, Live: 90})
		}
		return l, nil, nil
	}
}

// fits makes sure that a screen is no wider and no higher than it may be.
func fits(t *testing.T, text string, width, height int) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	require.LessOrEqual(t, len(lines), height)
	for _, line := range lines {
		require.LessOrEqual(t, utf8.RuneCountInString(line), width, "%q", line)
	}
}

// TestScreens are screens as a reviewer sees them in trials that go in different ways.
func TestScreens(t *testing.T) {
	tests := []struct {
		name   string
		world  func() *world
		stop   time.Duration
		made   int
		live   int
		ask    error
		change func(*trial)
	}{
		{name: "healthy", stop: 100 * time.Minute, made: 20, live: 500,
			world: func() *world { return &world{vspDown: never, nodeDown: never, takes: time.Second} }},
		{name: "outage", stop: 100 * time.Minute, made: 20, live: 20,
			world: func() *world {
				return &world{vspDown: between(time.Now(), 60*time.Minute, 99*time.Minute), nodeDown: never}
			}},
		{name: "lost", stop: 300 * time.Minute, made: 20, live: 500,
			world: func() *world {
				return &world{vspDown: between(time.Now(), 60*time.Minute, 200*time.Minute), nodeDown: between(time.Now(), 100*time.Minute, 120*time.Minute)}
			}},
		{name: "blind", stop: 100 * time.Minute, ask: errors.New("dial 127.0.0.1:19109: connection refused"),
			world: func() *world {
				return &world{vspDown: never, nodeDown: between(time.Now(), 50*time.Minute, time.Hour*99)}
			}},
		{name: "over", stop: 200 * time.Minute, made: 330, world: func() *world { return &world{vspDown: never, nodeDown: never} },
			change: func(t *trial) { t.Duration /= 56 }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				trial := testTrial(t, time.Minute, 7*24*time.Hour)
				trial.target.Name = trial.Name
				if test.change != nil {
					test.change(trial)
				}
				ctx, cancel := context.WithTimeout(t.Context(), test.stop)
				defer cancel()
				watchIn(ctx, t, trial, test.world())
				c, err := newCourse(trial)
				require.NoError(t, err)
				c.account = chainOf(test.made, test.live)
				if test.ask != nil {
					c.account = func(context.Context, votes.Query) (votes.Ledger, *verifier.Census, error) {
						return votes.Ledger{}, nil, test.ask
					}
				}
				golden(t, filepath.Join("screen", test.name+".txt"), drawn(t, c, 80, 24))
				drawn(t, c, 120, 50)
				drawn(t, c, 40, 10)
			})
		})
	}
}

// drawn reads all that there is, and draws it.
func drawn(t *testing.T, c *course, width, height int) string {
	_, err := c.read()
	require.NoError(t, err)
	_, err = c.look(time.Now())
	require.NoError(t, err)
	c.readChain(t.Context())
	p, err := c.look(time.Now())
	require.NoError(t, err)
	s := &screen{width: width, height: height}
	s.show(p, time.Now().Add(20*time.Second))
	text := s.text()
	fits(t, text, width, height)
	return text
}

// TestScreensHoldTheVSPToWhatReportsDo: a ticket of the shopper's counts from when it is due, here as there.
func TestScreensHoldTheVSPToWhatReportsDo(t *testing.T) {
	atMarket(t, func(s *market) {
		t := s.t
		s.turns(30)
		trial := testTrial(t, time.Minute, 7*24*time.Hour)
		trial.target.PubKey = s.Done.Target.PubKey
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		watchIn(ctx, t, trial, &world{vspDown: never, nodeDown: never})
		c, err := newCourse(trial)
		require.NoError(t, err)
		_, err = c.read()
		require.NoError(t, err)
		c.record.Seen = append(c.record.Seen, s.journal...)
		r := s.Done.Registrations[0]
		require.Positive(t, r.Since)
		for won, missed := range map[int64]int{r.Since + 1: 0, r.Since + 2: 1} {
			c.chain.ledger = votes.Ledger{From: 1, To: 999, Tip: 999,
				Entries: []votes.Entry{{Ticket: r.Ticket, Outcome: votes.Missed, Won: won, Decided: won + 1}}}
			p, err := c.look(time.Now())
			require.NoError(t, err)
			require.Equal(t, missed, p.tally.Operator+p.tally.Network+p.tally.Unknown, "won at %d, confirmed at %d", won, r.Since)
		}
	})
}

// TestAlarmsAreToldOnce: a line as a warning begins and one as it ends, and none in between.
func TestAlarmsAreToldOnce(t *testing.T) {
	var said strings.Builder
	a := alarms{log: slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))}
	burn := verifier.Warning{Kind: verifier.WarnBurn, Subject: "/", Row: "TR-1", Says: "down"}
	for i := range 5 {
		burn.Says = fmt.Sprintf("down in %d slots", i)
		a.update([]verifier.Warning{burn})
	}
	lost := burn
	lost.Lost = true
	a.update([]verifier.Warning{lost})
	a.update([]verifier.Warning{lost})
	a.update(nil)
	a.update(nil)
	require.Equal(t, `level=WARN msg="down in 0 slots" warning=burn about=/ row=TR-1 lost=false
level=WARN msg="down in 4 slots" warning=burn about=/ row=TR-1 lost=true
level=INFO msg="no longer: down in 4 slots" warning=burn about=/ row=TR-1
`, said.String())
}
