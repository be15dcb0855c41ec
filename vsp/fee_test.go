package vsp

import (
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/hdkeychain/v3"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp/network"
)

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
