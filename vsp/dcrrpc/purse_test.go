package dcrrpc_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrjson/v4"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/dcrrpc/rpctest"
)

// The shopper of testnet's TestShopper uses all of these on a real wallet; here is what a real one will not do on demand.

func TestPurseRefusesHalfAnAnswer(t *testing.T) {
	server := rpctest.New(t)
	wallet := dcrrpc.NewWallet(server.Config())
	defer wallet.Close()
	tx := wire.NewMsgTx()
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: chainhash.Hash{1}}, 5, nil))
	raw := "01000000" + "00" + "00" + "00000000" + "00000000" + "00"

	server.Answer("purchaseticket", map[string]any{"unsignedtickets": []string{}, "splittx": raw})
	_, _, err := wallet.DraftTicket(t.Context(), "default", 100)
	require.ErrorContains(t, err, "drew up 0 tickets")
	server.Answer("purchaseticket", map[string]any{"unsignedtickets": []string{"zz"}, "splittx": raw})
	_, _, err = wallet.DraftTicket(t.Context(), "default", 100)
	require.ErrorContains(t, err, "decode answer")
	server.Answer("signrawtransaction", map[string]any{"hex": raw, "complete": false})
	_, err = wallet.Sign(t.Context(), tx)
	require.ErrorContains(t, err, "could not sign every input")
	server.Answer("fundrawtransaction", map[string]any{"hex": "zz", "fee": 0.1})
	_, _, err = wallet.Fund(t.Context(), "default", wire.NewMsgTx())
	require.ErrorContains(t, err, "decode answer")
}

func TestPurseKnowsWhatIsThere(t *testing.T) {
	server := rpctest.New(t)
	wallet := dcrrpc.NewWallet(server.Config())
	defer wallet.Close()
	server.Handle("gettransaction", func([]json.RawMessage) (any, error) {
		return nil, dcrjson.NewRPCError(dcrjson.ErrRPCNoTxInfo, "no information for transaction")
	})
	_, known, err := wallet.Placed(t.Context(), chainhash.Hash{1})
	require.NoError(t, err)
	require.False(t, known)
	server.Handle("gettransaction", func([]json.RawMessage) (any, error) { return nil, errors.New("trouble") })
	_, known, err = wallet.Placed(t.Context(), chainhash.Hash{1})
	require.Error(t, err, "that it could not be asked does not mean that it does not know")
	require.False(t, known)
	server.Handle("sendrawtransaction", func([]json.RawMessage) (any, error) {
		return nil, dcrjson.NewRPCError(dcrjson.ErrRPCDuplicateTx, "already have transaction")
	})
	require.NoError(t, wallet.Publish(t.Context(), wire.NewMsgTx()))
}

func TestUnlockKeepsThePassphrase(t *testing.T) {
	server := rpctest.New(t)
	wallet := dcrrpc.NewWallet(server.Config())
	defer wallet.Close()
	server.Handle("walletpassphrase", func(params []json.RawMessage) (any, error) {
		return nil, errors.New("wrong: " + string(params[0]))
	})
	err := wallet.Unlock(t.Context(), "open sesame", time.Minute)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "sesame")
}
