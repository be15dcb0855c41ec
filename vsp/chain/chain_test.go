package chain_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/dcrjson/v4"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"scrutineer/vsp"
	"scrutineer/vsp/chain"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/dcrrpc/rpctest"
	"scrutineer/vsp/network"
)

const soon = 20 * time.Second

// fakeNode answers as dcrd does.
type fakeNode struct {
	*rpctest.Server

	mu      sync.Mutex
	genesis chainhash.Hash
	txIndex bool
	tip     *wire.BlockHeader
	txs     map[string]int64 // confirmations by hash
	unspent map[string]bool  // "hash:index"
	sent    error            // the answer to sendrawtransaction
	peers   []dcrrpc.Peer
}

func newFakeNode(t *testing.T) *fakeNode {
	f := &fakeNode{Server: rpctest.New(t), genesis: chaincfg.SimNetParams().GenesisHash, txIndex: true,
		tip: &wire.BlockHeader{Height: 7, SBits: 20000, PoolSize: 5}, txs: map[string]int64{}, unspent: map[string]bool{}}
	f.Answer("notifyblocks", nil)
	for method, answer := range map[string]func(p []json.RawMessage) (any, error){
		"getinfo":     func([]json.RawMessage) (any, error) { return map[string]bool{"txindex": f.txIndex}, nil },
		"getpeerinfo": func([]json.RawMessage) (any, error) { return f.peers, nil },
		"version": func([]json.RawMessage) (any, error) {
			return map[string]any{"dcrd": map[string]any{"versionstring": "9.9.9"}}, nil
		},
		"getbestblock":      f.bestBlock,
		"getblockhash":      f.blockHash,
		"getblockheader":    func([]json.RawMessage) (any, error) { return serialized(f.tip.Bytes()) },
		"getblock":          func([]json.RawMessage) (any, error) { return serialized((&wire.MsgBlock{Header: *f.tip}).Bytes()) },
		"getrawtransaction": f.transaction,
		"gettxout":          f.txOut,
		"existsliveticket":  func([]json.RawMessage) (any, error) { return true, nil },
		"sendrawtransaction": func([]json.RawMessage) (any, error) {
			return chainhash.Hash{}.String(), f.sent
		},
	} {
		f.Handle(method, func(p []json.RawMessage) (any, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			return answer(p)
		})
	}
	return f
}

func serialized(raw []byte, err error) (any, error) { return hex.EncodeToString(raw), err }

func (f *fakeNode) bestBlock([]json.RawMessage) (any, error) {
	return map[string]any{"height": f.tip.Height, "hash": f.tip.BlockHash().String()}, nil
}

func (f *fakeNode) blockHash(p []json.RawMessage) (any, error) {
	switch string(p[0]) {
	case "0":
		return f.genesis.String(), nil
	case fmt.Sprint(f.tip.Height):
		return f.tip.BlockHash().String(), nil
	}
	return nil, &dcrjson.RPCError{Code: dcrrpc.CodeOutOfRange, Message: "Block number out of range"}
}

func (f *fakeNode) transaction(p []json.RawMessage) (any, error) {
	confirmations, ok := f.txs[strings.Trim(string(p[0]), `"`)]
	if !ok {
		return nil, &dcrjson.RPCError{Code: dcrrpc.CodeNoTx, Message: "No information available about transaction"}
	}
	text, err := serialized(wire.NewMsgTx().Bytes())
	answer := map[string]any{"hex": text, "confirmations": confirmations}
	if confirmations > 0 {
		answer["blockhash"], answer["blockheight"] = f.tip.BlockHash().String(), f.tip.Height
	}
	return answer, err
}

func (f *fakeNode) txOut(p []json.RawMessage) (any, error) {
	if f.unspent[strings.Trim(string(p[0]), `"`)+":"+string(p[1])] {
		return map[string]any{"value": 1}, nil
	}
	return nil, nil
}

func (f *fakeNode) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// buffer is a log that many may write to.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newChain(t *testing.T, config dcrrpc.Config, log *buffer) *chain.Chain {
	profile, err := network.Lookup("simnet")
	require.NoError(t, err)
	if config.Timeout == 0 {
		config.Timeout = time.Second
	}
	node := dcrrpc.NewNode(config)
	t.Cleanup(node.Close)
	return chain.New(node, profile, slog.New(slog.NewTextHandler(log, nil)))
}

func TestReading(t *testing.T) {
	f := newFakeNode(t)
	known := chainhash.Hash{1}
	pooled := chainhash.Hash{2}
	f.txs[known.String()], f.txs[pooled.String()] = 3, 0
	c := newChain(t, f.Config(), new(buffer))

	tip, err := c.Tip(t.Context())
	require.NoError(t, err)
	require.Equal(t, vsp.Tip{Position: vsp.Position{Height: 7, Hash: f.tip.BlockHash()}, StakeDifficulty: 20000, PoolSize: 5}, tip)
	f.set(func() { f.tip = &wire.BlockHeader{Height: 8, SBits: 30000} })
	tip, err = c.Tip(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(8), tip.Height)
	require.EqualValues(t, 30000, tip.StakeDifficulty)

	block, err := c.Block(t.Context(), 8)
	require.NoError(t, err)
	require.Equal(t, tip.Hash, block.BlockHash())
	_, err = c.Block(t.Context(), 9)
	require.ErrorIs(t, err, vsp.ErrNoBlock)

	tx, err := c.Transaction(t.Context(), known)
	require.NoError(t, err)
	require.Equal(t, int64(3), tx.Confirmations)
	require.Equal(t, int64(8), tx.Height)
	require.Equal(t, tip.Hash, tx.Block)
	tx, err = c.Transaction(t.Context(), pooled)
	require.NoError(t, err)
	require.Zero(t, tx.Confirmations)
	require.Zero(t, tx.Block)
	_, err = c.Transaction(t.Context(), chainhash.Hash{3})
	require.ErrorIs(t, err, vsp.ErrNoTransaction)

	live, err := c.Live(t.Context(), known)
	require.NoError(t, err)
	require.True(t, live)

	f.Stop()
	for _, err := range []error{
		second(c.Tip(t.Context())), second(c.Block(t.Context(), 99)), second(c.Transaction(t.Context(), chainhash.Hash{3})),
		second(c.Live(t.Context(), known)), c.Publish(t.Context(), wire.NewMsgTx()),
	} {
		require.ErrorIs(t, err, dcrrpc.ErrUnreachable)
		for _, named := range []error{vsp.ErrNoBlock, vsp.ErrNoTransaction, vsp.ErrRefused, vsp.ErrOrphan} {
			require.NotErrorIs(t, err, named)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestAnUnfitNodeIsNotUsed(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(*fakeNode, *dcrrpc.Config)
		want  string
	}{
		"unreachable": {func(f *fakeNode, _ *dcrrpc.Config) { f.Stop() }, "nothing listens there"},
		"certificate": {func(f *fakeNode, _ *dcrrpc.Config) { f.Stop(); f.Renew(); f.Start() }, "copy its rpc.cert here"},
		"password":    {func(_ *fakeNode, c *dcrrpc.Config) { c.Password = "wrong-secret" }, "does not take this user and password"},
		"network": {func(f *fakeNode, _ *dcrrpc.Config) { f.genesis = chaincfg.MainNetParams().GenesisHash },
			"is on mainnet, not on simnet"},
		"other network": {func(f *fakeNode, _ *dcrrpc.Config) { f.genesis = chainhash.Hash{1} }, "an unknown network"},
		"no index":      {func(f *fakeNode, _ *dcrrpc.Config) { f.txIndex = false }, "--txindex"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeNode(t)
			config := f.Config()
			tc.spoil(f, &config)
			c := newChain(t, config, new(buffer))
			for _, err := range []error{c.Check(t.Context()), second(c.Tip(t.Context())), c.Publish(t.Context(), wire.NewMsgTx())} {
				require.ErrorContains(t, err, tc.want)
				require.NotContains(t, err.Error(), "wrong-secret")
			}
			require.NotContains(t, f.Calls(), "sendrawtransaction")
		})
	}
}

// TestANodeIsInspectedAgainWhenItReturns: behind the same address another node may be.
func TestANodeIsInspectedAgainWhenItReturns(t *testing.T) {
	f := newFakeNode(t)
	c := newChain(t, f.Config(), new(buffer))
	require.NoError(t, c.Check(t.Context()))
	f.Stop()
	require.ErrorIs(t, second(c.Tip(t.Context())), dcrrpc.ErrUnreachable)
	f.set(func() { f.genesis = chaincfg.TestNet3Params().GenesisHash })
	f.Start()
	require.ErrorContains(t, c.Check(t.Context()), "is on testnet3, not on simnet")
	_, err := c.Transaction(t.Context(), chainhash.Hash{1})
	require.ErrorContains(t, err, "testnet3")
}

func TestPublish(t *testing.T) {
	tx := wire.NewMsgTx()
	parent := chainhash.Hash{9}
	tx.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&parent, 2, 0), 1, nil))
	own := tx.TxHash()
	rule := func(text string) error {
		return &dcrjson.RPCError{Code: dcrrpc.CodeMisc, Message: "rejected transaction " + own.String() + ": " + text}
	}
	orphan := rule("orphan transaction " + own.String() + " references output " + parent.String() +
		":2 of unknown or fully-spent transaction")
	plain := fmt.Errorf("neither refused nor orphan")
	mined := func(f *fakeNode) { f.txs[parent.String()] = 4 }
	for name, tc := range map[string]struct {
		sent  error
		given func(*fakeNode)
		want  error
	}{
		"taken":                     {sent: nil},
		"known":                     {sent: &dcrjson.RPCError{Code: dcrrpc.CodeDuplicateTx, Message: "already have transaction"}},
		"mined, outputs spent":      {sent: orphan, given: func(f *fakeNode) { f.txs[own.String()] = 9 }},
		"parent unknown":            {sent: orphan, want: vsp.ErrOrphan},
		"parent in the mempool":     {sent: orphan, given: func(f *fakeNode) { f.txs[parent.String()] = 0 }, want: vsp.ErrOrphan},
		"input unspent after all":   {sent: orphan, given: func(f *fakeNode) { mined(f); f.unspent[parent.String()+":2"] = true }, want: vsp.ErrOrphan},
		"input spent in a block":    {sent: orphan, given: mined, want: vsp.ErrRefused},
		"spent in the mempool":      {sent: rule("transaction x in the pool already spends the same coins"), want: vsp.ErrRefused},
		"expired":                   {sent: rule("transaction x expired at height 5"), want: vsp.ErrRefused},
		"fee too low":               {sent: rule("regular transaction x has 1 fees which is under the required amount of 2"), want: vsp.ErrRefused},
		"fee too high":              {sent: rule("has 9 fee which is above the allowHighFee check threshold"), want: vsp.ErrRefused},
		"bad signature":             {sent: rule("failed to validate input 0"), want: vsp.ErrRefused},
		"immature input":            {sent: rule("tried to spend coinbase transaction x from height 1 at height 2 before required maturity of 16 blocks"), want: plain},
		"sequence lock":             {sent: rule("transaction sequence locks on inputs not met"), want: plain},
		"lock time":                 {sent: rule("transaction x is not standard: transaction is not finalized"), want: plain},
		"mix under way":             {sent: rule("non-mix transaction x spends current mixpool pair request UTXOs"), want: plain},
		"price too low for now":     {sent: rule("transaction x has not enough funds to meet stake difficulty (ticket diff 1 < next diff 2)"), want: plain},
		"trouble of the node's own": {sent: &dcrjson.RPCError{Code: dcrjson.ErrRPCDeserialization, Message: "rejected: database is closed"}, want: plain},
		"connection breaks off":     {sent: rpctest.ErrDrop, want: plain},
		"no answer":                 {sent: rpctest.ErrHang, want: plain},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeNode(t)
			f.sent = tc.sent
			if tc.given != nil {
				tc.given(f)
			}
			err := newChain(t, f.Config(), new(buffer)).Publish(t.Context(), tx)
			switch tc.want {
			case nil:
				require.NoError(t, err)
			case plain:
				require.Error(t, err)
				require.NotErrorIs(t, err, vsp.ErrRefused)
				require.NotErrorIs(t, err, vsp.ErrOrphan)
			default:
				require.ErrorIs(t, err, tc.want)
				require.ErrorContains(t, err, tc.sent.(*dcrjson.RPCError).Message)
			}
		})
	}
}

func TestRunNoticesBlocksAndOutages(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	f := newFakeNode(t)
	log := new(buffer)
	c := newChain(t, f.Config(), log)
	c.Poll = 10 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); c.Run(ctx) }()
	defer func() { cancel(); <-done }()
	moved := func() {
		t.Helper()
		select {
		case <-c.Moved():
		case <-time.After(soon):
			require.FailNow(t, "not moved")
		}
	}
	moved() // the first tip

	header, err := f.tip.Bytes()
	require.NoError(t, err)
	f.Notify("blockconnected", hex.EncodeToString(header), []string{})
	moved() // told, before the poll has seen a thing
	f.Notify("blockdisconnected", hex.EncodeToString(header))
	moved()
	f.set(func() { f.tip = &wire.BlockHeader{Height: 8} })
	moved() // seen by the poll alone

	polls := func() int { return strings.Count(strings.Join(f.Calls(), " "), "getbestblock") }
	n := polls()
	require.Eventually(t, func() bool { return polls() >= n+3 }, soon, time.Millisecond)
	require.Empty(t, c.Moved(), "nothing new, no signal")

	for n := range 2 {
		f.Stop()
		require.Eventually(t, func() bool { return strings.Count(log.String(), "node is away") == n+1 }, soon, time.Millisecond)
		f.Start()
		moved() // blocks may have been missed
		require.Eventually(t, func() bool { return strings.Count(log.String(), "node is back") == n+1 }, soon, time.Millisecond)
	}
}
