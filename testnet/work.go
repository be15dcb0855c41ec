package testnet

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/decred/dcrd/blockchain/standalone/v2"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"

	"scrutineer/vsp/dcrrpc"
)

// workTimeout bounds the making of one block. dcrd waits 2.5 s for the last votes once it has three, and up to 5.5 s for a
// template that it thinks is due (rpcserver.go, handleGetWorkRequest).
const workTimeout = 30 * time.Second

// reworkAfter is how long work may lack votes that the node has. A vote that comes after dcrd has stopped waiting for more
// is in the next template only, half a minute later (bgblktmplgenerator.go, templateRegenSecs), unless one is asked for.
const reworkAfter = time.Second

// mineOn makes one block on the tip, with at least so many votes in it. The miner asks for work and solves it, as other
// miners do. It does not use dcrd's own: that one may be told of a template twice, solve it twice, and leave the new tip
// with a sibling (cpuminer.go, GenerateNBlocks).
func (c *Chain) mineOn(ctx context.Context, tip chainhash.Hash, votes int) error {
	ctx, cancel := context.WithTimeout(ctx, workTimeout)
	defer cancel()
	var work []byte
	var header wire.BlockHeader
	var failed error
	asked := time.Now()
	err := waitUntil(ctx, "work for the next block", func(ctx context.Context) (bool, string) {
		work, header, failed = c.work(ctx)
		if errors.Is(failed, dcrrpc.ErrUnreachable) {
			return true, ""
		}
		if failed != nil {
			return false, failed.Error() // no template yet
		}
		if header.PrevBlock == tip && int(header.Voters) >= votes {
			return true, ""
		}
		if time.Since(asked) > reworkAfter {
			asked = time.Now()
			failed = c.network.Miner.RPC.Call(ctx, nil, "regentemplate")
		}
		return failed != nil, fmt.Sprintf("work on block %s with %d votes, not on %s with %d", header.PrevBlock, header.Voters, tip, votes)
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	return c.solve(ctx, work, header)
}

// work asks the miner's node for work: the bytes it wants back, and the header that they begin with.
func (c *Chain) work(ctx context.Context) ([]byte, wire.BlockHeader, error) {
	var header wire.BlockHeader
	var answer struct {
		Data string `json:"data"`
	}
	if err := c.network.Miner.RPC.Call(ctx, &answer, "getwork"); err != nil {
		return nil, header, err
	}
	data, err := hex.DecodeString(answer.Data)
	if err != nil {
		return nil, header, fmt.Errorf("getwork: %w", err)
	}
	if len(data) < wire.MaxBlockHeaderPayload {
		return nil, header, fmt.Errorf("getwork: %d bytes of work", len(data))
	}
	if err := header.FromBytes(data[:wire.MaxBlockHeaderPayload]); err != nil {
		return nil, header, fmt.Errorf("getwork: %w", err)
	}
	return data, header, nil
}

// findNonce solves a block, which at a simnet's lowest difficulty takes two tries.
func (c *Chain) findNonce(ctx context.Context, header *wire.BlockHeader) error {
	for header.Nonce = 0; ; header.Nonce++ {
		hash := header.PowHashV2()
		if standalone.CheckProofOfWork(&hash, header.Bits, c.params.PowLimit) == nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("solve block %d at difficulty %08x: %w", header.Height, header.Bits, err)
		}
	}
}

// solve finds the nonce and hands the block in.
func (c *Chain) solve(ctx context.Context, work []byte, header wire.BlockHeader) error {
	if err := c.findNonce(ctx, &header); err != nil {
		return err
	}
	solved, err := header.Bytes()
	if err != nil {
		return fmt.Errorf("solve block %d: %w", header.Height, err)
	}
	copy(work, solved)
	var accepted bool
	// Once it is on its way, who paused the chain must not be told that it stands still before the block is in.
	if err := c.network.Miner.RPC.Call(context.WithoutCancel(ctx), &accepted, "getwork", hex.EncodeToString(work)); err != nil {
		return fmt.Errorf("hand in block %d: %w", header.Height, err)
	}
	if !accepted {
		return fmt.Errorf("hand in block %d: refused", header.Height)
	}
	return nil
}
