package vspd

import (
	"bytes"
	"crypto/ed25519"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

func still(int, int) error { return nil }

func look(t *testing.T, d *Database) *Contents {
	c, err := d.Look(t.Context(), still)
	require.NoError(t, err)
	return c
}

func TestOpenEveryVersion(t *testing.T) {
	five := newFile()
	four := newFile()
	four.version, four.xpubs = 4, nil
	four.root[oldXPubKey], four.root[oldLastIndexKey] = []byte(xpub(1)), u32(9)
	three := newFile()
	three.version, three.xpubs, three.signers = 3, nil, nil
	three.root[oldXPubKey] = []byte(xpub(1)) // of which no address was given yet
	tests := []struct {
		file *file
		want []XPub
	}{
		{five, []XPub{{0, xpub(0), 40, time.Unix(1700000000, 0).UTC()}, {1, xpub(1), 7, time.Time{}}}},
		{four, []XPub{{0, xpub(1), 9, time.Time{}}}},
		{three, []XPub{{0, xpub(1), 0, time.Time{}}}},
	}
	for _, test := range tests {
		d := test.file.open(t)
		require.Equal(t, test.file.version, d.Version)
		require.Equal(t, test.want, d.XPubs)
		require.Equal(t, "simnet", d.Network.Name)
		require.Equal(t, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)), d.Key)
		require.Empty(t, look(t, d).Notes)
	}
}

func TestXPubsAreInTheOrderOfTheirIDs(t *testing.T) {
	f := newFile()
	f.xpub(256, xpub(4), 3, 0) // bbolt sorts its key before that of 1
	d := f.open(t)
	require.Equal(t, uint32(256), d.XPubs[2].ID)
	require.Equal(t, xpub(4), d.XPubs[2].Key)
}

func TestOpenRefuses(t *testing.T) {
	edit := func(edit func(f *file)) func(t *testing.T) string {
		return func(t *testing.T) string {
			f := newFile()
			edit(f)
			return f.write(t)
		}
	}
	contents := func(data []byte) func(t *testing.T) string {
		return func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "file")
			require.NoError(t, os.WriteFile(path, data, 0o600))
			return path
		}
	}
	tests := []struct {
		name string
		path func(t *testing.T) string
		want string
	}{
		{"nothing there", func(t *testing.T) string { return filepath.Join(t.TempDir(), "none") }, "no such file"},
		{"a folder", func(t *testing.T) string { return t.TempDir() }, "it is no database"},
		{"an empty file", contents(nil), "it is no database"},
		{"text", contents([]byte("feexpub=1\n")), "it is no bbolt database"},
		{"rubbish", contents(bytes.Repeat([]byte{0xa5}, 1<<16)), "it is no bbolt database"},
		{"version 1", edit(func(f *file) { f.version = 1 }), "start vspd 1.4 or 1.5 with it once"},
		{"version 2", edit(func(f *file) { f.version = 2 }), "start vspd 1.4 or 1.5 with it once"},
		{"version 6", edit(func(f *file) { f.version = 6 }), "knows none newer than 5"},
		{"a short key", edit(func(f *file) { f.root[privateKeyKey] = []byte("short") }), "its signing key has 5 bytes"},
		{"no extended public keys", edit(func(f *file) { f.xpubs = nil }), "no bucket xpubbkt"},
		{"no extended public key", edit(func(f *file) { f.xpubs = bucketOf{} }), "no extended public key"},
		{"a bad extended public key", edit(func(f *file) { f.xpubs["\x01\x00\x00\x00"] = []byte("{") }), "extended public key 01000000"},
		{"a strange network", edit(func(f *file) { f.xpub(2, "tpub", 1, 0) }), "of no network"},
		{"a private key", edit(func(f *file) { f.xpub(2, account(1).String(), 1, 0) }), "a private one"},
		{"no tickets", edit(func(f *file) { f.tickets = nil }), "no bucket ticketbkt"},
		{"no changes", edit(func(f *file) { f.changes = nil }), "no bucket votechangebkt"},
		{"no alternate signers", edit(func(f *file) { f.signers = nil }), "no bucket altsigbkt"},
		{"an old one without a key", edit(func(f *file) { f.version = 4 }), "no extended public key"},
		{"an old one with a strange index", edit(func(f *file) {
			f.version, f.root[oldXPubKey], f.root[oldLastIndexKey] = 4, []byte(xpub(1)), []byte{1}
		}), "last fee index has 1 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Open(test.path(t))
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), account(1).String())
		})
	}
}

func TestOpenRefusesStrangersDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	db, err := bbolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	_, err = Open(path)
	require.ErrorContains(t, err, "not vspd's")
}

func TestOpenWhileVspdRuns(t *testing.T) {
	path := newFile().write(t)
	vspd, err := bbolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	_, err = Open(path)
	require.ErrorContains(t, err, "vspd is running")
	require.NoError(t, vspd.Close())
	d, err := Open(path)
	require.NoError(t, err)

	_, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Millisecond})
	require.ErrorIs(t, err, berrors.ErrTimeout, "vspd must not start while the file is read")
	require.NoError(t, d.Close())
}

// TestReadingLeavesTheFile: an operator who goes back to vspd finds what he left.
func TestReadingLeavesTheFile(t *testing.T) {
	path := fullFile().write(t)
	require.NoError(t, os.Chmod(path, 0o400))
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	d, err := Open(path)
	require.NoError(t, err)
	look(t, d)
	require.NoError(t, d.Close())
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

// fullFile has tickets on many pages.
func fullFile() *file {
	f := newFile()
	for n := range 5 {
		f.add(paidFields(n, "received", "", nil), payRequest(n, 5), choiceRequest(n, 6))
	}
	return f
}

// TestDamage puts rubbish into each page in turn, and cuts the file at each. There is an error, or all is as it was where
// the page was not in use; and never a crash.
func TestDamage(t *testing.T) {
	path := fullFile().write(t)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	want := read(t, path)
	require.NotNil(t, want)
	random := rand.New(rand.NewPCG(1, 2))
	const page = 4096
	refused := 0
	for at := 0; at < len(whole); at += page {
		rubbish := make([]byte, page)
		for i := range rubbish {
			rubbish[i] = byte(random.Uint32())
		}
		for _, fill := range [][]byte{make([]byte, page), bytes.Repeat([]byte{0xff}, page), rubbish} {
			damaged := bytes.Clone(whole)
			copy(damaged[at:], fill)
			require.NoError(t, os.WriteFile(path, damaged, 0o600))
			if got := read(t, path); got == nil {
				refused++
			} else {
				require.Equal(t, want, got, "page %d", at/page)
			}
		}
		require.NoError(t, os.WriteFile(path, whole[:at], 0o600))
		if got := read(t, path); got != nil {
			require.Equal(t, want, got, "cut at page %d", at/page)
		}
	}
	require.Greater(t, refused, len(whole)/page, "most pages are in use")
}

// read returns what is in the database at path, or nil if that cannot be read.
func read(t *testing.T, path string) *Contents {
	d, err := Open(path)
	if err != nil {
		return nil
	}
	defer func() { require.NoError(t, d.Close()) }()
	c, err := d.Look(t.Context(), still)
	if err != nil {
		return nil
	}
	return c
}

// TestTornCopy mixes the pages of a database at two times, as a copy does that is made while vspd writes. It is refused, or
// it is what was there at some time.
func TestTornCopy(t *testing.T) {
	f := newFile()
	for n := range 8 {
		f.add(paidFields(n, "received", "", nil), payRequest(n, 5))
	}
	path := f.write(t)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	whole := []*Contents{read(t, path)}
	for n := 8; n < 16; n++ {
		replaceTicket(t, path, n-8, n)
		whole = append(whole, read(t, path))
	}
	after, err := os.ReadFile(path)
	require.NoError(t, err)

	before = append(before, make([]byte, max(0, len(after)-len(before)))...)
	refused := 0
	for at := 4096; at < len(after); at += 4096 {
		for _, torn := range [][]byte{append(bytes.Clone(before[:at]), after[at:]...), append(bytes.Clone(after[:at]), before[at:]...)} {
			require.NoError(t, os.WriteFile(path, torn, 0o600))
			if got := read(t, path); got == nil {
				refused++
			} else if !slices.ContainsFunc(whole, func(c *Contents) bool { return assert.ObjectsAreEqual(c, got) }) {
				t.Errorf("torn at page %d: %d tickets, %+v, which vspd never had", at/4096, got.Tickets.Read, got.Counts)
			}
		}
	}
	require.Positive(t, refused)
}

// replaceTicket is a transaction of vspd's that deletes a ticket and adds another.
func replaceTicket(t *testing.T, path string, old, n int) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
		root := tx.Bucket([]byte(rootBucket))
		tickets, changes := root.Bucket([]byte(ticketBucket)), root.Bucket([]byte(changeBucket))
		name := ticketHash(n).String()
		paidFields(n, "received", "", nil).put(t, create(t, tickets, name))
		bucketOf{string(u32(0)): changeRecord(payRequest(n, 5), 1)}.put(t, create(t, changes, name))
		require.NoError(t, changes.DeleteBucket([]byte(ticketHash(old).String())))
		return tickets.DeleteBucket([]byte(ticketHash(old).String()))
	}))
}

// TestReferenceOutOfTheFile has a bucket begin at a page far behind the file's end.
func TestReferenceOutOfTheFile(t *testing.T) {
	path := fullFile().write(t)
	d, err := Open(path)
	require.NoError(t, err)
	begin := u64(uint64(d.tickets.Root()))
	require.NoError(t, d.Close())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	damaged := bytes.ReplaceAll(data, append([]byte(ticketBucket), begin...), append([]byte(ticketBucket), u64(1<<34)...))
	require.NotEqual(t, data, damaged)
	require.NoError(t, os.WriteFile(path, damaged, 0o600))
	d, err = Open(path)
	if err == nil {
		_, err = d.Look(t.Context(), still)
		require.NoError(t, d.Close())
	}
	require.ErrorIs(t, err, errDamaged)
}
