package server_test

import (
	"bytes"
	"time"

	"github.com/decred/dcrd/dcrec"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

func payFeeAsks() []ask {
	path := vspapi.PathPayFee
	const message = "PayFeeRequest."
	pay := func(r *rig) (fields, vsptest.Holder) { t, fee := r.known(); return r.payFee(t, fee), t.Holder }
	spoil := func(name string, value any) func(r *rig) signed {
		return func(r *rig) signed { f, h := pay(r); return f.with(name, value).by(h) }
	}
	// feeTx pays with a transaction that was altered.
	feeTx := func(alter func(r *rig, tx *wire.MsgTx)) func(r *rig) signed {
		return func(r *rig) signed {
			t, fee := r.known()
			alter(r, fee)
			return r.payFee(t, fee).by(t.Holder)
		}
	}
	wif := func(scheme dcrec.SignatureType, net [2]byte) string {
		w, err := dcrutil.NewWIF(bytes.Repeat([]byte{3}, 32), net, scheme)
		if err != nil {
			panic(err)
		}
		return w.String()
	}
	four := fields{"a": "", "b": "", "c": "", "d": ""}
	simnet := [2]byte{0x23, 0x07}
	asks := append(anyAct(path, pay), byHash(path, pay)...)
	return append(asks, []ask{
		{"no time", path, spoil("timestamp", 0), vspapi.BadRequest, required(message, "Timestamp")},
		{"no fee", path, spoil("feetx", nil), vspapi.BadRequest, required(message, "FeeTx")},
		{"no key", path, spoil("votingkey", ""), vspapi.BadRequest, required(message, "VotingKey")},
		{"no choices", path, spoil("votechoices", nil), vspapi.BadRequest, required(message, "VoteChoices")},
		{"choices null", path, spoil("votechoices", (map[string]string)(nil)), vspapi.BadRequest, required(message, "VoteChoices")},
		{"choices a list", path, spoil("votechoices", []int{}), vspapi.BadRequest,
			"json: cannot unmarshal array into Go struct field PayFeeRequest.votechoices of type map[string]string"},
		{"four tspends", path, spoil("tspendpolicy", four), vspapi.BadRequest, tooMany(message, "TSpendPolicy")},
		{"four keys", path, spoil("treasurypolicy", four), vspapi.BadRequest, tooMany(message, "TreasuryPolicy")},
		{"paid before", path, func(r *rig) signed {
			t := r.paid(1)
			r.chain.Fail = nodeAway()
			return r.payFee(t, wire.NewMsgTx()).by(t.Holder)
		}, vspapi.FeeAlreadyReceived, ""},
		{"node is away", path, func(r *rig) signed {
			f, h := pay(r)
			r.chain.Fail = nodeAway()
			return f.by(h)
		}, vspapi.InternalError, ""},
		{"ticket has vanished", path, func(r *rig) signed {
			t, fee := r.known()
			r.chain.Forget(t.Hash())
			return r.payFee(t, fee).by(t.Holder)
		}, vspapi.UnknownTicket, ""},
		{"ticket has voted", path, func(r *rig) signed {
			t, fee := r.known()
			r.chain.Mine(17)
			r.chain.Vote(t)
			r.chain.Mine(1)
			return r.payFee(t, fee).by(t.Holder)
		}, vspapi.TicketCannotVote, ""},
		{"promise has run out, and the fee has risen", path, func(r *rig) signed {
			t, fee := r.known()
			r.now = r.now.Add(time.Hour + time.Second)
			r.chain.StakeDifficulty *= 20
			return r.payFee(t, fee).with("votingkey", "x").by(t.Holder)
		}, vspapi.FeeExpired, ""},
		{"key is none", path, spoil("votingkey", "x"), vspapi.InvalidPrivKey, ""},
		{"key comes before fee", path, func(r *rig) signed {
			f, h := pay(r)
			return f.with("votingkey", "x").with("feetx", "x").by(h)
		}, vspapi.InvalidPrivKey, ""},
		{"key of mainnet", path, spoil("votingkey", wif(dcrec.STEcdsaSecp256k1, [2]byte{0x22, 0xde})), vspapi.InvalidPrivKey, ""},
		{"key of another ticket", path, spoil("votingkey", wif(dcrec.STEcdsaSecp256k1, simnet)), vspapi.InvalidPrivKey, wrongKey},
		{"key of another scheme", path, spoil("votingkey", wif(dcrec.STSchnorrSecp256k1, simnet)), vspapi.InvalidPrivKey, ""},
		{"fee not hex", path, spoil("feetx", "xy"), vspapi.InvalidFeeTx, ""},
		{"fee no transaction", path, spoil("feetx", "00"), vspapi.InvalidFeeTx, ""},
		{"fee without inputs", path, feeTx(func(_ *rig, tx *wire.MsgTx) { tx.TxIn = nil }), vspapi.InvalidFeeTx, ""},
		{"fee with an output below zero", path, feeTx(func(_ *rig, tx *wire.MsgTx) {
			tx.AddTxOut(wire.NewTxOut(-1, nil))
		}), vspapi.InvalidFeeTx, ""},
		{"fee to another", path, feeTx(func(_ *rig, tx *wire.MsgTx) { tx.TxOut[0].PkScript[5] ^= 1 }), vspapi.InvalidFeeTx, "*"},
		{"fee in another script version", path, feeTx(func(_ *rig, tx *wire.MsgTx) { tx.TxOut[0].Version = 1 }), vspapi.InvalidFeeTx, "*"},
		{"fee of nothing", path, feeTx(func(_ *rig, tx *wire.MsgTx) { tx.TxOut[0].Value = 0 }), vspapi.InvalidFeeTx, "*"},
		{"fee an atom short", path, feeTx(func(_ *rig, tx *wire.MsgTx) { tx.TxOut[0].Value-- }), vspapi.FeeTooSmall, ""},
		{"fee in two parts", path, feeTx(func(_ *rig, tx *wire.MsgTx) {
			tx.TxOut[0].Value--
			tx.AddTxOut(&wire.TxOut{Value: 1, PkScript: tx.TxOut[0].PkScript})
		}), vspapi.FeeTooSmall, ""},
		{"fee refused", path, func(r *rig) signed {
			t, fee := r.known()
			r.chain.Mine(vsp.Confirmations)
			r.chain.Fail = reply(vsp.ErrRefused, "Publish")
			return r.payFee(t, fee).by(t.Holder)
		}, vspapi.CannotBroadcastFee, ""},
		{"fee spent before", path, func(r *rig) signed {
			t, fee := r.known()
			require.NoError(r, r.chain.Publish(r.Context(), r.chain.Pay(t.Commitment().String(), 5, fee.TxIn[0].PreviousOutPoint)))
			r.chain.Mine(vsp.Confirmations)
			return r.payFee(t, fee).by(t.Holder)
		}, vspapi.CannotBroadcastFee, ""},
		{"fee from nowhere", path, func(r *rig) signed {
			t, fee := r.known()
			fee.TxIn[0].PreviousOutPoint.Hash[0] ^= 1
			r.chain.Mine(vsp.Confirmations)
			return r.payFee(t, fee).by(t.Holder)
		}, vspapi.CannotBroadcastFeeUnknownOutputs, ""},
	}...)
}
