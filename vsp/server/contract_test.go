package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
)

// row is one line of the contract: what is asked in which situation, and what is answered.
type row struct {
	to     string // path; a method is written before it where it is not POST
	asked  string
	send   situation
	status int
	code   vspapi.Code // or granted, or unsigned
	text   string      // of a refusal, "" for the code's own; of a granted request, a part of the answer
	vspd   string      // what vspd 1.5 answers, where that is something else
}

const (
	granted  vspapi.Code = -1 // the endpoint's answer, signed
	unsigned vspapi.Code = -2 // a text that is not part of the API
)

const (
	vspinfo        = "GET " + vspapi.PathInfo
	feeaddress     = vspapi.PathFeeAddress
	payfee         = vspapi.PathPayFee
	ticketstatus   = vspapi.PathTicketStatus
	setvotechoices = vspapi.PathSetVoteChoices
	setaltsignaddr = vspapi.PathSetAltSignAddr
)

// What has no answer of the API.
var transportRows = []row{
	{"GET /api/v3/nothing", "no such path", nothing, 404, unsigned, "404 page not found", ""},
	{"GET " + payfee, "another method", nothing, 404, unsigned, "404 page not found", ""},
	{vspapi.PathInfo, "another method", nothing, 404, unsigned, "404 page not found", ""},
	{"HEAD " + vspapi.PathInfo, "another method", nothing, 404, unsigned, "404 page not found", ""},
	{"OPTIONS " + vspapi.PathInfo, "another method", nothing, 404, unsigned, "404 page not found", ""},
	{payfee + "/", "a slash too many", pay, 307, unsigned, "", ""},
	{vspinfo + "/", "a slash too many", nothing, 301, unsigned, "*", ""},
}

var infoRows = []row{
	{vspinfo, "what the VSP is", nothing, 200, granted, `"vspclosed":false,"vspclosedmsg":""`, ""},
	{vspinfo, "closed", situation(nothing).then(closed), 200, granted, `"vspclosed":true,"vspclosedmsg":"Gone fishing."`, ""},
	{vspinfo, "not taking new tickets", situation(nothing).then(notSeen), 200, granted, `"vspclosed":true,"vspclosedmsg":"` + notSeenText + `"`, "never stops taking them"},
	{vspinfo, "no node since the start", situation(nothing).then(noNode), 500, 1, "", "an unsigned text"},
}

// What every endpoint but vspinfo answers, with a request of it that would be granted.
func anyRows(to string, good situation) []row {
	return []row{
		{to, "not JSON", body("nope"), 400, 0, "invalid character 'o' in literal null (expecting 'u')", ""},
		{to, "nothing", nothing, 400, 0, "unexpected end of JSON input", "EOF"},
		{to, "cut off", good.edited(func(b []byte) []byte { return b[:len(b)-2] }), 400, 0, "unexpected end of JSON input", "unexpected EOF"},
		{to, "bytes behind", good.edited(func(b []byte) []byte { return append(b, '{') }), 400, 0,
			"invalid character '{' after top-level value", "grants it, and breaks the ticket"},
		{to, "2 MB", body(strings.Repeat(" ", 2<<20)), 400, 0, "request body is larger than 1048576 bytes", "unexpected EOF"},
		{to, "keys in capitals, and unknown ones", good.but("x", []int{1}).edited(capitalKey), 200, granted, "", ""},
		{to, "hash is a number", good.but("tickethash", 7), 400, 0, "json: cannot unmarshal number into Go struct field .tickethash of type string", ""},
		{to, "no signature", good.signature(""), 400, 0, "no VSP-Client-Signature header", ""},
		{to, "signature is no base64", good.signature("!"), 400, 10, "", ""},
		{to, "signature is short", good.signature("AAAA"), 400, 10, "", ""},
		{to, "signature of somebody else", good.stranger(), 400, 10, "", ""},
		{to, "signature of another body", good.signature(signatureOfAnother), 400, 10, "", ""},
		{to, "no signature comes before no time", good.but("timestamp", nil).signature(""), 400, 0, "no VSP-Client-Signature header", ""},
		{to, "database is away", good.then(noStore), 500, 1, "", ""},
	}
}

// What the endpoints answer that are told a ticket by its hash alone.
func hashRows(to string, good situation) []row {
	return []row{
		{to, "no hash", good.but("tickethash", nil), 400, 0, required("", "TicketHash"), ""},
		{to, "null", body("null"), 400, 0, required("", "TicketHash"), ""},
		{to, "63 digits", good.but("tickethash", unseen[1:]), 400, 0, "invalid ticket hash", ""},
		{to, "hash not hex", good.but("tickethash", "x"+unseen[1:]), 400, 0, "invalid ticket hash", ""},
		{to, "bad hash comes before no signature", good.but("tickethash", "x").signature(""), 400, 0, "invalid ticket hash", ""},
		{to, "hash of nothing", good.but("tickethash", unseen), 400, 6, "", "500, code 1"},
		{to, "hash of nothing comes before no signature", good.but("tickethash", unseen).signature(""), 400, 6, "", "500, code 1"},
		{to, "hash of nothing, node is away", good.but("tickethash", unseen).then(noNode), 500, 1, "", ""},
		{to, "hash of no ticket", hashOf(good, func(r *rig) string { return r.chain.Coin(5).Hash.String() }), 400, 13, "", ""},
		{to, "ticket that is not here", hashOf(good, func(r *rig) string { return r.chain.Buy(r.holder(1)).Hash().String() }), 400, 6, "", ""},
		{to, "ticket that is not here, badly signed", hashOf(good, func(r *rig) string { return r.chain.Buy(r.holder(7)).Hash().String() }), 400, 10, "", ""},
		{to, "hash in capitals", good.upper("tickethash"), 400, 6, "", ""},
	}
}

// What the endpoints answer that are given the ticket itself.
func ticketRows(to, message string, good, unsent situation) []row {
	return []row{
		{to, "a ticket that the network has", good, 200, granted, "", ""},
		{to, "a ticket that the network does not have", unsent, 200, granted, "", ""},
		{to, "any parent, if the network has the ticket", good.but("parenthex", minimalTx), 200, granted, "", ""},
		{to, "bytes behind the ticket", good.edited(func(b []byte) []byte {
			return bytes.Replace(b, []byte(`","timestamp"`), []byte(`00ff","timestamp"`), 1)
		}), 200, granted, "", ""},
		{to, "nothing in it", body("{}"), 400, 0, required("", "TicketHex") + "\n" + required("", "TicketHash") + "\n" + required("", "ParentHex"), ""},
		{to, "no ticket", good.but("tickethex", nil), 400, 0, required("", "TicketHex"), ""},
		{to, "no hash", good.but("tickethash", nil), 400, 0, required("", "TicketHash"), ""},
		{to, "no parent", good.but("parenthex", ""), 400, 0, required("", "ParentHex"), ""},
		{to, "ticket not hex", good.but("tickethex", "xy"), 400, 0, "cannot decode ticket hex", ""},
		{to, "ticket is no transaction", good.but("tickethex", "00"), 400, 0, "cannot decode ticket hex", ""},
		{to, "no ticket but a payment", withTx(good, payment), 400, 13, "", ""},
		{to, "ticket of two holders", withTx(good, ticketOfTwo), 400, 13, "", ""},
		{to, "a payment comes before its wrong hash", withTx(good, payment).but("tickethash", unseen), 400, 13, "", ""},
		{to, "a payment comes before no signature", withTx(good, payment).signature(""), 400, 13, "", ""},
		{to, "hash of another", good.but("tickethash", unseen), 400, 0, "ticket hex does not match hash", ""},
		{to, "63 digits", good.but("tickethash", unseen[1:]), 400, 0, "ticket hex does not match hash", ""},
		{to, "hash in capitals", good.upper("tickethash"), 400, 0, "ticket hex does not match hash", ""},
		{to, "wrong hash comes before a bad parent", good.but("tickethash", unseen).but("parenthex", "00"), 400, 0, "ticket hex does not match hash", ""},
		{to, "parent is no transaction", good.but("parenthex", "00"), 400, 0, "cannot decode parent hex", ""},
		{to, "parent of another", unsent.but("parenthex", minimalTx), 400, 0, "invalid ticket parent", ""},
		{to, "parent of another, badly signed", unsent.but("parenthex", minimalTx).stranger(), 400, 10, "", "code 0: it publishes before it looks who has signed"},
		{to, "parent refused", unsent.then(nodeDoes("Publish", vsp.ErrRefused)), 500, 14, "", ""},
		{to, "node is away", good.then(noNode), 500, 1, "", ""},
		{to, "node is away when it is to publish", unsent.then(nodeDoes("Publish", errAway)), 500, 1, "", "code 14"},
		{to, "no time", good.but("timestamp", nil), 400, 0, required(message, "Timestamp"), ""},
		{to, "time 0", good.but("timestamp", 0), 400, 0, required(message, "Timestamp"), ""},
		{to, "time below 0", good.but("timestamp", -1), 200, granted, "", ""},
		{to, "time far ahead", good.but("timestamp", 1<<62), 200, granted, "", ""},
		{to, "ticket has voted", at(good, 17, votes), 400, 7, "", ""},
		{to, "ticket was missed", at(good, 17, isMissed), 400, 7, "", ""},
		{to, "ticket has expired", at(good, 16+384+1, lives), 400, 7, "", ""},
		{to, "ticket is older than any can be", at(good, 16+384+2, cannotAsk), 400, 7, "", ""},
		{to, "ticket is as old as can be", at(good, 16+384, lives), 200, granted, "", ""},
		{to, "closed", good.then(closed), 400, 2, "", ""},
		{to, "closed comes before not JSON", body("nope").then(closed), 400, 2, "", ""},
		{to, "closed comes before too much", body(strings.Repeat(" ", 2<<20)).then(closed), 400, 2, "", ""},
	}
}

var feeAddressRows = []row{
	{feeaddress, "new, while none are taken", offer.then(notSeen), 400, 2, notSeenText, "grants it"},
	{feeaddress, "badly signed comes before none are taken", offer.then(notSeen).stranger(), 400, 10, "", ""},
	{feeaddress, "again, while no new ones are taken", offerAgain.then(notSeen), 200, granted, `"expiration":1893557045`, ""},
	{feeaddress, "again", offerAgain, 200, granted, `"expiration":1893557045`, ""},
	{feeaddress, "again after the promise has run out", offerAgain.then(later(2 * time.Hour)), 200, granted, `"expiration":1893564245`, ""},
	{feeaddress, "again, node is away", offerAgain.then(noNode), 200, granted, `"expiration":1893557045`, "500, code 1"},
	{feeaddress, "time is text", offer.but("timestamp", "now"), 400, 0, "json: cannot unmarshal string into Go struct field FeeAddressRequest.timestamp of type int64", ""},
	{feeaddress, "fee was received", situation(offerPaid), 400, 3, "", ""},
	{feeaddress, "fee was received comes before node is away", situation(offerPaid).then(noNode), 400, 3, "", "500, code 1"},
	{feeaddress, "no time comes before fee was received", situation(offerPaid).but("timestamp", nil), 400, 0, required("FeeAddressRequest.", "Timestamp"), ""},
	{feeaddress, "signed by the alternate signer", offer.withSigner().bySigner(), 200, granted, "", ""},
}

var payFeeRows = []row{
	{payfee, "as it should be", pay, 200, granted, "", ""},
	{payfee, "enough, and then a little", payWith(0, withSmallChange), 200, granted, "", ""},
	{payfee, "bytes behind the fee", pay.edited(func(b []byte) []byte {
		return bytes.Replace(b, []byte(`","tickethash"`), []byte(`00ff","tickethash"`), 1)
	}), 200, granted, "", ""},
	{payfee, "time below 0", pay.but("timestamp", -1), 200, granted, "", ""},
	{payfee, "an agenda that is not is left out", pay.but("votechoices", fields{"x": "yes"}), 200, granted, "", ""},
	{payfee, "a ticket that is confirmed", payWith(6, unchanged), 200, granted, "", ""},
	{payfee, "late, at the same price", pay.then(later(48 * time.Hour)), 200, granted, "", "400, code 8"},
	{payfee, "late, at a lower price", pay.then(later(48 * time.Hour)).then(feeDown), 200, granted, "", "400, code 8"},
	{payfee, "late, at a higher price", pay.then(later(48 * time.Hour)).then(feeUp), 400, 8, "", ""},
	{payfee, "after a refusal by the network", refusedBefore(pay), 200, granted, "", ""},
	{payfee, "signed by the alternate signer", pay.withSigner().bySigner(), 200, granted, "", ""},
	{payfee, "while no new tickets are taken", pay.then(notSeen), 200, granted, "", ""},
	{payfee, "no time", pay.but("timestamp", 0), 400, 0, required("PayFeeRequest.", "Timestamp"), ""},
	{payfee, "no fee", pay.but("feetx", nil), 400, 0, required("PayFeeRequest.", "FeeTx"), ""},
	{payfee, "no key", pay.but("votingkey", ""), 400, 0, required("PayFeeRequest.", "VotingKey"), ""},
	{payfee, "no choices", pay.but("votechoices", nil), 400, 0, required("PayFeeRequest.", "VoteChoices"), ""},
	{payfee, "choices null", pay.but("votechoices", (map[string]string)(nil)), 400, 0, required("PayFeeRequest.", "VoteChoices"), ""},
	{payfee, "choices a list", pay.but("votechoices", []int{}), 400, 0, "json: cannot unmarshal array into Go struct field PayFeeRequest.votechoices of type map[string]string", ""},
	{payfee, "four tspends", pay.but("tspendpolicy", fourPolicies), 400, 0, tooMany("PayFeeRequest.", "TSpendPolicy"), ""},
	{payfee, "four treasury keys", pay.but("treasurypolicy", fourPolicies), 400, 0, tooMany("PayFeeRequest.", "TreasuryPolicy"), ""},
	{payfee, "paid before", payPaid, 400, 3, "", ""},
	{payfee, "paid before comes before a bad fee", payPaid.but("feetx", "x"), 400, 3, "", ""},
	{payfee, "paid before comes before node is away", payPaid.then(noNode), 400, 3, "", ""},
	{payfee, "no key comes before paid before", payPaid.but("votingkey", ""), 400, 0, required("PayFeeRequest.", "VotingKey"), ""},
	{payfee, "node is away", pay.then(noNode), 500, 1, "", ""},
	{payfee, "ticket has vanished", situation(payVanished), 400, 6, "", "500, code 1"},
	{payfee, "ticket has voted", situation(payVoted), 400, 7, "", ""},
	{payfee, "ticket has voted comes before late", situation(payVoted).then(later(48 * time.Hour)).then(feeUp), 400, 7, "", ""},
	{payfee, "late comes before a bad key", pay.then(later(48*time.Hour)).then(feeUp).but("votingkey", "x"), 400, 8, "", ""},
	{payfee, "key is none", pay.but("votingkey", "x"), 400, 11, "", ""},
	{payfee, "bad key comes before a bad fee", pay.but("votingkey", "x").but("feetx", "x"), 400, 11, "", ""},
	{payfee, "key of mainnet", pay.but("votingkey", votingKey(mainnetKey)), 400, 11, "", ""},
	{payfee, "key of another ticket", pay.but("votingkey", votingKey(simnetKey)), 400, 11, "voting address does not match provided private key", ""},
	{payfee, "too little comes before the key of another ticket", payWith(0, atomShort).but("votingkey", votingKey(simnetKey)), 400, 5, "", ""},
	{payfee, "key of another scheme", situation(paySchnorr), 400, 11, "", "takes it"},
	{payfee, "fee not hex", pay.but("feetx", "xy"), 400, 4, "", ""},
	{payfee, "fee is no transaction", pay.but("feetx", "00"), 400, 4, "", ""},
	{payfee, "fee without inputs", payWith(0, func(_ *rig, tx *wire.MsgTx) { tx.TxIn = nil }), 400, 4, "", ""},
	{payfee, "fee with an output below 0", payWith(0, func(_ *rig, tx *wire.MsgTx) { tx.AddTxOut(wire.NewTxOut(-1, nil)) }), 400, 4, "", ""},
	{payfee, "fee to another", payWith(0, func(_ *rig, tx *wire.MsgTx) { tx.TxOut[0].PkScript[5] ^= 1 }), 400, 4, "*", ""},
	{payfee, "fee in another script version", payWith(0, func(_ *rig, tx *wire.MsgTx) { tx.TxOut[0].Version = 1 }), 400, 4, "*", ""},
	{payfee, "fee of nothing", payWith(0, func(_ *rig, tx *wire.MsgTx) { tx.TxOut[0].Value = 0 }), 400, 4, "*", ""},
	{payfee, "fee an atom short", payWith(0, atomShort), 400, 5, "", ""},
	{payfee, "fee in two parts", payWith(0, inTwoParts), 400, 5, "", ""},
	{payfee, "network refuses the fee", payWith(6, unchanged).then(nodeDoes("Publish", vsp.ErrRefused)), 500, 15, "", ""},
	{payfee, "fee was spent before", payWith(6, spentBefore), 500, 15, "", "428, code 16, for which wallets try the same again"},
	{payfee, "fee from nowhere", payWith(6, fromNowhere), 428, 16, "", ""},
	{payfee, "node is away when it is to publish", payWith(6, unchanged).then(nodeDoes("Publish", errAway)), 200, granted, "", "500, code 15"},
	{payfee, "closed", pay.then(closed), 400, 2, "", ""},
	{payfee, "closed comes before not JSON", body("nope").then(closed), 400, 2, "", ""},
	{payfee, "closed comes before paid before", payPaid.then(closed), 400, 2, "", ""},
}

var ticketStatusRows = []row{
	{ticketstatus, "paid", status, 200, granted, `"ticketconfirmed":false,"feetxstatus":"received"`, ""},
	{ticketstatus, "not paid", statusUnpaid, 200, granted, `"feetxstatus":"none","feetxhash":"","altsignaddress":"","votechoices":{},`, "may answer null for {}"},
	{ticketstatus, "paid and confirmed", status.then(confirmed), 200, granted, `"ticketconfirmed":true,"feetxstatus":"received"`, ""},
	{ticketstatus, "900 kB", status.edited(func(b []byte) []byte { return append(bytes.Repeat([]byte(" "), 900_000), b...) }), 200, granted, "", ""},
	{ticketstatus, "has voted", situation(statusVoted), 200, granted, `"feetxstatus":"received"`, ""},
	{ticketstatus, "closed, node and wallets away", status.then(closed).then(noNode).then(noWallets), 200, granted, "", ""},
	{ticketstatus, "while no new tickets are taken", status.then(notSeen), 200, granted, "", ""},
	{ticketstatus, "signed by the alternate signer", status.withSigner().bySigner(), 200, granted, "", ""},
	{ticketstatus, "signed by the holder beside an alternate signer", status.withSigner(), 200, granted, "", ""},
	{ticketstatus, "signed by a stranger beside an alternate signer", status.withSigner().stranger(), 400, 10, "", ""},
	{ticketstatus, "signed by the alternate signer of another ticket", status.bySigner(), 400, 10, "", ""},
}

var setVoteChoicesRows = []row{
	{setvotechoices, "no choice", choose, 200, granted, "", ""},
	{setvotechoices, "an agenda", choose.but("votechoices", fields{"maxtreasuryspend": "no"}), 200, granted, "", ""},
	{setvotechoices, "policies", choose.but("tspendpolicy", fields{tspend: "no"}).but("treasurypolicy", fields{piKey: "yes"}), 200, granted, "", ""},
	{setvotechoices, "odd policies", choose.but("tspendpolicy", fields{tspend: "", unseen: "invalid"}), 200, granted, "", ""},
	{setvotechoices, "policies left out", choose.but("tspendpolicy", nil).but("treasurypolicy", nil), 200, granted, "", ""},
	{setvotechoices, "closed", choose.then(closed), 200, granted, "", ""},
	{setvotechoices, "while no new tickets are taken", choose.then(notSeen), 200, granted, "", ""},
	{setvotechoices, "no wallet is there", choose.then(noWallets), 200, granted, "", "500, code 1"},
	{setvotechoices, "node is away", choose.then(noNode), 200, granted, "", ""},
	{setvotechoices, "fee in error", situation(chooseRefused), 200, granted, "", ""},
	{setvotechoices, "a day ahead", choose.but("timestamp", now.Add(24*time.Hour).Unix()), 200, granted, "", ""},
	{setvotechoices, "more than a day ahead", choose.but("timestamp", now.Add(25*time.Hour).Unix()), 400, 17, "timestamp is too far in the future", "grants it, as the last request for ever"},
	{setvotechoices, "signed by the alternate signer", choose.withSigner().bySigner(), 200, granted, "", ""},
	{setvotechoices, "no fee", chooseUnpaid, 400, 12, "", ""},
	{setvotechoices, "no fee comes before no time", chooseUnpaid.but("timestamp", nil), 400, 12, "", ""},
	{setvotechoices, "has voted", chooseVoted, 400, 7, "ticket not eligible to vote (status=voted)", ""},
	{setvotechoices, "has voted comes before no time", chooseVoted.but("timestamp", nil), 400, 7, "ticket not eligible to vote (status=voted)", ""},
	{setvotechoices, "no time", choose.but("timestamp", nil), 400, 0, required("SetVoteChoicesRequest.", "Timestamp"), ""},
	{setvotechoices, "no choices", choose.but("votechoices", nil), 400, 0, required("SetVoteChoicesRequest.", "VoteChoices"), ""},
	{setvotechoices, "four tspends", choose.but("tspendpolicy", fourPolicies), 400, 0, tooMany("SetVoteChoicesRequest.", "TSpendPolicy"), ""},
	{setvotechoices, "four treasury keys", choose.but("treasurypolicy", fourPolicies), 400, 0, tooMany("SetVoteChoicesRequest.", "TreasuryPolicy"), ""},
	{setvotechoices, "time of the payment", choose.but("timestamp", now.Unix()), 400, 17, "", ""},
	{setvotechoices, "time before it", choose.but("timestamp", -5), 400, 17, "", ""},
	{setvotechoices, "old time comes before bad choices", choose.but("timestamp", 1).but("votechoices", fields{"x": "y"}), 400, 17, "", ""},
	{setvotechoices, "four tspends come before an old time", choose.but("timestamp", 1).but("tspendpolicy", fourPolicies), 400, 0, tooMany("SetVoteChoicesRequest.", "TSpendPolicy"), ""},
	{setvotechoices, "an agenda that is not", choose.but("votechoices", fields{"x": "yes"}), 400, 9, `agenda "x" not found for vote version 12`, ""},
	{setvotechoices, "a choice that is not", choose.but("votechoices", fields{"maxtreasuryspend": "x"}), 400, 9, `choice "x" not found for agenda "maxtreasuryspend"`, ""},
	{setvotechoices, "treasury key not hex", choose.but("treasurypolicy", fields{"xy": "yes"}), 400, 9, `error decoding treasury key "xy": encoding/hex: invalid byte: U+0078 'x'`, ""},
	{setvotechoices, "treasury key short", choose.but("treasurypolicy", fields{"02": "yes"}), 400, 9, `treasury key "02" is not 33 bytes`, ""},
	{setvotechoices, "treasury policy", choose.but("treasurypolicy", fields{piKey: "maybe"}), 400, 9, `"maybe" is not a valid policy option`, ""},
	{setvotechoices, "tspend short", choose.but("tspendpolicy", fields{"02": "yes"}), 400, 9, "wrong tspend hash length, expected 64 got 2", ""},
	{setvotechoices, "tspend not hex", choose.but("tspendpolicy", fields{"x" + unseen[1:]: "yes"}), 400, 9,
		fmt.Sprintf("error decoding tspend hash %q: encoding/hex: invalid byte: U+0078 'x'", "x"+unseen[1:]), ""},
	{setvotechoices, "tspend policy", choose.but("tspendpolicy", fields{unseen: "YES"}), 400, 9, `"YES" is not a valid policy option`, ""},
	{setvotechoices, "agendas come before treasury keys", choose.but("treasurypolicy", fields{"02": "yes"}).but("votechoices", fields{"x": "yes"}), 400, 9, `agenda "x" not found for vote version 12`, ""},
	{setvotechoices, "treasury keys come before tspends", choose.but("treasurypolicy", fields{"02": "yes"}).but("tspendpolicy", fields{"02": "yes"}), 400, 9, `treasury key "02" is not 33 bytes`, ""},
	{setvotechoices, "too many in all", situation(chooseFull).but("tspendpolicy", fields{unseen: "no", tspend: "no"}), 400, 9, "more than 128 tspend policies", "keeps any number"},
}

var setAltSignAddrRows = []row{
	{setaltsignaddr, "for a ticket that is registered", signerOfPaid, 200, granted, "", ""},
	{setaltsignaddr, "for a ticket that is registered, while no new ones are taken", signerOfPaid.then(notSeen), 200, granted, "", ""},
	{setaltsignaddr, "for one that is not, while none are taken", signer.then(notSeen), 400, 2, notSeenText, "grants it"},
	{setaltsignaddr, "the holder's own address", situation(signerOwn), 200, granted, "", ""},
	{setaltsignaddr, "no address", signer.but("altsignaddress", ""), 400, 0, required("SetAltSignAddrRequest.", "AltSignAddress"), ""},
	{setaltsignaddr, "there is one", signer.withSigner(), 400, 0, "alternate sign address data already exists", ""},
	{setaltsignaddr, "there is one, and it has signed", signer.withSigner().bySigner(), 400, 0, "alternate sign address data already exists", ""},
	{setaltsignaddr, "there is one comes before a bad address", signer.withSigner().but("altsignaddress", "x"), 400, 0, "alternate sign address data already exists", ""},
	{setaltsignaddr, "not an address", signer.but("altsignaddress", "x"), 400, 0, `failed to decode address "x": invalid format: version and/or checksum bytes missing`, ""},
	{setaltsignaddr, "address of mainnet", signer.but("altsignaddress", mainnetAddress), 400, 0, `address "` + mainnetAddress + `" is not a supported type`, ""},
	{setaltsignaddr, "address of a script", signer.but("altsignaddress", scriptAddress), 400, 0, "wrong type for alternate signing address", ""},
	{setaltsignaddr, "bad address comes before has voted", at(signer, 17, votes).but("altsignaddress", "x"), 400, 0, `failed to decode address "x": invalid format: version and/or checksum bytes missing`, ""},
}

// contract is all of it.
func contract() []row {
	return slices.Concat(transportRows, infoRows,
		anyRows(feeaddress, offer), ticketRows(feeaddress, "FeeAddressRequest.", offer, offerUnsent), feeAddressRows,
		anyRows(payfee, pay), hashRows(payfee, pay), payFeeRows,
		anyRows(ticketstatus, status), hashRows(ticketstatus, status), ticketStatusRows,
		anyRows(setvotechoices, choose), hashRows(setvotechoices, choose), setVoteChoicesRows,
		anyRows(setaltsignaddr, signer), ticketRows(setaltsignaddr, "SetAltSignAddrRequest.", signer, signerUnsent), setAltSignAddrRows)
}

// shapes is what is in the answer of each endpoint, in this order.
var shapes = map[string][]string{
	vspinfo: {"apiversions", "timestamp", "pubkey", "feepercentage", "vspclosed", "vspclosedmsg", "network", "vspdversion", "voting",
		"voted", "totalvotingwallets", "votingwalletsonline", "expired", "missed", "blockheight", "estimatednetworkproportion", "health"},
	feeaddress: {"timestamp", "feeaddress", "feeamount", "expiration", "request"},
	payfee:     {"timestamp", "request"},
	ticketstatus: {"timestamp", "ticketconfirmed", "feetxstatus", "feetxhash", "altsignaddress", "votechoices", "tspendpolicy",
		"treasurypolicy", "request"},
	setvotechoices: {"timestamp", "request"},
	setaltsignaddr: {"timestamp", "request"},
}

// The same requests are answered the same on every store.
func TestContract(t *testing.T) {
	for _, kind := range storeKinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			store := kind.open(t)
			for i, row := range contract() {
				t.Run(strings.TrimPrefix(row.to, "/api/v3/")+": "+row.asked, func(t *testing.T) {
					r := newRig(t, func(r *rig) { r.store, r.first = store, 1000*uint32(i) })
					row.check(r)
				})
			}
		})
	}
}

func (row row) check(r *rig) {
	asked := row.send(r).signed()
	method, path, explicit := strings.Cut(row.to, " ")
	if !explicit {
		method, path = http.MethodPost, row.to
	}
	r.watched.stored.Store(0)
	answer := r.do(method, path, asked.body, asked.header...)
	require.Equal(r, row.status, answer.StatusCode)
	switch row.code {
	case unsigned:
		require.Empty(r, answer.Header.Get(vspapi.ServerSignature))
		if row.text != "*" {
			require.Equal(r, row.text, text(r, answer))
		}
	case granted:
		content := r.content(answer)
		require.Equal(r, shapes[row.to], keys(r, content))
		require.Contains(r, string(content), row.text)
		var common struct {
			Timestamp int64
			Request   []byte
		}
		require.NoError(r, json.Unmarshal(content, &common))
		require.Equal(r, r.now.Unix(), common.Timestamp)
		require.Equal(r, string(asked.body), string(common.Request))
	default:
		row.checkRefusal(r, answer)
	}
	require.NotContains(r, r.log.String(), r.holder(1).VotingKey())
}

func (row row) checkRefusal(r *rig, answer *http.Response) {
	got := r.refusal(answer)
	require.Equal(r, row.code, got.Code, got.Message)
	switch row.text {
	case "":
		require.Equal(r, row.code.Message(), got.Message)
	case "*":
		require.NotEmpty(r, got.Message)
	default:
		require.Equal(r, row.text, got.Message)
	}
	// A fee that the network refuses was taken before: it is in error then.
	if row.code != vspapi.CannotBroadcastFee && row.code != vspapi.CannotBroadcastFeeUnknownOutputs {
		require.Zero(r, r.watched.stored.Load(), "what is refused changes nothing")
	}
}

// keys returns the keys of an object in their order.
func keys(r *rig, object []byte) (keys []string) {
	d := json.NewDecoder(bytes.NewReader(object))
	_, err := d.Token()
	require.NoError(r, err)
	for d.More() {
		key, err := d.Token()
		require.NoError(r, err)
		keys = append(keys, key.(string))
		var value json.RawMessage
		require.NoError(r, d.Decode(&value))
	}
	return keys
}

// The contract is as long as it should be, has every endpoint and every code, and nothing twice.
func TestContractCovers(t *testing.T) {
	rows := contract()
	require.GreaterOrEqual(t, len(rows), 80)
	codes, granting, names := map[vspapi.Code]int{}, map[string]int{}, map[string]bool{}
	for _, row := range rows {
		name := row.to + ": " + row.asked
		require.False(t, names[name], "%s is there twice", name)
		names[name] = true
		codes[row.code]++
		if row.code == granted {
			granting[row.to]++
		}
	}
	for code := vspapi.BadRequest; code <= vspapi.InvalidTimestamp; code++ {
		require.NotZero(t, codes[code], "code %d, %s", code, code.Message())
	}
	for endpoint := range shapes {
		require.NotZero(t, granting[endpoint], "%s is never granted", endpoint)
	}
	t.Logf("%d requests, %d of them granted", len(rows), codes[granted])
}
