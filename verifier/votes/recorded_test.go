package votes

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"strings"
	"testing"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"
)

// recorded is Blocks in memory, with hooks.
type recorded struct {
	blocks []*wire.MsgBlock // from height 1
	live   []chainhash.Hash // after the last
	ranges int              // how often Range was called

	// moved, if set, is called before each reading and says what error the reading meets, if any.
	moved func(reading int) error
}

func (r *recorded) Tip(context.Context) (Tip, error) {
	last := r.blocks[len(r.blocks)-1]
	return Tip{Height: int64(last.Header.Height), Hash: last.BlockHash(), Live: r.live}, nil
}

func (r *recorded) Range(_ context.Context, first int64, tip Tip) iter.Seq2[*wire.MsgBlock, error] {
	return func(yield func(*wire.MsgBlock, error) bool) {
		r.ranges++
		if r.moved != nil {
			if err := r.moved(r.ranges); err != nil {
				yield(nil, err)
				return
			}
		}
		for _, block := range r.blocks[first-1:] {
			if !yield(block, nil) {
				return
			}
		}
	}
}

// simnet is the chain recorded in testdata/simnet: 560 blocks of a private simnet of dcrd and dcrwallet 2.1.6, in which a
// wallet with a tenth of the tickets was locked twice. How to record another: TestRecord in verifier/blocks.
func simnet(t testing.TB) *recorded {
	t.Helper()
	file, err := os.Open("testdata/simnet/blocks.gz")
	require.NoError(t, err)
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	require.NoError(t, err)
	chain := new(recorded)
	for buffered := bufio.NewReader(unpacked); ; {
		if _, err := buffered.Peek(1); errors.Is(err, io.EOF) {
			break
		}
		block := new(wire.MsgBlock)
		require.NoError(t, block.Deserialize(buffered))
		chain.blocks = append(chain.blocks, block)
	}
	live, err := os.Open("testdata/simnet/live.txt")
	require.NoError(t, err)
	defer live.Close()
	chain.live, err = ReadTickets(live)
	require.NoError(t, err)
	require.Len(t, chain.blocks, 560)
	return chain
}

// walletView is what the locked wallet itself said of its tickets at the end of the recorded chain.
func walletView(t testing.TB) map[chainhash.Hash]string {
	t.Helper()
	text, err := os.ReadFile("testdata/simnet/wallet.txt")
	require.NoError(t, err)
	view := make(map[chainhash.Hash]string)
	for line := range strings.Lines(string(text)) {
		hash, status, _ := strings.Cut(strings.TrimSpace(line), " ")
		ticket, err := parseHash(hash)
		require.NoError(t, err)
		view[ticket] = status
	}
	require.NotEmpty(t, view)
	return view
}
