package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/cmd/configfile"
	"scrutineer/verifier"
	"scrutineer/verifier/location/locationtest"
	"scrutineer/verifier/report"
)

// yard is the machines of a VSP, and the file that describes them.
type yard struct {
	path     string
	reviewer locationtest.Reviewer
	hosts    []string // a table of the file each
	account  string
}

func newYard(t *testing.T) *yard {
	first := locationtest.Start(t, 40)
	y := &yard{path: filepath.Join(t.TempDir(), "deployment.toml"), reviewer: first.Reviewer, account: first.Account}
	for i := range 4 {
		m := first
		if i > 0 {
			m = locationtest.StartFor(t, 40+i, y.reviewer)
		}
		role := "voting"
		if i == 0 {
			role = "front"
		}
		y.hosts = append(y.hosts, fmt.Sprintf("[[hosts]]\nname = \"host-%d\"\nroles = [%q]\naddresses = [%q]\nssh_port = %d\nhost_keys = [%q]\nplace = \"Town\"\nlatitude = %d.0\nlongitude = 0.0\n",
			i, role, m.Address.Addr(), m.Address.Port(), strings.TrimSpace(m.HostKey), i))
	}
	y.write(t)
	return y
}

func (y *yard) write(t *testing.T) {
	text := fmt.Sprintf("[reviewer]\naccount = %q\n%s", y.account, strings.Join(y.hosts, ""))
	require.NoError(t, os.WriteFile(y.path, []byte(text), 0o600))
}

// placesOf judges what is sealed.
func placesOf(trial *trial) (*report.Places, error) {
	s, err := trial.source()
	if err != nil {
		return nil, err
	}
	record, _, err := s.read(0)
	if err != nil {
		return nil, err
	}
	return report.ReadPlaces(record)
}

// TestTrialMeasuresPlaces: the trial's machine and a vantage on another one measure real sshds into their own journals, the
// operator's description changes while they do, and a survey that was made by hand comes in. All of it is in the report, by
// the journals alone.
func TestTrialMeasuresPlaces(t *testing.T) {
	y := newYard(t)
	trial := testTrial(t, time.Second, 0)
	trial.policy.TargetLatency = 50 * time.Millisecond // so that slots may be so short
	zero := 0.0
	trial.Places = placesConfig{Deployment: y.path, Every: configfile.Duration(time.Second), Trips: 3, Apart: 500, Surveys: []string{filepath.Join(t.TempDir(), "rome.json")},
		standing: standing{Place: "Accra", Latitude: &zero, Longitude: &zero}}
	trial.sshKey, trial.described = y.reviewer.Key, newDescribed()
	healthy := &world{vspDown: never, nodeDown: never}
	north := newOutpost(t, trial, "north", healthy)
	north.setup.ssh = y.reviewer.Key
	trial.Vantages = []vantageEntry{{Name: "north"}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	trial.vantages[0].address = listener.Addr().String()
	stop := north.start(t, listener)
	defer stop()
	cmd, out, errs := vspverify(t, "places", "--deployment", y.path, "--key", y.reviewer.KeyFile, "--from", "Rome", "--trips", "3", "--json")
	_ = cmd.Run() // that nothing is proven is the answer no
	require.Equal(t, 1, cmd.ProcessState.ExitCode(), "%s", errs)
	require.NoError(t, os.WriteFile(trial.Places.Surveys[0], out.Bytes(), 0o600))

	_, finish := alongside(t.Context(), func(ctx context.Context) error { return watchOut(ctx, t, trial, healthy) })
	defer finish()
	var last any
	defer func() {
		if t.Failed() {
			t.Logf("last seen: %+v", last)
		}
	}()
	places := func() *report.Places {
		p, err := placesOf(trial)
		if last = err; p != nil {
			last = *p
		}
		if err != nil || p == nil { // nothing is sealed yet
			return &report.Places{}
		}
		return p
	}
	measured := func(p *report.Places, from string) (n int) {
		for _, s := range p.Series {
			if s.Vantage == from && s.Measured > 0 {
				n++
			}
		}
		return n
	}
	eventually(t, "both vantages to measure all hosts", func() bool {
		p := places()
		return measured(p, "Accra") == 4 && measured(p, "north") == 4 && measured(p, "Rome (by hand)") == 4
	})
	y.hosts[3] = strings.Replace(y.hosts[3], "latitude = 3.0", "latitude = 30.0", 1)
	y.write(t)
	eventually(t, "the changed description to be measured", func() bool {
		p := places()
		return len(p.Changes) == 1 && p.Hosts[3].Refuted && p.Series[0].Tried > 1
	})
	require.NoError(t, finish())
	p, err := placesOf(trial)
	require.NoError(t, err)
	require.Equal(t, "hosts[3].latitude", p.Changes[0].What)
	require.Len(t, p.Entries, 2)
	require.Equal(t, verifier.Refuted, p.Findings[0].Verdict, "%+v", p.Findings[0])
	require.NotEmpty(t, p.Findings[0].Cites)
}
