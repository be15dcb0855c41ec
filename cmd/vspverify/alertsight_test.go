package main

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/alerts"
	"scrutineer/verifier"
	"scrutineer/vsp/network"
)

// lookedAt is what this machine saw in a slot: of our own node, of two controls, and of the VSP's endpoints.
type lookedAt struct {
	node           verifier.Code
	control, other verifier.Code
	info, site     verifier.Code
	vantage        string // local if empty
}

// healthy is a slot in which all is well.
var healthy = lookedAt{node: verifier.OK, control: verifier.OK, other: verifier.OK, info: verifier.OK, site: verifier.OK}

// slotPicture is a picture of a trial whose slots were looked at like this.
func slotPicture(t *testing.T, slots ...[]lookedAt) picture {
	profile, err := network.Lookup("simnet")
	require.NoError(t, err)
	began := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	e := verifier.Evidence{Target: verifier.Target{Name: "vsp.example.org", Network: profile}, Policy: verifier.DefaultPolicy(),
		Window: verifier.Window{Start: began, Slot: time.Minute, Slots: len(slots)}}
	for i, looks := range slots {
		at := began.Add(time.Duration(i) * time.Minute)
		for _, l := range looks {
			vantage := l.vantage
			if vantage == "" {
				vantage = localVantage
			}
			see := func(kind, endpoint string, code verifier.Code) {
				if code != "" {
					e.Seen = append(e.Seen, verifier.Observation{At: at, Kind: kind, Vantage: vantage, Endpoint: endpoint, Code: code})
				}
			}
			see(verifier.KindNode, "own node", l.node)
			see(verifier.KindControl, "https://a.example", l.control)
			see(verifier.KindControl, "https://b.example", l.other)
			see(verifier.KindInfo, "/api/v3/vspinfo", l.info)
			see(verifier.KindSite, "/", l.site)
			e.Beats = append(e.Beats, verifier.Beat{At: at, Vantage: vantage})
		}
	}
	return picture{evidence: e, uptimes: verifier.Uptimes(e.Window, e.Seen, e.Beats, 1)}
}

// keysOf are the conditions that are bad, and those that are good.
func keysOf(all []sight) (bad, good []string) {
	for _, s := range all {
		if s.bad {
			bad = append(bad, string(s.key))
		} else {
			good = append(good, string(s.key))
		}
	}
	slices.Sort(bad)
	slices.Sort(good)
	return bad, good
}

// TestWhatASlotShows: our own trouble is never the VSP's, and neither opens nor ends an incident about it.
func TestWhatASlotShows(t *testing.T) {
	with := func(change func(*lookedAt)) []lookedAt {
		l := healthy
		change(&l)
		return []lookedAt{l}
	}
	both := func(code verifier.Code) []lookedAt {
		return with(func(l *lookedAt) { l.info, l.site = code, code })
	}
	vsp := []string{"vsp/down", "vsp/slow", "vsp/wrong"}
	own := []string{"own/behind", "own/clock", "own/network", "own/node"}
	tests := []struct {
		name      string
		looks     []lookedAt
		bad, good []string
	}{
		{"well", []lookedAt{healthy}, nil, append(slices.Clone(own), vsp...)},
		{"refused", both(verifier.Refused), []string{"vsp/down"}, []string{"own/network", "own/node"}},
		{"only the page is away", with(func(l *lookedAt) { l.site = verifier.BadStatus }), []string{"vsp/down"}, own},
		{"slow", both(verifier.Slow), []string{"vsp/slow"}, []string{"own/network", "own/node", "vsp/down"}},
		{"another network", with(func(l *lookedAt) { l.info = verifier.WrongNetwork }), []string{"vsp/wrong"}, []string{"own/network", "own/node", "vsp/down"}},
		{"behind", with(func(l *lookedAt) { l.info = verifier.StaleHeight }), []string{"vsp/wrong"}, []string{"own/network", "own/node", "vsp/down"}},
		{"signature", with(func(l *lookedAt) { l.info = verifier.BadSignature }), []string{"vsp/wrong"}, []string{"own/network", "own/node", "vsp/down"}},
		{"wrong and slow", with(func(l *lookedAt) { l.info, l.site = verifier.BadSignature, verifier.Slow }), []string{"vsp/slow", "vsp/wrong"},
			[]string{"own/network", "own/node", "vsp/down"}},

		{"our node is away", with(func(l *lookedAt) { l.node = verifier.NodeAway }), []string{"own/node"}, []string{"own/behind", "own/clock", "own/network"}},
		{"our node is away, and the VSP", with(func(l *lookedAt) { l.node, l.info, l.site = verifier.NodeAway, verifier.Refused, verifier.Refused }),
			[]string{"own/node"}, []string{"own/network"}},
		{"our network is cut", with(func(l *lookedAt) {
			l.control, l.other, l.info, l.site = verifier.NoAnswer, verifier.NoAnswer, verifier.NoAnswer, verifier.NoAnswer
		}), []string{"own/network"}, []string{"own/node"}},
		{"no route", both(verifier.NoRoute), []string{"own/network"}, []string{"own/node"}},
		{"our node is behind", with(func(l *lookedAt) { l.info = verifier.AheadOfUs }), []string{"own/behind"}, []string{"own/network", "own/node"}},
		{"our clock", with(func(l *lookedAt) { l.info = verifier.OurClock }), []string{"own/clock"}, []string{"own/network", "own/node"}},
		{"starved", both(verifier.Starved), nil, []string{"own/network", "own/node"}},
		{"half of it unseen", with(func(l *lookedAt) { l.site = verifier.Starved }), nil, own},
		{"half of it unseen, half away", with(func(l *lookedAt) { l.info, l.site = verifier.Starved, verifier.Refused }), []string{"vsp/down"},
			[]string{"own/network", "own/node"}},
		{"nobody looked", nil, nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			all, next := slotSights(slotPicture(t, test.looks), 0)
			require.Equal(t, 1, next)
			bad, good := keysOf(all)
			require.Equal(t, test.bad, bad)
			require.Equal(t, test.good, good)
			for _, s := range all {
				own := s.key[:4] == "own/"
				if s.bad && own {
					require.Equal(t, "Our own", s.alert.Subject)
				}
				if s.bad {
					require.NotEmpty(t, s.alert.What)
					require.NotEmpty(t, s.alert.Impact)
					require.NotEmpty(t, s.alert.Action)
					require.NotEmpty(t, s.alert.Seen)
				}
			}
		})
	}
}

// TestEveryWayToBeDownHasAManner: whatever code a probe of the VSP's may end with that counts against it.
func TestEveryWayToBeDownHasAManner(t *testing.T) {
	shopper := []verifier.Code{verifier.Declined, verifier.WrongAnswer, verifier.Overcharged} // whose steps are no endpoint's
	for _, code := range verifier.Codes() {
		n := 0
		for _, m := range manners {
			if slices.Contains(m.codes, code) {
				n++
			}
		}
		if code.State() == verifier.Down && !slices.Contains(shopper, code) {
			require.Equal(t, 1, n, code)
		} else {
			require.Zero(t, n, code)
		}
	}
}

func TestAnOutageIsToldByEndpointCodeAndTime(t *testing.T) {
	down := healthy
	down.site = verifier.BadStatus
	all, _ := slotSights(slotPicture(t, []lookedAt{healthy}, []lookedAt{down}, []lookedAt{down}, []lookedAt{down}), 3)
	i := slices.IndexFunc(all, func(s sight) bool { return s.bad })
	require.Equal(t, alerts.Key("vsp/down"), all[i].key)
	require.Equal(t, "/ answered with an HTTP error (http-status), in 3 slots in a row since 22 Nov 02:01:00 UTC.", all[i].alert.What)
	require.Equal(t, "vspverify run, from outside", all[i].alert.Seen)

	down.info, down.control, down.other = verifier.BadStatus, "", ""
	all, _ = slotSights(slotPicture(t, []lookedAt{down}), 0)
	require.Equal(t, "/ and /api/v3/vspinfo answered with an HTTP error (http-status). No other site was asked (controls): it may be our own network.",
		all[0].alert.What)
}

// TestVantagesAreWaitedFor: what one vantage saw alone is told of nobody before the others' view is there.
func TestVantagesAreWaitedFor(t *testing.T) {
	down := healthy
	down.info, down.site = verifier.NoAnswer, verifier.NoAnswer
	paris, rome := healthy, healthy
	paris.vantage, rome.vantage = "paris", "rome"
	three := []lookedAt{down, paris, rome}
	p := slotPicture(t, three, three, []lookedAt{down}, []lookedAt{down})
	p.evidence.Witnesses = []verifier.Witness{{Name: "paris"}, {Name: "rome"}}
	all, next := slotSights(p, 0)
	bad, good := keysOf(all)
	require.Equal(t, 2, next, "the others have not said yet what they saw in the rest")
	require.Empty(t, bad)
	require.Contains(t, good, "vsp/down")

	away := slotPicture(t, three, []lookedAt{down}, []lookedAt{down}, []lookedAt{down}, []lookedAt{down})
	away.evidence.Witnesses = p.evidence.Witnesses
	all, next = slotSights(away, 1)
	require.Equal(t, 2, next, "they are waited for no longer")
	bad, _ = keysOf(all)
	require.Equal(t, []string{"vsp/down"}, bad)
}

// TestASlotIsToldOnce: each slot once, and the one that is under way as soon as our round in it is whole.
func TestASlotIsToldOnce(t *testing.T) {
	p := slotPicture(t, []lookedAt{healthy}, []lookedAt{healthy})
	p.evidence.Window.Slots = 1
	_, next := slotSights(p, 0)
	require.Equal(t, 2, next)
	all, next := slotSights(p, next)
	require.Equal(t, 2, next)
	require.Empty(t, all)
}
