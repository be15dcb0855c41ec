package vspd

import (
	"encoding/hex"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
)

// testDecoder decodes what newFile holds.
var testDecoder = sync.OnceValue(func() *decoder {
	profile, err := networkOf(xpub(1))
	if err != nil {
		panic(err)
	}
	return &decoder{version: 5, network: profile, xpubs: map[uint32]string{0: xpub(0), 1: xpub(1)}}
})

func decode(fields bucketOf) (vsp.Ticket, []doubt, error) {
	return testDecoder().ticket(string(fields["Hash"]), fields.get)
}

// TestTicketInEveryState compares whole tickets.
func TestTicketInEveryState(t *testing.T) {
	registered := vsp.Ticket{Hash: ticketHash(3), Commitment: address(1003), Fee: vsp.Fee{XPub: xpub(1), Index: 3, Address: address(3),
		Amount: feeAmount, Expires: time.Unix(1_800_000_000, 0).UTC(), Status: vsp.FeeNone}}
	paid := registered
	paid.Confirmed, paid.PurchaseHeight, paid.VotingKey = true, 103, vsp.Secret(votingWIF(3))
	paid.Fee.TxHash, paid.Fee.Paid = feeTx(3).TxHash(), feeAmount+3
	raw, err := feeTx(3).Bytes()
	require.NoError(t, err)
	paid.Fee.Tx = raw
	with := func(t vsp.Ticket, edit func(*vsp.Ticket)) vsp.Ticket { edit(&t); return t }
	mined := func(outcome vsp.Outcome) vsp.Ticket {
		return with(paid, func(t *vsp.Ticket) { t.Fee.Status, t.Fee.Tx, t.Fee.Paid, t.Outcome = vsp.FeeConfirmed, nil, 0, outcome })
	}
	status := func(s vsp.FeeStatus) vsp.Ticket { return with(paid, func(t *vsp.Ticket) { t.Fee.Status = s }) }
	tests := []struct {
		name   string
		fields bucketOf
		want   vsp.Ticket
	}{
		{"registered", ticketFields(3, nil), registered},
		{"registered and confirmed", ticketFields(3, bucketOf{"Confirmed": {1}, "PurchaseHeight": i64(9)}),
			with(registered, func(t *vsp.Ticket) { t.Confirmed, t.PurchaseHeight = true, 9 })},
		{"paid before it is confirmed", paidFields(3, "received", "", bucketOf{"Confirmed": {0}, "PurchaseHeight": i64(0)}),
			with(status(vsp.FeeReceived), func(t *vsp.Ticket) { t.Confirmed, t.PurchaseHeight = false, 0 })},
		{"fee received", paidFields(3, "received", "", nil), status(vsp.FeeReceived)},
		{"fee sent", paidFields(3, "broadcast", "", nil), status(vsp.FeeBroadcast)},
		{"fee failed", paidFields(3, "error", "", nil), status(vsp.FeeError)},
		{"votable", paidFields(3, "confirmed", "", nil), mined(vsp.NoOutcome)},
		{"voted", paidFields(3, "confirmed", "voted", nil), mined(vsp.Voted)},
		{"missed", paidFields(3, "confirmed", "missed", nil), mined(vsp.Missed)},
		{"expired", paidFields(3, "confirmed", "expired", nil), mined(vsp.Expired)},
		{"a transaction is left of version 1", paidFields(3, "confirmed", "voted", bucketOf{"FeeTxHex": []byte(txHex(feeTx(3)))}), mined(vsp.Voted)},
		{"bytes behind the transaction", paidFields(3, "received", "", bucketOf{"FeeTxHex": []byte(txHex(feeTx(3)) + "c0ffee")}), status(vsp.FeeReceived)},
		{"of an old key", ticketFields(3, bucketOf{"FeeAddressXPubID": u32(0)}), with(registered, func(t *vsp.Ticket) { t.Fee.XPub = xpub(0) })},
		{"choices", paidFields(3, "confirmed", "", bucketOf{"VoteChoices": []byte(`{"maxtreasuryspend":"yes"}`),
			"TSpendPolicy":   []byte(`{"` + strings.Repeat("AB", 32) + `":"no","` + strings.Repeat("cd", 32) + `":""}`),
			"TreasuryPolicy": []byte(`{"02` + strings.Repeat("Ef", 32) + `":"invalid"}`)}),
			with(mined(vsp.NoOutcome), func(t *vsp.Ticket) {
				t.Choices = vsp.Choices{Agendas: map[string]string{"maxtreasuryspend": "yes"},
					TSpends:  map[string]string{strings.Repeat("ab", 32): "no", strings.Repeat("cd", 32): ""},
					Treasury: map[string]string{"02" + strings.Repeat("ef", 32): "invalid"}}
			})},
		{"an old choice of a vote that is over", paidFields(3, "confirmed", "voted", bucketOf{"VoteChoices": []byte(`{"lnsupport":"yes"}`)}),
			with(mined(vsp.Voted), func(t *vsp.Ticket) { t.Choices.Agendas = map[string]string{"lnsupport": "yes"} })},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, doubts, err := decode(test.fields)
			require.NoError(t, err)
			require.Empty(t, doubts)
			require.Equal(t, test.want, got)
		})
	}
}

// TestOldTicket is one of version 4 as vspd 1.1 wrote it.
func TestOldTicket(t *testing.T) {
	fields := paidFields(3, "confirmed", "voted", nil)
	for _, key := range []string{"FeeAddressXPubID", "TSpendPolicy", "TreasuryPolicy"} {
		delete(fields, key)
	}
	old := decoder{version: 4, network: testDecoder().network, xpubs: map[uint32]string{0: xpub(1)}}
	got, doubts, err := old.ticket(string(fields["Hash"]), fields.get)
	require.NoError(t, err)
	require.Empty(t, doubts)
	want, _, err := decode(paidFields(3, "confirmed", "voted", nil))
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// TestDoubts has what is taken otherwise than it is written.
func TestDoubts(t *testing.T) {
	tests := []struct {
		name   string
		fields bucketOf
		doubt  string
		check  func(t *testing.T, got vsp.Ticket)
	}{
		{"revoked", paidFields(3, "confirmed", "revoked", nil), "was revoked", func(t *testing.T, got vsp.Ticket) {
			require.Equal(t, vsp.NoOutcome, got.Outcome)
		}},
		{"no purchase height", paidFields(3, "confirmed", "", bucketOf{"PurchaseHeight": i64(0)}), "no purchase height", func(t *testing.T, got vsp.Ticket) {
			require.False(t, got.Confirmed)
		}},
		{"unknown key", ticketFields(3, bucketOf{"FeeAddressXPubID": u32(7)}), "names an extended public key", func(t *testing.T, got vsp.Ticket) {
			require.Empty(t, got.Fee.XPub)
		}},
		{"fee sent, but lost", paidFields(3, "broadcast", "", bucketOf{"FeeTxHex": {}}), "counts as failed", func(t *testing.T, got vsp.Ticket) {
			require.Equal(t, vsp.FeeError, got.Fee.Status)
			require.Equal(t, feeTx(3).TxHash(), got.Fee.TxHash, "it may be found in a block yet")
			require.Nil(t, got.Fee.Tx)
		}},
		{"another fee", paidFields(3, "received", "", bucketOf{"FeeTxHex": []byte(txHex(feeTx(4)))}), "counts as failed", func(t *testing.T, got vsp.Ticket) {
			require.Equal(t, vsp.FeeError, got.Fee.Status)
			require.Nil(t, got.Fee.Tx)
		}},
		{"failed fee without transaction", paidFields(3, "error", "", bucketOf{"FeeTxHex": []byte("zz")}), "cannot be read", func(t *testing.T, got vsp.Ticket) {
			require.Nil(t, got.Fee.Tx)
		}},
		{"choice on an old agenda", paidFields(3, "confirmed", "", bucketOf{"VoteChoices": []byte(`{"lnsupport":"yes","maxtreasuryspend":"no"}`)}),
			"cannot be voted any more", func(t *testing.T, got vsp.Ticket) {
				require.Equal(t, map[string]string{"maxtreasuryspend": "no"}, got.Choices.Agendas)
			}},
		{"unknown choice", paidFields(3, "confirmed", "", bucketOf{"VoteChoices": []byte(`{"maxtreasuryspend":"maybe"}`)}),
			"cannot be voted any more", func(t *testing.T, got vsp.Ticket) { require.Nil(t, got.Choices.Agendas) }},
		{"two spellings", paidFields(3, "confirmed", "", bucketOf{"TSpendPolicy": []byte(`{"` + strings.Repeat("AB", 32) + `":"no","` +
			strings.Repeat("ab", 32) + `":"yes"}`)}), "two policies for one key", func(t *testing.T, got vsp.Ticket) {
			require.Equal(t, map[string]string{strings.Repeat("ab", 32): "yes"}, got.Choices.TSpends)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, doubts, err := decode(test.fields)
			require.NoError(t, err)
			require.Len(t, doubts, 1)
			require.Contains(t, doubts[0].what, test.doubt)
			test.check(t, got)
		})
	}
}

// TestRefusedTickets breaks one field after the other. The secret is never told.
func TestRefusedTickets(t *testing.T) {
	mainnetWIF := "PmQdMn8xafwaQouk8ngs1CccRCB1ZmsqQxBaxNR4vhQi5a5QB5716"
	tests := []struct {
		edit bucketOf
		want string
	}{
		{bucketOf{"Hash": []byte(ticketHash(4).String())}, "another hash than its name"},
		{bucketOf{"CommitmentAddress": nil}, "commitment address"},
		{bucketOf{"CommitmentAddress": []byte("Dsxxx")}, "commitment address"},
		{bucketOf{"FeeAddress": []byte("Dsxxx")}, "fee address"},
		{bucketOf{"PurchaseHeight": {1, 2, 3}}, "PurchaseHeight has 3 bytes"},
		{bucketOf{"FeeAddressXPubID": nil}, "FeeAddressXPubID has 0 bytes"},
		{bucketOf{"FeeAddressIndex": i64(1)}, "FeeAddressIndex has 8 bytes"},
		{bucketOf{"FeeAmount": nil}, "FeeAmount has 0 bytes"},
		{bucketOf{"FeeAmount": i64(-1)}, "its fee is negative"},
		{bucketOf{"FeeExpiration": nil}, "FeeExpiration has 0 bytes"},
		{bucketOf{"Confirmed": nil}, "Confirmed has no byte"},
		{bucketOf{"VotingWIF": []byte("hunter2")}, "voting key cannot be read"},
		{bucketOf{"VotingWIF": []byte(mainnetWIF)}, "voting key cannot be read"},
		{bucketOf{"VoteChoices": []byte("{")}, "VoteChoices"},
		{bucketOf{"TSpendPolicy": []byte(`{"a":1}`)}, "TSpendPolicy"},
		{bucketOf{"TreasuryPolicy": []byte(`[]`)}, "TreasuryPolicy"},
		{bucketOf{"FeeTxHash": nil}, "FeeTxHash"},
		{bucketOf{"FeeTxHash": []byte("12")}, "FeeTxHash"},
		{bucketOf{"FeeTxStatus": []byte("paid")}, "fee status"},
		{bucketOf{"FeeTxStatus": nil}, "fee status"},
		{bucketOf{"Outcome": []byte("lost")}, "outcome"},
	}
	for _, test := range tests {
		fields := paidFields(3, "received", "", nil)
		name := string(fields["Hash"])
		maps.Copy(fields, test.edit)
		_, _, err := testDecoder().ticket(name, fields.get)
		require.ErrorContains(t, err, test.want)
		require.NotContains(t, err.Error(), "hunter2")
		require.NotContains(t, err.Error(), mainnetWIF)
	}
	for _, name := range []string{"", "ab", strings.ToUpper(ticketHash(3).String()), strings.Repeat("x", 64)} {
		fields := ticketFields(3, bucketOf{"Hash": []byte(name)})
		_, _, err := testDecoder().ticket(name, fields.get)
		require.ErrorContains(t, err, "its name is no hash")
	}
}

// FuzzTicket decodes any fields. What is taken is what the service may hold, and decodes to the same again.
func FuzzTicket(f *testing.F) {
	add := func(b bucketOf) {
		f.Add(b["PurchaseHeight"], b["FeeAddressXPubID"], b["FeeAmount"], b["Confirmed"], string(b["VotingWIF"]), b["VoteChoices"], b["TSpendPolicy"],
			string(b["FeeTxHex"]), string(b["FeeTxHash"]), string(b["FeeTxStatus"]), string(b["Outcome"]))
	}
	for _, status := range []string{"received", "broadcast", "confirmed", "error"} {
		add(paidFields(3, status, "voted", nil))
	}
	add(ticketFields(3, bucketOf{"VoteChoices": []byte(`{"maxtreasuryspend":"yes"}`), "TSpendPolicy": []byte(`{"AB":"no","ab":""}`)}))
	f.Fuzz(func(t *testing.T, height, id, amount, confirmed []byte, wif string, choices, policy []byte, tx, txHash, status, outcome string) {
		fields := ticketFields(3, bucketOf{"PurchaseHeight": height, "FeeAddressXPubID": id, "FeeAmount": amount, "Confirmed": confirmed,
			"VotingWIF": []byte(wif), "VoteChoices": choices, "TSpendPolicy": policy, "FeeTxHex": []byte(tx), "FeeTxHash": []byte(txHash),
			"FeeTxStatus": []byte(status), "Outcome": []byte(outcome)})
		got, _, err := decode(fields)
		if err != nil {
			if len(wif) > 8 {
				require.NotContains(t, err.Error(), wif)
			}
			return
		}
		require.Equal(t, ticketHash(3), got.Hash)
		require.Equal(t, got.Confirmed, got.PurchaseHeight > 0)
		require.Equal(t, got.Fee.Status == vsp.FeeNone, got.Fee.TxHash == chainhash.Hash{})
		require.Equal(t, got.Fee.Status == vsp.FeeReceived || got.Fee.Status == vsp.FeeBroadcast || (got.Fee.Status == vsp.FeeError && got.Fee.Tx != nil), got.Fee.Tx != nil)
		for key := range got.Choices.TSpends {
			require.Equal(t, strings.ToLower(key), key)
		}
		fields["FeeTxHex"] = []byte(hex.EncodeToString(got.Fee.Tx))
		again, _, err := decode(fields)
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}
