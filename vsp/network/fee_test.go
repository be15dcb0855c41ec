package network

import (
	"testing"

	blockchain "github.com/decred/dcrd/blockchain/standalone/v2"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The wanted fees were reckoned apart from this code and from the subsidy package, from DCP-0010, DCP-0012 and the
// networks' parameters; the first four are also what vspd asks for.
func TestTicketFee(t *testing.T) {
	tests := []struct {
		network         string
		height          int64
		stakeDifficulty dcrutil.Amount
		percent         float64
		want            dcrutil.Amount
	}{
		{"mainnet", 1000000, 20000000000, 0.50, 540044},
		{"mainnet", 1000000, 20000000000, 1.00, 1080089},
		{"mainnet", 1000000, 20000000000, 3.00, 3240267},
		{"mainnet", 1000000, 20000000000, 5.00, 5400446},
		{"mainnet", 657279, 15000000000, 1.00, 636346}, // the last block before DCP-0010
		{"mainnet", 657280, 15000000000, 1.00, 1685008},
		{"mainnet", 794367, 25000000000, 1.00, 1348243}, // the last block before DCP-0012
		{"mainnet", 794368, 25000000000, 1.00, 1499010},
		{"mainnet", 1000000, 20000000000, 0.01, 10800},
		{"mainnet", 1000000, 20000000000, 0.019, 10800}, // more than two decimals are cut off
		{"mainnet", 1000000, 20000000000, 100.00, 108008925},
		{"testnet3", 877727, 10000000000, 2.50, 52489},
		{"testnet3", 1170048, 10000000000, 2.50, 37532},
		{"simnet", 142, 20000, 1.00, 0}, // a block that nobody votes on
		{"simnet", 143, 20000, 1.00, 299},
		{"simnet", 300, 94000000, 1.00, 929980},
		{"simnet", 142, 0, 1.00, 0},
	}
	for _, test := range tests {
		profile, err := Lookup(test.network)
		require.NoError(t, err)
		got := profile.TicketFee(blockchain.NewSubsidyCache(profile.Params), test.percent, test.height, test.stakeDifficulty)
		require.Equal(t, test.want, got, "%+v", test)
	}
}

// A fee is never more than its part of what the vote earns, nor does it fall as the percentage rises.
func TestTicketFeeBounds(t *testing.T) {
	profile, err := Lookup("mainnet")
	require.NoError(t, err)
	subsidies := blockchain.NewSubsidyCache(profile.Params)
	rapid.Check(t, func(t *rapid.T) {
		height := rapid.Int64Range(0, 3_000_000).Draw(t, "height")
		difficulty := dcrutil.Amount(rapid.Int64Range(2*dcrutil.AtomsPerCoin, 2000*dcrutil.AtomsPerCoin).Draw(t, "difficulty"))
		percent := rapid.Float64Range(0.01, 99).Draw(t, "percent")
		fee := profile.TicketFee(subsidies, percent, height, difficulty)
		earned := subsidies.CalcStakeVoteSubsidyV3(height, blockchain.SSVDCP0012)
		require.GreaterOrEqual(t, fee, dcrutil.Amount(0))
		require.LessOrEqual(t, float64(fee), percent/100*float64(earned)*1.001+1) // the relay fee adds next to nothing
		require.LessOrEqual(t, fee, profile.TicketFee(subsidies, percent+1, height, difficulty))
	})
}
