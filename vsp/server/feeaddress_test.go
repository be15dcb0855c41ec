package server_test

import (
	"strings"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

func feeAddressAsks() []ask {
	path := vspapi.PathFeeAddress
	offer := func(r *rig) (fields, vsptest.Holder) { t := r.fresh(); return r.feeAddress(t), t.Holder }
	spoil := func(name string, value any) func(r *rig) signed {
		return func(r *rig) signed { f, h := offer(r); return f.with(name, value).by(h) }
	}
	// ticket asks with a transaction in place of the ticket.
	ticket := func(make func(r *rig) *wire.MsgTx) func(r *rig) signed {
		return func(r *rig) signed {
			f, h := offer(r)
			tx := make(r)
			return f.with("tickethex", vsptest.Hex(tx)).with("tickethash", tx.TxHash().String()).by(h)
		}
	}
	// spent asks for a ticket so many blocks after it was bought.
	after := func(blocks int, end func(r *rig, t vsptest.Ticket)) func(r *rig) signed {
		return func(r *rig) signed {
			t := r.fresh()
			r.chain.Mine(blocks)
			end(r, t)
			return r.feeAddress(t).by(t.Holder)
		}
	}
	asks := append(anyAct(path, offer), []ask{
		{"no ticket", path, spoil("tickethex", nil), vspapi.BadRequest, required("", "TicketHex")},
		{"no hash", path, spoil("tickethash", nil), vspapi.BadRequest, required("", "TicketHash")},
		{"no parent", path, spoil("parenthex", ""), vspapi.BadRequest, required("", "ParentHex")},
		{"nothing", path, func(r *rig) signed { return signed{body: []byte("{}")} }, vspapi.BadRequest,
			required("", "TicketHex") + "\n" + required("", "TicketHash") + "\n" + required("", "ParentHex")},
		{"ticket not hex", path, spoil("tickethex", "xy"), vspapi.BadRequest, "cannot decode ticket hex"},
		{"ticket no transaction", path, spoil("tickethex", "00"), vspapi.BadRequest, "cannot decode ticket hex"},
		{"ticket is none", path, ticket(func(r *rig) *wire.MsgTx { return r.chain.Pay(r.holder(1).Commitment().String(), 5) }),
			vspapi.InvalidTicket, ""},
		{"ticket of two holders", path, ticket(func(r *rig) *wire.MsgTx {
			tx := r.unsent().Tx
			tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: chainhash.HashH(nil)}, 5, nil))
			tx.AddTxOut(tx.TxOut[1])
			tx.AddTxOut(tx.TxOut[2])
			return tx
		}), vspapi.InvalidTicket, ""},
		{"hash of another", path, spoil("tickethash", unseen), vspapi.BadRequest, "ticket hex does not match hash"},
		{"short hash", path, spoil("tickethash", unseen[1:]), vspapi.BadRequest, "ticket hex does not match hash"},
		{"hash in capitals", path, func(r *rig) signed {
			f, h := offer(r)
			return f.with("tickethash", strings.ToUpper(f["tickethash"].(string))).by(h)
		}, vspapi.BadRequest, "ticket hex does not match hash"},
		{"parent no transaction", path, spoil("parenthex", "00"), vspapi.BadRequest, "cannot decode parent hex"},
		{"no time", path, spoil("timestamp", nil), vspapi.BadRequest, required("FeeAddressRequest.", "Timestamp")},
		{"time zero", path, spoil("timestamp", 0), vspapi.BadRequest, required("FeeAddressRequest.", "Timestamp")},
		{"time is text", path, spoil("timestamp", "now"), vspapi.BadRequest,
			"json: cannot unmarshal string into Go struct field FeeAddressRequest.timestamp of type int64"},
		{"parent of another", path, func(r *rig) signed {
			t := r.unsent()
			return r.feeAddress(t).with("parenthex", vsptest.Hex(r.chain.Pay(t.Commitment().String(), 9))).by(t.Holder)
		}, vspapi.BadRequest, "invalid ticket parent"},
		{"parent refused", path, func(r *rig) signed {
			r.chain.Fail = reply(vsp.ErrRefused, "Publish")
			t := r.unsent()
			return r.feeAddress(t).by(t.Holder)
		}, vspapi.CannotBroadcastTicket, ""},
		{"ticket refused", path, func(r *rig) signed {
			t := r.unsent()
			require.NoError(r, r.chain.Publish(r.Context(), t.Parent))
			r.chain.Fail = reply(vsp.ErrRefused, "Publish")
			return r.feeAddress(t).by(t.Holder)
		}, vspapi.CannotBroadcastTicket, ""},
		{"node is away", path, func(r *rig) signed { r.chain.Fail = nodeAway(); return spoil("x", 1)(r) }, vspapi.InternalError, ""},
		{"node is away when it matters", path, func(r *rig) signed {
			r.chain.Fail = nodeAway("Publish")
			t := r.unsent()
			return r.feeAddress(t).by(t.Holder)
		}, vspapi.InternalError, ""},
		{"ticket has voted", path, after(17, func(r *rig, t vsptest.Ticket) { r.chain.Vote(t); r.chain.Mine(1) }),
			vspapi.TicketCannotVote, ""},
		{"ticket was missed", path, after(17, func(r *rig, t vsptest.Ticket) { r.chain.Miss(t); r.chain.Mine(1) }),
			vspapi.TicketCannotVote, ""},
		{"ticket has expired", path, after(16+384+1, func(*rig, vsptest.Ticket) {}), vspapi.TicketCannotVote, ""},
		{"ticket is too old to ask", path, after(16+384+2, func(r *rig, _ vsptest.Ticket) { r.chain.Fail = nodeAway("Live") }),
			vspapi.TicketCannotVote, ""},
		{"fee was received", path, func(r *rig) signed {
			t := r.paid(1)
			r.chain.Fail = nodeAway()
			return r.feeAddress(t).by(t.Holder)
		}, vspapi.FeeAlreadyReceived, ""},
	}...)
	return asks
}
