package main

import (
	"time"

	"scrutineer/cmd/configfile"
	"scrutineer/vsp"
	"scrutineer/vsp/network"
)

// ageBlocks is how many target block times old the newest block may be if the configuration says nothing: on mainnet that
// is two hours, which honest luck does not reach in a lifetime.
const ageBlocks = 24

// checkAcceptance works out the gate. It comes after the wallets.
func (s *settings) checkAcceptance(file *configfile.File) {
	a := s.Acceptance
	s.gate = a.gate(len(s.Wallet), s.profile)
	if n := s.gate.Wallets; n < 1 || n > max(1, len(s.Wallet)) {
		file.Wrong("acceptance.wallets", "%d is out of range: use 1 to %d, as many as there are wallets", n, max(1, len(s.Wallet)))
	}
	for _, limit := range []struct {
		key   string
		value int64
	}{
		{"max_lag", a.MaxLag}, {"min_peers", int64(a.MinPeers)},
		{"max_clock_offset", int64(a.MaxClockOffset)}, {"max_block_age", int64(s.gate.MaxAge)},
	} {
		if limit.value < 0 {
			file.Wrong("acceptance."+limit.key, "must not be negative; 0 asks for nothing")
		}
	}
}

// gate returns what is asked for of a VSP with so many wallets.
func (a AcceptanceConfig) gate(wallets int, profile network.Profile) vsp.Gate {
	g := vsp.Gate{Wallets: max(1, wallets-1), MaxLag: a.MaxLag, MinPeers: a.MinPeers, MaxClock: time.Duration(a.MaxClockOffset)}
	if a.Wallets != nil {
		g.Wallets = *a.Wallets
	}
	if profile.Params != nil && profile.Name != "simnet" { // whose blocks come when somebody makes them
		g.MaxAge = ageBlocks * profile.Params.TargetTimePerBlock
	}
	if a.MaxBlockAge != nil {
		g.MaxAge = time.Duration(*a.MaxBlockAge)
	}
	return g
}
