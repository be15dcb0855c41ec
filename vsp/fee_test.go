package vsp

import (
	"testing"

	blockchain "github.com/decred/dcrd/blockchain/standalone/v2"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/hdkeychain/v3"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/vsp/network"
)

// The wanted fees were reckoned apart from this code and from the subsidy package, from DCP-0010, DCP-0012 and the
// networks' parameters; the first four are also what vspd asks for.
func TestFeeFor(t *testing.T) {
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
		profile, err := network.Lookup(test.network)
		require.NoError(t, err)
		tip := Tip{Position: Position{Height: test.height}, StakeDifficulty: test.stakeDifficulty}
		got := feeFor(profile, blockchain.NewSubsidyCache(profile.Params), test.percent, tip)
		require.Equal(t, test.want, got, "%+v", test)
	}
}

// A fee is never more than its part of what the vote earns, nor does it fall as the percentage rises.
func TestFeeForBounds(t *testing.T) {
	profile, err := network.Lookup("mainnet")
	require.NoError(t, err)
	subsidies := blockchain.NewSubsidyCache(profile.Params)
	rapid.Check(t, func(t *rapid.T) {
		tip := Tip{
			Position:        Position{Height: rapid.Int64Range(0, 3_000_000).Draw(t, "height")},
			StakeDifficulty: dcrutil.Amount(rapid.Int64Range(2*dcrutil.AtomsPerCoin, 2000*dcrutil.AtomsPerCoin).Draw(t, "difficulty")),
		}
		percent := rapid.Float64Range(0.01, 99).Draw(t, "percent")
		fee := feeFor(profile, subsidies, percent, tip)
		earned := subsidies.CalcStakeVoteSubsidyV3(tip.Height, blockchain.SSVDCP0012)
		require.GreaterOrEqual(t, fee, dcrutil.Amount(0))
		require.LessOrEqual(t, float64(fee), percent/100*float64(earned)*1.001+1) // the relay fee adds next to nothing
		require.LessOrEqual(t, fee, feeFor(profile, subsidies, percent+1, tip))
	})
}

// The first of hdkeychain's own test vectors.
const (
	testPublic  = "dpubZ9169KDAEUnyoBhjjmT2VaEodr6pUTDoqCEAeqgbfr2JfkB88BbK77jbTYbcYXb2FVz7DKBdW4P618yd51MwF8DjKVopSbS7Lkgi6bowX5w"
	testPrivate = "dprv3hCznBesA6jBtmoyVFPfyMSZ1qYZ3WdjdebquvkEfmRfxC9VFEFi2YDaJqHnx7uGe75eGSa3Mn3oHK11hBW7KZUrPxwbCPBmuCi1nwm182s"
)

// Whoever has the account's private key finds every fee: on its external branch, at the ticket's index.
func TestFeeKey(t *testing.T) {
	mainnet, err := network.Lookup("mainnet")
	require.NoError(t, err)
	fees, err := newFeeKey(testPublic, mainnet.Params)
	require.NoError(t, err)
	account, err := hdkeychain.NewKeyFromString(testPrivate, mainnet.Params)
	require.NoError(t, err)
	branch, err := account.Child(0)
	require.NoError(t, err)
	for _, index := range []uint32{1, 2, 1000} {
		child, err := branch.Child(index)
		require.NoError(t, err)
		secret, err := child.SerializedPrivKey()
		require.NoError(t, err)
		public := secp256k1.PrivKeyFromBytes(secret).PubKey().SerializeCompressed()
		want, err := stdaddr.NewAddressPubKeyHashEcdsaSecp256k1V0(stdaddr.Hash160(public), mainnet.Params)
		require.NoError(t, err)
		got, err := fees.address(index)
		require.NoError(t, err)
		require.Equal(t, want.String(), got)
	}
}

func TestFeeKeyRefuses(t *testing.T) {
	mainnet, err := network.Lookup("mainnet")
	require.NoError(t, err)
	simnet, err := network.Lookup("simnet")
	require.NoError(t, err)
	for _, xpub := range []string{testPrivate, "", "dpubZ"} {
		_, err = newFeeKey(xpub, mainnet.Params)
		require.Error(t, err)
		require.NotContains(t, err.Error(), testPrivate)
	}
	_, err = newFeeKey(testPublic, simnet.Params)
	require.Error(t, err)
}
