package location_test

import (
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"scrutineer/verifier/location"
	"scrutineer/verifier/location/locationtest"
	"scrutineer/vsp/deployment"
)

// turncoat is a host that is honest when it is reached straight, which it is first, and then is not.
func turncoat(then func(ssh.Channel)) liar {
	var asked atomic.Int32
	return liar{&ssh.ServerConfig{NoClientAuth: true}, ssh.DiscardRequests, func(command string, c ssh.Channel) {
		switch {
		case command != "exec cat":
		case asked.Add(1) == 1:
			_, _ = io.Copy(c, c)
		default:
			then(c)
		}
	}}
}

// TestLiarsThroughRealSSHD reaches hosts through another one that turn on whoever comes that way.
func TestLiarsThroughRealSSHD(t *testing.T) {
	locationtest.Need(t)
	if !locationtest.Private() {
		t.Skip("not checked: what is reached through a real sshd, which without root passes no connections on")
	}
	ended := t.Context().Done()
	mute := turncoat(nil)
	var logins atomic.Int32
	mute.config.NoClientAuthCallback = func(ssh.ConnMetadata) (*ssh.Permissions, error) {
		if logins.Add(1) > 1 {
			<-ended
		}
		return nil, nil
	}
	tests := []struct {
		name     string
		liar     liar
		patience time.Duration
		want     location.Trouble
		says     string
	}{
		{"floods", turncoat(func(c ssh.Channel) { flood(c) }), time.Minute, location.Garbage, "is not what was sent"},
		{"floods beside, and says nothing", turncoat(func(c ssh.Channel) { flood(c.Stderr()) }), hangs, location.TooSlow, "not one round trip"},
		{"says nothing", turncoat(func(c ssh.Channel) { _, _ = io.Copy(io.Discard, c) }), hangs, location.TooSlow, "not one round trip"},
		{"never lets in", mute, hangs, location.TooSlow, "not one round trip"},
		{"runs nothing", turncoat(func(ssh.Channel) {}), time.Minute, location.NoCommand, "it ended at once"},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			outer := locationtest.Start(t, 40+i)
			h := test.liar.serve(t)
			relay := locationtest.StartRelay(t, 20+i, h.Endpoints()[0])
			relay.Set(40 * time.Millisecond)
			hosts := []deployment.Host{at("outer", outer.Address, outer.HostKey), at("inner", relay.Address, h.HostKeys...)}
			requireHindered(t, looker(outer, 3, test.patience), hosts, test.want, test.says)
		})
	}
}

// hangs is the patience with a host that never says a word, all of which goes by: most of it is for a machine that is busy.
const hangs = 15 * time.Second

// TestLiarBetween reaches a real sshd through a host that says that it passes connections on, and does not.
func TestLiarBetween(t *testing.T) {
	t.Parallel()
	inner := locationtest.Start(t, 46)
	relay := locationtest.StartRelay(t, 26, inner.Address)
	relay.Set(40 * time.Millisecond)
	h := turncoat(func(ssh.Channel) {}).serve(t)
	hosts := []deployment.Host{at("outer", h.Endpoints()[0], h.HostKeys...), at("inner", relay.Address, inner.HostKey)}
	requireHindered(t, looker(inner, 3, hangs), hosts, location.TooSlow, "not one round trip")
}

// requireHindered looks at two hosts, the second one through the first, too. That fails in its time, is told, and changes
// nothing of what is known of the two.
func requireHindered(t *testing.T, l location.Looker, hosts []deployment.Host, want location.Trouble, says string) {
	begun := time.Now()
	s := l.Look(t.Context(), hosts)
	require.Less(t, time.Since(begun), l.Patience+time.Minute, "it hung")
	require.Len(t, s, 3)
	for _, straight := range s[:2] {
		_, ok := straight.RoundTrip()
		require.True(t, ok, "%+v", straight)
	}
	require.Equal(t, [2]string{"inner", "outer"}, [2]string{s[2].Host, s[2].Via})
	require.Equal(t, want, s[2].Trouble, s[2].Detail)
	_, ok := s[2].RoundTrip()
	require.False(t, ok)

	for i := range hosts {
		hosts[i].Place, hosts[i].Latitude, hosts[i].Longitude = "London", &london.Latitude, &london.Longitude
		hosts[i].Roles = []deployment.Role{deployment.Voting}
	}
	e := location.Evidence{Deployment: deployment.Deployment{Hosts: hosts}, Apart: location.DefaultApart, Sights: s,
		Vantages: []location.Vantage{{Name: l.Vantage, Point: &newYork}}}
	j := location.Judge(e)
	require.Contains(t, strings.Join(j.Troubles, "\n"), "inner through outer, from here: ")
	require.Contains(t, strings.Join(j.Troubles, "\n"), says)
	e.Sights = s[:2]
	require.Equal(t, location.Judge(e).Pairs, j.Pairs)
}
