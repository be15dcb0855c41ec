package report

import (
	"time"

	"scrutineer/verifier"
)

// Wallets is a time in which the VSP always said the same of its voting wallets, by its own signed statements.
type Wallets struct {
	From   time.Time `json:"from"` // of the first statement
	To     time.Time `json:"to"`   // of the next one that says something else, or of the last one
	Online int64     `json:"online"`
	Total  int64     `json:"total"`
}

func newWallets(e verifier.Evidence) []Wallets {
	all := []Wallets{}
	for _, s := range verifier.Statements(e) {
		if n := len(all); n > 0 {
			all[n-1].To = s.At.UTC()
			if all[n-1].Online == s.Info.VotingWalletsOnline && all[n-1].Total == s.Info.TotalVotingWallets {
				continue
			}
		}
		all = append(all, Wallets{s.At.UTC(), s.At.UTC(), s.Info.VotingWalletsOnline, s.Info.TotalVotingWallets})
	}
	return all
}
