package vspd

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/hdkeychain/v3"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/vspapi"
)

// genuine returns the path of a database that vspd itself wrote: 1.5.0-pre, commit 21c5e78, on a private simnet, whose keys
// are nobody's. A dcrwallet had bought 28 tickets through it, of which 22 were paid for and confirmed by its last block, 257;
// vspinfo said then that 7 were voting, 14 had voted and one was missed, while all wallets were locked. Of the other six three
// were paid for and not confirmed, two were registered only, and one was paid with inputs that nobody knows. The extended
// public key was retired after six tickets. One request for choices had bytes behind its message, one the last timestamp there
// is, and one ticket an alternate signing address.
func genuine(t testing.TB) string {
	packed, err := os.Open(filepath.Join("testdata", "vspd-1.5.db.gz"))
	require.NoError(t, err)
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	require.NoError(t, err)
	data, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "vspd.db")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

func openGenuine(t testing.TB) *Database {
	d, err := Open(genuine(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

func TestGenuine(t *testing.T) {
	d := openGenuine(t)
	require.EqualValues(t, 5, d.Version)
	require.Equal(t, "simnet", d.Network.Name)
	require.Equal(t, "Wrn7KWJzyZfHZwrtiQAhoj1hu4T7jKgMar1y2pYBMCA=", base64.StdEncoding.EncodeToString(d.Key[32:]), "as vspinfo told it")
	require.Len(t, d.XPubs, 2)
	require.EqualValues(t, 6, d.XPubs[0].Last)
	require.False(t, d.XPubs[0].Retired.IsZero())
	require.EqualValues(t, 22, d.XPubs[1].Last)
	require.True(t, d.XPubs[1].Retired.IsZero())

	c := look(t, d)
	require.Equal(t, vsp.Counts{Voting: 7, Voted: 14, Missed: 1}, c.Counts)
	require.Equal(t, 6, c.Unpaid)
	require.Equal(t, Tally{Read: 28}, c.Tickets)
	require.Equal(t, Tally{Read: 31}, c.Requests)
	require.Equal(t, Tally{Read: 1}, c.AltSigners)
	require.Len(t, c.Notes, 1)
	require.Contains(t, c.Notes[0].What, "bytes behind its message")
}

// TestGenuineTickets checks what can be checked without trusting the reader: every address derives from its key, every key
// is one, every request was signed by who had to, and vspd's answers and their signatures can be made again.
func TestGenuineTickets(t *testing.T) {
	d := openGenuine(t)
	params := chaincfg.SimNetParams()
	decode := d.decoder()
	statuses := make(map[vsp.FeeStatus]int)
	requests, paid := 0, 0
	for _, name := range names(d.tickets) {
		r, err := d.read(name, decode)
		require.NoError(t, err)
		ticket := r.Ticket
		statuses[ticket.Fee.Status]++
		require.Equal(t, derived(t, ticket.Fee.XPub, ticket.Fee.Index), ticket.Fee.Address)
		require.Equal(t, ticket.Confirmed, ticket.PurchaseHeight > 0)
		if ticket.Fee.Status != vsp.FeeNone {
			_, err := dcrutil.DecodeWIF(string(ticket.VotingKey), params.PrivateKeyID)
			require.NoError(t, err)
		}
		if ticket.Fee.Status == vsp.FeeConfirmed {
			paid++
			require.GreaterOrEqual(t, ticket.Fee.Paid, ticket.Fee.Amount)
			require.WithinDuration(t, ticket.Fee.Expires, ticket.Fee.Received, feeValid)
		}
		for i, stored := range d.storedChanges(name) {
			change := r.Changes[i]
			require.NoError(t, vspapi.VerifyRequest(ticket.Commitment, change.Request, change.Signature, params))
			answer, err := json.Marshal(vspapi.PayFeeResponse{Timestamp: change.Answered, Request: change.Request})
			require.NoError(t, err)
			var said struct{ Rsp, Rsps string }
			require.NoError(t, json.Unmarshal(stored.value, &said))
			require.Equal(t, said.Rsp, string(answer))
			require.Equal(t, said.Rsps, vspapi.Sign(d.Key, answer))
			requests++
		}
	}
	require.Equal(t, map[vsp.FeeStatus]int{vsp.FeeConfirmed: 22, vsp.FeeReceived: 3, vsp.FeeNone: 2, vsp.FeeError: 1}, statuses)
	require.Equal(t, 31, requests)
	require.Equal(t, 22, paid)

	signers := names(d.signers)
	require.Len(t, signers, 1)
	signer, _, err := d.readSigner(signers[0], decode)
	require.NoError(t, err)
	ticket, err := d.read(signers[0], decode)
	require.NoError(t, err)
	require.NoError(t, vspapi.VerifyRequest(ticket.Ticket.Commitment, signer.Change.Request, signer.Change.Signature, params))
	require.Contains(t, string(signer.Change.Request), signer.Address)
}

// feeValid is how long vspd promises a fee.
const feeValid = time.Hour

// derived returns the address at an index of an extended public key's external branch.
func derived(t *testing.T, xpub string, index uint32) string {
	params := chaincfg.SimNetParams()
	key, err := hdkeychain.NewKeyFromString(xpub, params)
	require.NoError(t, err)
	for _, child := range []uint32{0, index} {
		key, err = key.Child(child)
		require.NoError(t, err)
	}
	address, err := stdaddr.NewAddressPubKeyHashEcdsaSecp256k1V0(dcrutil.Hash160(key.SerializedPubKey()), params)
	require.NoError(t, err)
	return address.String()
}

// TestGenuineOnSQLite imports it twice, and compares with what vspinfo told.
func TestGenuineOnSQLite(t *testing.T) {
	d := openGenuine(t)
	c := look(t, d)
	s := openSQLite(t, filepath.Join(t.TempDir(), "vsp.db"))
	chain := &blocks{height: 264}
	for round := range 2 {
		report, err := d.Import(t.Context(), c, s, chain, still)
		require.NoError(t, err)
		want := Report{Tickets: Tally{Read: 28, Taken: 28}, Requests: Tally{Read: 31, Taken: 31}, AltSigners: Tally{Read: 1, Taken: 1},
			Notes: c.Notes, ScanFrom: 227, ToScan: 37}
		if round == 1 {
			want.Tickets, want.Requests, want.AltSigners = Tally{Read: 28, There: 28}, Tally{Read: 31, There: 31}, Tally{Read: 1, There: 1}
		}
		require.Equal(t, want, report)
		counts, err := s.Counts(t.Context())
		require.NoError(t, err)
		require.Equal(t, vsp.Counts{Voting: 7, Voted: 14, Missed: 1}, counts)
		decode := d.decoder()
		for _, name := range names(d.tickets) {
			r, err := d.read(name, decode)
			require.NoError(t, err)
			got, err := s.Ticket(t.Context(), r.Ticket.Hash)
			require.NoError(t, err)
			require.Equal(t, r.Ticket, got)
			changes, err := s.Changes(t.Context(), r.Ticket.Hash)
			require.NoError(t, err)
			require.Equal(t, r.Changes, changes)
		}
		for _, x := range d.XPubs {
			next, err := s.NextFeeIndex(t.Context(), x.Key)
			require.NoError(t, err)
			require.Equal(t, x.Last+uint32(1+round), next)
		}
	}
}

func openSQLite(t testing.TB, path string) *sqlstore.Store {
	sealer, err := sqlstore.NewSealer(bytes.Repeat([]byte{1}, 32))
	require.NoError(t, err)
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: path}, sealer)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// FuzzDamage flips bytes anywhere in a database that vspd wrote. It is read or refused, and nothing crashes.
func FuzzDamage(f *testing.F) {
	whole, err := os.ReadFile(genuine(f))
	require.NoError(f, err)
	f.Add(uint32(0), []byte{1})
	f.Add(uint32(4096), []byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, at uint32, with []byte) {
		damaged := bytes.Clone(whole)
		for i, b := range with {
			damaged[(int(at)+i)%len(damaged)] ^= b
		}
		path := filepath.Join(t.TempDir(), "vspd.db")
		require.NoError(t, os.WriteFile(path, damaged, 0o600))
		read(t, path)
	})
}
