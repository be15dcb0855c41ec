package votes

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"
)

// refused says whether a chain was seen not to be what it claims.
func refused(chain *recorded, from int64) bool {
	ledger, err := Tally(context.Background(), chain, simnetParams, Query{From: from})
	return err != nil || ledger.Mismatch != nil
}

// reseal makes a chain whose blocks follow one another again after one of them was changed, as a node could that makes
// things up: headers cost nothing where nobody looks at the work in them.
func reseal(blocks []*wire.MsgBlock, from int) {
	for i := max(1, from); i < len(blocks); i++ {
		blocks[i].Header.PrevBlock = blocks[i-1].BlockHash()
	}
}

// altered returns the chain with a block that may be changed.
func altered(chain *recorded, index int) (*recorded, *wire.MsgBlock) {
	block := *chain.blocks[index]
	block.STransactions = slices.Clone(block.STransactions)
	blocks := slices.Clone(chain.blocks)
	blocks[index] = &block
	return &recorded{blocks: blocks, live: chain.live}, &block
}

func TestOneBitOfAnyHeader(t *testing.T) {
	chain := simnet(t)
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		index := 440 + random.IntN(120)
		broken, block := altered(chain, index)
		header, err := block.Header.Bytes()
		require.NoError(t, err)
		bit := random.IntN(8 * len(header))
		header[bit/8] ^= 1 << (bit % 8)
		require.NoError(t, block.Header.Deserialize(bytes.NewReader(header)))
		if index == len(chain.blocks)-1 {
			continue // another tip is another chain: only whoever asked for it by hash can tell
		}
		require.True(t, refused(broken, 450), "block %d, bit %d of its header", index+1, bit)
	}
}

// TestOneBitOfAnyFinalState flips bits that nothing else depends on, once the later blocks are made to follow.
func TestOneBitOfAnyFinalState(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 8 {
		chain := simnet(t)
		index := 449 + random.IntN(110)
		chain.blocks[index].Header.FinalState[random.IntN(6)] ^= 1 << random.IntN(8)
		reseal(chain.blocks, index)
		ledger, err := Tally(context.Background(), chain, simnetParams, Query{From: 450})
		require.NoError(t, err)
		require.NotNil(t, ledger.Mismatch)
		require.EqualValues(t, index+1, ledger.Mismatch.Height)
		require.EqualValues(t, index, ledger.To)
		require.Equal(t, ledger.Mismatch.Header.PoolSize, ledger.Mismatch.Account.PoolSize)
	}
}

// TestOneBitOfAnyTransaction changes tickets, votes and revocations where it changes what they say of tickets. That a
// header does not commit to the changed transaction is for Blocks to see; here it is the lottery that tells.
func TestOneBitOfAnyTransaction(t *testing.T) {
	chain := simnet(t)
	random := rand.New(rand.NewPCG(5, 6))
	for range 80 {
		index := 434 + random.IntN(110) // later tickets are not live at the end, and no draw has met them
		broken, block := altered(chain, index)
		at := 1 + random.IntN(len(block.STransactions)-1) // the first adds to the treasury
		tx := block.STransactions[at].Copy()
		input := 0
		if stake.IsSSGen(tx) {
			input = 1
		}
		tx.TxIn[input].PreviousOutPoint.Hash[random.IntN(32)] ^= 1 << random.IntN(8)
		block.STransactions[at] = tx
		if index < 450-1 && !stake.IsSStx(tx) {
			continue // before the window only purchases are read
		}
		require.True(t, refused(broken, 450), "block %d, transaction %d", index+1, at)
		if stake.IsSSGen(tx) {
			require.True(t, refused(broken, 1), "block %d, transaction %d, from the start", index+1, at)
		}
	}
}

func TestTransactionsLeftOutOrDoubled(t *testing.T) {
	chain := simnet(t)
	for _, index := range []int{440, 446, 452, 459, 550, 558} { // what the last ones buy never becomes live
		for at := 1; at < len(chain.blocks[index].STransactions); at++ {
			broken, block := altered(chain, index)
			block.STransactions = slices.Delete(block.STransactions, at, at+1)
			require.True(t, refused(broken, 445), "block %d without transaction %d", index+1, at)
			broken, block = altered(chain, index)
			block.STransactions = append(block.STransactions, block.STransactions[at])
			require.True(t, refused(broken, 445), "block %d with transaction %d twice", index+1, at)
		}
	}
}

// TestOneBitOfAnyLiveTicket changes the pool that the node names. A changed ticket that no draw of the window ranks
// differently cannot be seen, and changes nothing either.
func TestOneBitOfAnyLiveTicket(t *testing.T) {
	chain := simnet(t)
	tickets := count(chain.blocks, simnetParams).tickets()
	honest, err := Tally(context.Background(), chain, simnetParams, Query{From: 400, Tickets: tickets})
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(7, 8))
	seen := 0
	for range 200 {
		broken := &recorded{blocks: chain.blocks, live: slices.Clone(chain.live)}
		at := random.IntN(len(broken.live))
		broken.live[at][random.IntN(32)] ^= 1 << random.IntN(8)
		ledger, err := Tally(context.Background(), broken, simnetParams, Query{From: 400, Tickets: tickets})
		if err != nil || ledger.Mismatch != nil {
			seen++
			continue
		}
		for i, entry := range ledger.Entries {
			if entry.Ticket == chain.live[at] {
				require.Equal(t, Unknown, entry.Outcome, "nothing is claimed of it")
				continue
			}
			require.Equal(t, honest.Entries[i], entry)
		}
	}
	require.Greater(t, seen, 100)
	for _, live := range [][]chainhash.Hash{chain.live[1:], append(slices.Clone(chain.live), chainhash.Hash{1})} {
		require.True(t, refused(&recorded{blocks: chain.blocks, live: live}, 400))
	}
}

// TestBlocksThatDoNotFollow has Blocks break its promise.
func TestBlocksThatDoNotFollow(t *testing.T) {
	chain := simnet(t)
	tip, err := chain.Tip(context.Background())
	require.NoError(t, err)
	read := func(blocks []*wire.MsgBlock, first int64) error {
		_, err := readChain(context.Background(), &recorded{blocks: blocks}, simnetParams, tip, first, list{}, nil)
		return err
	}
	require.NoError(t, read(chain.blocks, 1))
	gap := slices.Delete(slices.Clone(chain.blocks), 100, 101)
	require.ErrorContains(t, read(gap, 1), "read block 101: got block 102")
	broken, block := altered(chain, 100)
	block.Header.PrevBlock = chainhash.Hash{}
	require.ErrorContains(t, read(broken.blocks, 1), "read block 101: it follows 0000000000000000000000000000000000000000000000000000000000000000, but block 100 is")
	block.Header.PrevBlock = chain.blocks[99].BlockHash()
	block.Header.Nonce++
	require.ErrorContains(t, read(broken.blocks, 50), "read block 102: it follows")
	require.ErrorIs(t, read(chain.blocks[:559], 1), ErrMoved)
}
