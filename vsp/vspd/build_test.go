package vspd

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"sync"
	"testing"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/dcrec"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/hdkeychain/v3"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"scrutineer/vsp/vspapi"
)

// bucketOf is the values of a bucket of vspd's.
type bucketOf map[string][]byte

func (b bucketOf) get(key string) []byte { return b[key] }

// file is a database of vspd's as a test wants it.
type file struct {
	version uint32
	root    bucketOf
	xpubs   bucketOf // nil: no bucket
	tickets map[string]bucketOf
	changes map[string]bucketOf
	signers map[string]bucketOf // nil: no bucket
}

// newFile returns a database without tickets, with two extended public keys.
func newFile() *file {
	f := &file{
		version: 5,
		root:    bucketOf{privateKeyKey: bytes.Repeat([]byte{7}, ed25519.SeedSize), "cookieSecret": []byte("secret")},
		xpubs:   make(bucketOf), tickets: make(map[string]bucketOf), changes: make(map[string]bucketOf), signers: make(map[string]bucketOf),
	}
	f.xpub(0, xpub(0), 40, 1700000000)
	f.xpub(1, xpub(1), 7, 0)
	return f
}

func (f *file) xpub(id uint32, key string, last uint32, retired int64) {
	f.xpubs[string(u32(id))] = fmt.Appendf(nil, `{"id":%d,"key":%q,"lastusedidx":%d,"retired":%d}`, id, key, last, retired)
}

// add adds a ticket and the requests of its holder, and returns its name.
func (f *file) add(fields bucketOf, requests ...string) string {
	name := string(fields["Hash"])
	f.tickets[name] = fields
	if len(requests) > 0 {
		f.changes[name] = make(bucketOf)
	}
	for i, r := range requests {
		f.changes[name][string(u32(uint32(i)))] = changeRecord(r, int64(1_800_000_000+i))
	}
	return name
}

// write writes the database and returns its path.
func (f *file) write(t testing.TB) string {
	path := filepath.Join(t.TempDir(), "vspd.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true})
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
		root, err := tx.CreateBucket([]byte(rootBucket))
		require.NoError(t, err)
		f.root.put(t, root)
		require.NoError(t, root.Put([]byte(versionKey), u32(f.version)))
		if f.xpubs != nil {
			f.xpubs.put(t, create(t, root, xpubBucket))
		}
		for name, buckets := range map[string]map[string]bucketOf{ticketBucket: f.tickets, changeBucket: f.changes, altSigBucket: f.signers} {
			if buckets == nil {
				continue
			}
			in := create(t, root, name)
			for name, b := range buckets {
				b.put(t, create(t, in, name))
			}
		}
		return nil
	}))
	require.NoError(t, db.Close())
	return path
}

func create(t testing.TB, in *bbolt.Bucket, name string) *bbolt.Bucket {
	b, err := in.CreateBucket([]byte(name))
	require.NoError(t, err)
	return b
}

func (b bucketOf) put(t testing.TB, into *bbolt.Bucket) {
	for key, value := range b {
		require.NoError(t, into.Put([]byte(key), value))
	}
}

// open opens the database of a file.
func (f *file) open(t testing.TB) *Database {
	d, err := Open(f.write(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// ticketFields returns ticket n as vspd stores it: registered, and not paid for.
func ticketFields(n int, edit bucketOf) bucketOf {
	fields := bucketOf{
		"Hash": []byte(ticketHash(n).String()), "PurchaseHeight": i64(0), "CommitmentAddress": []byte(address(1000 + n)),
		"FeeAddressXPubID": u32(1), "FeeAddressIndex": u32(uint32(n)), "FeeAddress": []byte(address(n)), "FeeAmount": i64(feeAmount),
		"FeeExpiration": i64(1_800_000_000), "Confirmed": {0}, "VotingWIF": {}, "VoteChoices": []byte("null"),
		"TSpendPolicy": []byte("null"), "TreasuryPolicy": []byte("null"), "FeeTxHex": {}, "FeeTxHash": {}, "FeeTxStatus": []byte("none"),
		"Outcome": {},
	}
	maps.Copy(fields, edit)
	return fields
}

const feeAmount = 1_234_567

// paidFields returns ticket n as vspd stores it once its fee was paid.
func paidFields(n int, status, outcome string, edit bucketOf) bucketOf {
	tx := feeTx(n)
	fields := ticketFields(n, bucketOf{
		"PurchaseHeight": i64(int64(100 + n)), "Confirmed": {1}, "VotingWIF": []byte(votingWIF(n)), "VoteChoices": []byte(`{}`),
		"FeeTxHash": []byte(tx.TxHash().String()), "FeeTxHex": []byte(txHex(tx)), "FeeTxStatus": []byte(status), "Outcome": []byte(outcome),
	})
	if status == "confirmed" {
		fields["FeeTxHex"] = []byte{}
	}
	maps.Copy(fields, edit)
	return fields
}

func ticketHash(n int) chainhash.Hash { return chainhash.HashH(u32(uint32(n))) }

// account returns an extended private key, xpub its public half.
func account(n uint32) *hdkeychain.ExtendedKey {
	key, err := hdkeychain.NewMaster(bytes.Repeat([]byte{42}, 32), chaincfg.SimNetParams())
	if err == nil {
		key, err = key.Child(n)
	}
	if err != nil {
		panic(err)
	}
	return key
}

func xpub(n uint32) string { return account(n).Neuter().String() }

// addresses keeps what was derived: it takes long.
var addresses sync.Map

// address returns the address at an index of the external branch of xpub(1).
func address(index int) string {
	if known, ok := addresses.Load(index); ok {
		return known.(string)
	}
	branch, err := account(1).Child(0)
	if err == nil {
		branch, err = branch.Child(uint32(index))
	}
	if err != nil {
		panic(err)
	}
	a, err := stdaddr.NewAddressPubKeyHashEcdsaSecp256k1V0(dcrutil.Hash160(branch.SerializedPubKey()), chaincfg.SimNetParams())
	if err != nil {
		panic(err)
	}
	addresses.Store(index, a.String())
	return a.String()
}

func votingWIF(n int) string {
	wif, err := dcrutil.NewWIF(bytes.Repeat([]byte{byte(n%250 + 1)}, 32), chaincfg.SimNetParams().PrivateKeyID, dcrec.STEcdsaSecp256k1)
	if err != nil {
		panic(err)
	}
	return wif.String()
}

// feeTx pays a little more than the fee of ticket n, behind another output.
func feeTx(n int) *wire.MsgTx {
	to, err := stdaddr.DecodeAddress(address(n), chaincfg.SimNetParams())
	if err != nil {
		panic(err)
	}
	_, script := to.PaymentScript()
	tx := wire.NewMsgTx()
	tx.AddTxIn(wire.NewTxIn(wire.NewOutPoint(new(chainhash.Hash), uint32(n), 0), 0, nil))
	tx.AddTxOut(wire.NewTxOut(5, []byte{0x51}))
	tx.AddTxOut(wire.NewTxOut(feeAmount+int64(n), script))
	tx.AddTxOut(wire.NewTxOut(1, script))
	return tx
}

func txHex(tx *wire.MsgTx) string {
	raw, err := tx.Bytes()
	if err != nil {
		panic(err)
	}
	return hex.EncodeToString(raw)
}

// payRequest is what the holder of ticket n sends to pay; choiceRequest to choose.
func payRequest(n int, timestamp int64) string {
	return fmt.Sprintf(`{"timestamp":%d,"tickethash":"%v","feetx":"%s","votingkey":"%s","votechoices":{}}`, timestamp, ticketHash(n),
		txHex(feeTx(n)), votingWIF(n))
}

func choiceRequest(n int, timestamp int64) string {
	return fmt.Sprintf(`{"timestamp":%d,"tickethash":"%v","votechoices":{}}`, timestamp, ticketHash(n))
}

// changeRecord is vspd's record of a request that it answered at a time.
func changeRecord(request string, answered int64) []byte {
	answer := answerTo(request, answered)
	raw, err := json.Marshal(map[string]string{"req": request, "reqs": signature(request), "rsp": answer, "rsps": "AAAA"})
	if err != nil {
		panic(err)
	}
	return raw
}

func answerTo(request string, answered int64) string {
	raw, err := json.Marshal(vspapi.PayFeeResponse{Timestamp: answered, Request: []byte(request)})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func signature(request string) string {
	sum := chainhash.HashB([]byte(request))
	return base64.StdEncoding.EncodeToString(sum)
}

func u32(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

func i64(n int64) []byte { return u64(uint64(n)) }

func u64(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
