package metrics

import (
	"strconv"
	"strings"

	"scrutineer/vsp"
)

var (
	walletReady = describe("vsp_wallet_ready", "Whether the wallet could vote when it was last seen, at the tip or not: 1 or 0.",
		"wallet")
	walletsReady  = describe("vsp_wallets_ready", "Wallets that can vote and are at the tip.")
	walletProblem = describe("vsp_wallet_problem", "Whether this keeps the wallet from voting: 1 or 0.", "wallet", "problem")
	walletSince   = describe("vsp_wallet_problem_since_timestamp_seconds",
		"Since when the wallet has its problem, or none, in seconds since 1970 UTC.", "wallet")
	walletSeen = describe("vsp_wallet_seen_timestamp_seconds",
		"When the wallet last answered, in seconds since 1970 UTC.", "wallet")
	walletHeight  = describe("vsp_wallet_height", "The newest block of the wallet when it last answered.", "wallet")
	walletMissing = describe("vsp_wallet_missing_tickets",
		"Tickets that the wallet should hold and is not known to. Only the process that leads knows of any.", "wallet")
	walletVersion = describe("vsp_wallet_info", "Always 1; its labels say which version the wallet is and which votes it casts.",
		"wallet", "version", "vote_version")
)

func (s sample) wallet(state vsp.VoterState) {
	s.gauge(walletReady, number(state.Online()), state.Name)
	for _, p := range vsp.Problems {
		s.gauge(walletProblem, number(state.Problem == p), state.Name, strings.ReplaceAll(string(p), " ", "_"))
	}
	s.moment(walletSince, state.Since, state.Name)
	if state.Version != "" {
		s.gauge(walletVersion, 1, state.Name, state.Version, strconv.FormatUint(uint64(state.VoteVersion), 10))
	}
	s.gauge(walletMissing, float64(state.Missing), state.Name)
	if state.Seen.IsZero() {
		return
	}
	s.moment(walletSeen, state.Seen, state.Name)
	s.gauge(walletHeight, float64(state.Height), state.Name)
}
