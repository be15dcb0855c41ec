package server_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/dcrec"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

// asked is a request before it is signed.
type asked struct {
	fields
	holder    vsptest.Holder
	edit      func(body []byte) []byte // nil: none
	signature *string                  // nil: the holder's, of the body
}

func (a asked) signed() signed {
	body := a.json()
	if a.edit != nil {
		body = a.edit(body)
	}
	switch {
	case a.signature == nil:
		return sign(a.holder, body)
	case *a.signature == "":
		return signed{body: body}
	}
	return signed{body, []string{vspapi.ClientSignature, *a.signature}}
}

// situation brings a rig into a state, and returns what is asked in it.
type situation func(r *rig) asked

// The situations that others are made of: each request would be granted.
var (
	offer situation = func(r *rig) asked { t := r.fresh(); return asked{fields: r.feeAddress(t), holder: t.Holder} }
	// The network does not have the ticket.
	offerUnsent situation = func(r *rig) asked { t := r.unsent(); return asked{fields: r.feeAddress(t), holder: t.Holder} }
	offerAgain  situation = func(r *rig) asked { t, _ := r.known(); return asked{fields: r.feeAddress(t), holder: t.Holder} }
	pay         situation = func(r *rig) asked { t, fee := r.known(); return asked{fields: r.payFee(t, fee), holder: t.Holder} }
	payPaid     situation = func(r *rig) asked {
		t := r.paid(1)
		return asked{fields: r.payFee(t, wire.NewMsgTx()), holder: t.Holder}
	}
	status       situation = func(r *rig) asked { t := r.paid(1); return asked{fields: r.ticketStatus(t), holder: t.Holder} }
	statusUnpaid situation = func(r *rig) asked { t, _ := r.known(); return asked{fields: r.ticketStatus(t), holder: t.Holder} }
	choose       situation = func(r *rig) asked { t := r.paid(1); return asked{fields: r.setVoteChoices(t), holder: t.Holder} }
	chooseUnpaid situation = func(r *rig) asked { t, _ := r.known(); return asked{fields: r.setVoteChoices(t), holder: t.Holder} }
	chooseVoted  situation = func(r *rig) asked { t := r.voted(); return asked{fields: r.setVoteChoices(t), holder: t.Holder} }
)

// Another address is to sign; the alternate signer of every test is holder 5.
var (
	signer situation = func(r *rig) asked { t := r.fresh(); return asked{fields: r.setAltSignAddr(t), holder: t.Holder} }
	// The network does not have the ticket.
	signerUnsent situation = func(r *rig) asked { t := r.unsent(); return asked{fields: r.setAltSignAddr(t), holder: t.Holder} }
	signerOfPaid situation = func(r *rig) asked { t := r.paid(1); return asked{fields: r.setAltSignAddr(t), holder: t.Holder} }
)

// withSigner is the situation after the ticket got its alternate signer.
func (s situation) withSigner() situation {
	return func(r *rig) asked {
		a := s(r)
		hash := a.hash()
		tx, err := r.chain.Transaction(r.Context(), hash)
		require.NoError(r, err)
		r.granted(vspapi.PathSetAltSignAddr, r.setAltSignAddr(vsptest.Ticket{Holder: a.holder, Tx: tx.Tx, Parent: tx.Tx}).by(a.holder))
		return a
	}
}

// bySigner is the situation with the signature of the alternate signer.
func (s situation) bySigner() situation {
	return func(r *rig) asked { a := s(r); a.holder = r.holder(5); return a }
}

// nothing is a request with no body and no signature.
func nothing(*rig) asked {
	unsigned := ""
	return asked{edit: func([]byte) []byte { return nil }, signature: &unsigned}
}

// body is a request with a body and no signature.
func body(text string) situation {
	return func(r *rig) asked {
		a := nothing(r)
		a.edit = func([]byte) []byte { return []byte(text) }
		return a
	}
}

// but is the situation with another value of a field; nil for none.
func (s situation) but(name string, value any) situation {
	return func(r *rig) asked { a := s(r); a.fields = a.with(name, value); return a }
}

// edited is the situation with another body.
func (s situation) edited(edit func(body []byte) []byte) situation {
	return func(r *rig) asked { a := s(r); a.edit = edit; return a }
}

// signature is the situation with another signature; "" for none.
func (s situation) signature(text string) situation {
	return func(r *rig) asked { a := s(r); a.signature = &text; return a }
}

// stranger is the situation with the signature of somebody else.
func (s situation) stranger() situation {
	return func(r *rig) asked { a := s(r); a.holder = r.holder(99); return a }
}

// then is the situation after something more has happened.
func (s situation) then(happens func(r *rig)) situation {
	return func(r *rig) asked { a := s(r); happens(r); return a }
}

// upper is the situation with a field in capitals.
func (s situation) upper(name string) situation {
	return func(r *rig) asked {
		a := s(r)
		a.fields = a.with(name, strings.ToUpper(a.fields[name].(string)))
		return a
	}
}

// hash returns the ticket that is asked about.
func (a asked) hash() chainhash.Hash {
	hash, err := chainhash.NewHashFromStr(a.fields["tickethash"].(string))
	if err != nil {
		panic(err)
	}
	return *hash
}

// What may happen meanwhile.

func later(d time.Duration) func(*rig) { return func(r *rig) { r.now = r.now.Add(d) } }
func feeUp(r *rig)                     { r.chain.StakeDifficulty *= 20 }
func feeDown(r *rig)                   { r.chain.StakeDifficulty /= 2 }
func noWallets(r *rig)                 { r.voters.Wallets = nil }
func noStore(r *rig)                   { r.watched.fail = errors.New("store is away") }

func noNode(r *rig) { r.chain.Fail = nodeAway() }

// nodeDoes has the node answer one operation with an error.
func nodeDoes(op string, err error) func(*rig) {
	return func(r *rig) { r.chain.Fail = reply(err, op) }
}

func closed(r *rig) {
	terms := r.config.Terms
	terms.Closed, terms.ClosedMessage = true, "Gone fishing."
	require.NoError(r, r.service.SetTerms(terms))
}

// notSeen asks for wallets that nobody has looked at.
func notSeen(r *rig) { r.service.SetGate(vsp.Gate{Wallets: 1}) }

const notSeenText = "not taking new tickets now: our node and the voting wallets were not looked at yet"

var errAway = errors.New("node is away")

func nodeAway(ops ...string) func(string) (bool, error) {
	return func(op string) (bool, error) {
		if len(ops) == 0 || strings.Contains(strings.Join(ops, " "), op) {
			return false, errAway
		}
		return false, nil
	}
}

func reply(err error, op string) func(string) (bool, error) {
	return func(o string) (bool, error) {
		if o == op {
			return false, err
		}
		return false, nil
	}
}

// Tickets in the states that requests may find them in.

func (r *rig) fresh() vsptest.Ticket  { return r.chain.Buy(r.holder(1)) }
func (r *rig) unsent() vsptest.Ticket { return r.chain.Ticket(r.holder(1)) }

func (r *rig) known() (vsptest.Ticket, *wire.MsgTx) {
	t := r.fresh()
	return t, r.fee(r.offered(t))
}

func (r *rig) voted() vsptest.Ticket {
	t := r.paid(1)
	r.change(t.Hash(), func(t *vsp.Ticket) { t.Outcome = vsp.Voted })
	return t
}

// at is the situation so many blocks later, and after what has become of the ticket then.
func at(s situation, blocks int, end func(r *rig, t vsptest.Ticket)) situation {
	return func(r *rig) asked {
		a := s(r)
		r.chain.Mine(blocks)
		tx, err := r.chain.Transaction(r.Context(), a.hash())
		require.NoError(r, err)
		end(r, vsptest.Ticket{Holder: a.holder, Tx: tx.Tx})
		return a
	}
}

func lives(*rig, vsptest.Ticket)         {}
func votes(r *rig, t vsptest.Ticket)     { r.chain.Vote(t); r.chain.Mine(1) }
func isMissed(r *rig, t vsptest.Ticket)  { r.chain.Miss(t); r.chain.Mine(1) }
func cannotAsk(r *rig, _ vsptest.Ticket) { r.chain.Fail = nodeAway("Live") }

// withTx is the situation with another transaction in place of the ticket.
func withTx(s situation, make func(r *rig) *wire.MsgTx) situation {
	return func(r *rig) asked {
		a, tx := s(r), make(r)
		a.fields = a.with("tickethex", vsptest.Hex(tx)).with("tickethash", tx.TxHash().String())
		return a
	}
}

// hashOf is the situation with another hash in place of the ticket's.
func hashOf(s situation, hash func(r *rig) string) situation {
	return func(r *rig) asked {
		a := s(r)
		a.fields = a.with("tickethash", hash(r))
		return a
	}
}

// capitalKey spells the hash's key in capitals, behind another that does not count.
func capitalKey(body []byte) []byte {
	return bytes.Replace(body, []byte(`"tickethash"`), []byte(`"TICKETHASH":"`+unseen+`","TicketHash"`), 1)
}

func payment(r *rig) *wire.MsgTx { return r.chain.Pay(r.holder(1).Commitment().String(), 5) }

func ticketOfTwo(r *rig) *wire.MsgTx {
	tx := r.unsent().Tx
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: chainhash.HashH(nil)}, 5, nil))
	tx.AddTxOut(tx.TxOut[1])
	tx.AddTxOut(tx.TxOut[2])
	return tx
}

// payWith pays with a transaction that was altered, after so many blocks.
func payWith(blocks int, alter func(r *rig, fee *wire.MsgTx)) situation {
	return func(r *rig) asked {
		t, fee := r.known()
		r.chain.Mine(blocks)
		alter(r, fee)
		return asked{fields: r.payFee(t, fee), holder: t.Holder}
	}
}

func atomShort(_ *rig, fee *wire.MsgTx) { fee.TxOut[0].Value-- }
func unchanged(*rig, *wire.MsgTx)       {}

func inTwoParts(_ *rig, fee *wire.MsgTx) {
	fee.TxOut[0].Value--
	fee.AddTxOut(&wire.TxOut{Value: 1, PkScript: fee.TxOut[0].PkScript})
}

func withSmallChange(_ *rig, fee *wire.MsgTx) {
	fee.AddTxOut(&wire.TxOut{Value: 1, PkScript: fee.TxOut[0].PkScript})
}

func fromNowhere(_ *rig, fee *wire.MsgTx) { fee.TxIn[0].PreviousOutPoint.Hash[0] ^= 1 }

func spentBefore(r *rig, fee *wire.MsgTx) {
	other := r.chain.Pay(r.holder(2).Commitment().String(), 5, fee.TxIn[0].PreviousOutPoint)
	require.NoError(r, r.chain.Publish(r.Context(), other))
	r.chain.Mine(1)
}

// votingKey is the WIF of a key that votes with no ticket here.
func votingKey(network [2]byte) string {
	wif, err := dcrutil.NewWIF(bytes.Repeat([]byte{3}, 32), network, dcrec.STEcdsaSecp256k1)
	if err != nil {
		panic(err)
	}
	return wif.String()
}

// paySchnorr hands over the right key as one of another scheme.
func paySchnorr(r *rig) asked {
	a := pay(r)
	wif, err := dcrutil.DecodeWIF(a.holder.VotingKey(), simnetKey)
	require.NoError(r, err)
	wif, err = dcrutil.NewWIF(wif.PrivKey(), simnetKey, dcrec.STSchnorrSecp256k1)
	require.NoError(r, err)
	a.fields = a.with("votingkey", wif.String())
	return a
}

var (
	mainnetKey = [2]byte{0x22, 0xde}
	simnetKey  = [2]byte{0x23, 0x07}

	// piKey is a treasury key, tspend the hash of a treasury spend.
	piKey  = hex.EncodeToString(append([]byte{2}, make([]byte, 32)...))
	tspend = strings.Repeat("ab", 32)

	// Addresses of hashes that are all zeros.
	mainnetAddress = "DsQxuVRvS4eaJ42dhQEsCXauMWjvopWgrVg"
	scriptAddress  = "ScaqxFuUgM3opPFkqMvjfKuuYhQDdsiRDtU"

	// minimalTx has no inputs and no outputs.
	minimalTx = vsptest.Hex(wire.NewMsgTx())

	// signatureOfAnother is good, but of another body, by another holder.
	signatureOfAnother = vsptest.NewHolder(chaincfg.SimNetParams(), 99).Signature([]byte("{}"))

	fourPolicies = fields{"a": "", "b": "", "c": "", "d": ""}
	unseen       = strings.Repeat("0", 62) + "ff" // the hash of nothing
)

func offerPaid(r *rig) asked {
	t := r.paid(1)
	return asked{fields: r.feeAddress(t), holder: t.Holder}
}

func payVanished(r *rig) asked {
	a := pay(r)
	r.chain.Forget(a.hash())
	return a
}

func payVoted(r *rig) asked { return at(pay, 17, votes)(r) }

func statusVoted(r *rig) asked {
	t := r.voted()
	return asked{fields: r.ticketStatus(t), holder: t.Holder}
}

// refusedBefore is a payment that the network has refused once.
func refusedBefore(s situation) situation {
	return func(r *rig) asked {
		a := s(r)
		r.chain.Mine(vsp.Confirmations)
		r.chain.Fail = reply(vsp.ErrRefused, "Publish")
		require.Equal(r, vspapi.CannotBroadcastFee, r.refusal(r.post(vspapi.PathPayFee, a.signed())).Code)
		r.chain.Fail = nil
		return a
	}
}

func chooseRefused(r *rig) asked {
	t, fee := r.known()
	pays := func(r *rig) asked { return asked{fields: r.payFee(t, fee), holder: t.Holder} }
	a := refusedBefore(pays)(r)
	a.fields = r.setVoteChoices(t)
	return a
}

// chooseFull chooses for a ticket that has as many policies as are kept.
func chooseFull(r *rig) asked {
	a := choose(r)
	r.change(a.hash(), func(t *vsp.Ticket) {
		t.Choices.TSpends = map[string]string{}
		for i := range 128 {
			t.Choices.TSpends[fmt.Sprintf("%064x", i)] = "yes"
		}
	})
	return a
}

func signerOwn(r *rig) asked {
	a := signer(r)
	a.fields = a.with("altsignaddress", a.holder.Commitment().String())
	return a
}

// confirmed confirms the rig's first ticket.
func confirmed(r *rig) {
	tickets, err := r.store.Select(r.Context(), vsp.Filter{})
	require.NoError(r, err)
	r.change(tickets[len(tickets)-1].Hash, func(t *vsp.Ticket) { t.Confirmed = true })
}

// The words of vspd's validator.

func required(message, field string) string {
	return fmt.Sprintf("Key: '%s%s' Error:Field validation for '%s' failed on the 'required' tag", message, field, field)
}

func tooMany(message, field string) string {
	return strings.Replace(required(message, field), "'required'", "'max'", 1)
}
