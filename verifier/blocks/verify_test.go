package blocks

import (
	"bytes"
	"compress/gzip"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"
)

// recordedBlock returns the raw bytes of a block with votes, from the recorded chain.
func recordedBlock(t testing.TB) []byte {
	t.Helper()
	file, err := os.Open(chainDir + "/blocks.gz")
	require.NoError(t, err)
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	require.NoError(t, err)
	var block wire.MsgBlock
	for block.Header.Voters == 0 {
		block = wire.MsgBlock{}
		require.NoError(t, block.Deserialize(unpacked))
	}
	raw, err := block.Bytes()
	require.NoError(t, err)
	return raw
}

func decode(t testing.TB, raw []byte) *wire.MsgBlock {
	t.Helper()
	block := new(wire.MsgBlock)
	require.NoError(t, block.Deserialize(bytes.NewReader(raw)))
	return block
}

func TestVerify(t *testing.T) {
	raw := recordedBlock(t)
	good := decode(t, raw)
	hash := good.BlockHash()
	require.NoError(t, verify(good, hash))
	other := hash
	other[5] ^= 1
	require.ErrorContains(t, verify(good, other), "another block")
	without := decode(t, raw)
	without.STransactions = without.STransactions[1:]
	require.ErrorContains(t, verify(without, hash), "not those that its header commits to")
	swapped := decode(t, raw)
	swapped.STransactions[1], swapped.STransactions[2] = swapped.STransactions[2], swapped.STransactions[1]
	require.ErrorContains(t, verify(swapped, hash), "not those that its header commits to")
}

// TestOneBitOfABlock flips bits: what still decodes to something else is never taken for the block.
func TestOneBitOfABlock(t *testing.T) {
	raw := recordedBlock(t)
	good := decode(t, raw)
	hash := good.BlockHash()
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		bit := random.IntN(8 * len(raw))
		raw[bit/8] ^= 1 << (bit % 8)
		var block wire.MsgBlock
		if err := block.Deserialize(bytes.NewReader(raw)); err == nil {
			require.Error(t, verify(&block, hash), "bit %d", bit)
		}
		raw[bit/8] ^= 1 << (bit % 8)
	}
}

// FuzzBlock decodes and verifies whatever a node may answer: it is the block asked for, byte by byte, or it is refused.
func FuzzBlock(f *testing.F) {
	raw := recordedBlock(f)
	good := decode(f, raw)
	hash := good.BlockHash()
	f.Add(raw)
	f.Add(raw[:200])
	f.Fuzz(func(t *testing.T, answer []byte) {
		block := new(wire.MsgBlock)
		if block.FromBytes(answer) != nil || verify(block, hash) != nil {
			return
		}
		again, err := block.Bytes()
		require.NoError(t, err)
		require.Equal(t, raw, again)
	})
}
