package network

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProfiles(t *testing.T) {
	tests := []struct {
		name, genesis string
		wallets       int
		voteVersion   uint32
		node, wallet  string
	}{
		{"mainnet", "298e5cc3d985bfe7f81dc135f360abe089edd4396b86d2de66b0cef42b21d980", 3, 11, "9109", "9110"},
		{"testnet3", "a649dce53918caf422e9c711c858837e08d626ecfcd198969b24f7b634a49bac", 1, 12, "19109", "19110"},
		{"simnet", "6bef82c645999585f7255cb02672921ac2f5492820090cd635fe3a59d16b4f87", 1, 12, "19556", "19557"},
	}
	var names []string
	for _, test := range tests {
		p, err := Lookup(test.name)
		require.NoError(t, err)
		require.Equal(t, test.name, p.Name)
		require.Equal(t, test.name, p.Params.Name)
		require.Equal(t, test.genesis, p.Params.GenesisHash.String())
		require.Equal(t, test.wallets, p.MinWallets)
		require.Equal(t, test.voteVersion, p.VoteVersion)
		require.Equal(t, test.node, p.NodeRPCPort)
		require.Equal(t, test.wallet, p.WalletRPCPort)
		require.Equal(t, 3, p.VotesPerBlockNeeded)
		require.LessOrEqual(t, p.DCP0010Height, p.DCP0012Height)
		names = append(names, test.name)
	}
	require.Equal(t, names, Names())
}

func TestLookup(t *testing.T) {
	p, err := Lookup("testnet")
	require.NoError(t, err)
	require.Equal(t, "testnet3", p.Name)
	for _, name := range []string{"", "Mainnet", "moonnet"} {
		_, err := Lookup(name)
		require.ErrorContains(t, err, "use one of mainnet, testnet3, simnet", name)
	}
}

// Whoever changes the parameters of a profile must not change those of the next who looks it up.
func TestLookupIsFresh(t *testing.T) {
	p, err := Lookup("simnet")
	require.NoError(t, err)
	p.Params.TicketsPerBlock = 99
	again, err := Lookup("simnet")
	require.NoError(t, err)
	require.EqualValues(t, 5, again.Params.TicketsPerBlock)
}
