package main

import (
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/dcrjson/v4"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"scrutineer/cmd/program"
	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc/rpctest"
	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/sqlstore/mariadbtest"
)

// What is in the database that vspd wrote: see package vspd's tests.
const (
	vspdKey  = "Wrn7KWJzyZfHZwrtiQAhoj1hu4T7jKgMar1y2pYBMCA="
	vspdXPub = "spubVNx6fk6e22GL1DLfgAvNBSjK4d6m4UgETZyFoRJ9iNyAgkA4Mvn18xN5LKCjyjTpi5hkLwGcnQUrJzNeZ57EhbMpAs1AfyxK4TQCMRf7Qin"
)

// vspdDatabase returns the path of the database that vspd wrote.
func vspdDatabase(t *testing.T) string {
	packed, err := os.Open(filepath.Join("..", "..", "vsp", "vspd", "testdata", "vspd-1.5.db.gz"))
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

// emptyChain is a node whose blocks are empty, up to a height. It knows no transactions.
func emptyChain(t *testing.T, height uint32) *rpctest.Server {
	node := rpctest.New(t)
	node.Expect("u", "hunter2")
	block := func(height uint32) *wire.MsgBlock { return &wire.MsgBlock{Header: wire.BlockHeader{Height: height}} }
	text := func(raw []byte, err error) (any, error) { return hex.EncodeToString(raw), err }
	node.Answer("notifyblocks", nil)
	node.Answer("getinfo", map[string]any{"txindex": true})
	node.Answer("version", map[string]any{})
	node.Answer("getbestblock", map[string]any{"height": height, "hash": block(height).BlockHash().String()})
	node.Handle("getblockhash", func(params []json.RawMessage) (any, error) {
		var at uint32
		err := json.Unmarshal(params[0], &at)
		if at == 0 {
			return chaincfg.SimNetParams().GenesisHash.String(), err
		}
		return block(at).BlockHash().String(), err
	})
	node.Handle("getblockheader", func([]json.RawMessage) (any, error) {
		header := block(height).Header
		return text(header.Bytes())
	})
	node.Handle("getblock", func([]json.RawMessage) (any, error) { return text(block(height).Bytes()) })
	node.Handle("getrawtransaction", func([]json.RawMessage) (any, error) { return nil, dcrjson.NewRPCError(dcrjson.ErrRPCNoTxInfo, "no") })
	return node
}

// importing is a VSP's folder that vspd's database fits.
type importing struct {
	t        *testing.T
	database string
	config   string
	output   string // all of it so far
}

func newImporting(t *testing.T, edit func(string) string) *importing {
	node := emptyChain(t, 264)
	address := node.Config().Address
	dir := filepath.Join(t.TempDir(), "vsp")
	require.NoError(t, makeFolder(dir, func(text string) string {
		text = strings.NewReplacer("127.0.0.1:19556", address, simnetXPub, vspdXPub).Replace(text)
		if edit != nil {
			text = edit(text)
		}
		return text
	}))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "node.cert"), node.Config().CertPEM, 0o600))
	return &importing{t: t, database: vspdDatabase(t), config: filepath.Join(dir, "vsp.toml")}
}

// run runs the command, and returns what it prints and its error.
func (im *importing) run(args ...string) (string, error) {
	var out bytes.Buffer
	c := newCommand()
	c.SilenceUsage, c.SilenceErrors = true, true
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetArgs(append([]string{"import-vspd", im.database, "--config", im.config}, args...))
	err := c.ExecuteContext(im.t.Context())
	im.output += out.String()
	if err != nil {
		im.output += err.Error()
	}
	return out.String(), err
}

func (im *importing) file(name string) string { return filepath.Join(filepath.Dir(im.config), name) }

func requireCode(t *testing.T, code int, err error) {
	var failure *program.Failure
	require.ErrorAs(t, err, &failure)
	require.Equal(t, code, failure.Code)
}

func (im *importing) signingKey() ed25519.PrivateKey {
	data, err := os.ReadFile(im.file("signing.key"))
	require.NoError(im.t, err)
	key, err := parseSigningKey(data)
	require.NoError(im.t, err)
	return key
}

func (im *importing) store() *sqlstore.Store {
	s, err := load(im.config)
	require.NoError(im.t, err)
	store, err := openStore(im.t.Context(), s)
	require.NoError(im.t, err)
	im.t.Cleanup(func() { require.NoError(im.t, store.Close()) })
	return store
}

func TestImportVspd(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { importWhole(t, newImporting(t, nil)) })
	t.Run("MariaDB", func(t *testing.T) {
		database := mariadbtest.Shared(t).Config(t)
		im := newImporting(t, share(func(text string) string { return text }, database))
		require.NoError(t, os.WriteFile(im.file("mysql.password"), []byte(database.Password+"\n"), 0o600))
		require.NoError(t, os.WriteFile(im.file("mysql-ca.pem"), database.CAPEM, 0o600))
		importWhole(t, im)
	})
}

// importWhole goes the way of an operator, from vsp init's folder to the end.
func importWhole(t *testing.T, im *importing) {
	own := im.signingKey()
	_, err := im.run()
	requireCode(t, program.No, err)
	require.ErrorContains(t, err, "say --replace-signing-key")
	out, err := im.run("--dry-run", "--replace-signing-key")
	require.NoError(t, err)
	require.Regexp(t, `(?m)^ +tickets +28 +0$`, out)
	require.Contains(t, out, "Nothing was written.")
	require.Equal(t, own, im.signingKey())
	require.NoFileExists(t, im.file("vsp.db"))

	out, err = im.run("--replace-signing-key")
	require.NoError(t, err)
	for _, line := range []string{`public key   ` + vspdKey, `7 voting, 14 voted, 1 missed, 0 expired`, `(?m)^ +tickets +28 +28 +0 +0 +0$`,
		`(?m)^ +requests +31 +31 +0 +0 +0$`, `(?m)^ *alternate signers +1 +1 +0 +0 +0$`, `1 × has bytes behind its message`,
		`from block 227 on: 37 blocks`, `proxy_pass http://127.0.0.1:8800`} {
		require.Regexp(t, strings.NewReplacer("+=", "\\+=").Replace(line), out)
	}
	for _, line := range strings.Split(out, "\n") {
		require.LessOrEqual(t, len([]rune(line)), 100, line)
	}
	require.Equal(t, vspdKey, base64.StdEncoding.EncodeToString(im.signingKey()[32:]))
	aside, err := os.ReadFile(im.file("signing.key" + replacedSuffix))
	require.NoError(t, err)
	kept, err := parseSigningKey(aside)
	require.NoError(t, err)
	require.Equal(t, own, kept)

	out, err = im.run("--json")
	require.NoError(t, err)
	var view importView
	require.NoError(t, json.Unmarshal([]byte(out), &view))
	require.Equal(t, 28, view.Report.Tickets.There)
	require.Equal(t, []importedXPub{{view.XPubs[0].XPub, 6}, {vspdXPub, 22}}, view.XPubs)

	store := im.store()
	counts, err := store.Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, vsp.Counts{Voting: 7, Voted: 14, Missed: 1}, counts)
	next, err := store.NextFeeIndex(t.Context(), vspdXPub)
	require.NoError(t, err)
	require.EqualValues(t, 23, next)
	leads, err := store.Lead(t.Context(), "front-1", time.Minute)
	require.NoError(t, err)
	require.True(t, leads, "the lease was given back")
	tickets, err := store.Select(t.Context(), vsp.Filter{})
	require.NoError(t, err)
	for _, ticket := range tickets {
		require.False(t, ticket.VotingKey != "" && strings.Contains(im.output, string(ticket.VotingKey)))
	}
}

func TestImportVspdWithoutSigningKey(t *testing.T) {
	im := newImporting(t, nil)
	require.NoError(t, os.Remove(im.file("signing.key")))
	_, err := im.run("--dry-run")
	require.NoError(t, err)
	require.NoFileExists(t, im.file("signing.key"))
	_, err = im.run()
	require.NoError(t, err)
	require.Equal(t, vspdKey, base64.StdEncoding.EncodeToString(im.signingKey()[32:]))
	info, err := os.Stat(im.file("signing.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	require.NoFileExists(t, im.file("signing.key"+replacedSuffix))
}

// TestImportVspdKeepsWhatIsAside: the key that was put aside first is never lost.
func TestImportVspdKeepsWhatIsAside(t *testing.T) {
	im := newImporting(t, nil)
	require.NoError(t, os.WriteFile(im.file("signing.key"+replacedSuffix), []byte("first"), 0o600))
	_, err := im.run("--replace-signing-key")
	require.ErrorContains(t, err, "in the way")
	require.NoFileExists(t, im.file("vsp.db"))
}

func TestImportVspdIntoWhatDoesNotFit(t *testing.T) {
	tests := []struct {
		name string
		edit func(string) string
		want []string
	}{
		{"another network", func(text string) string { return strings.Replace(text, `"simnet"`, `"testnet3"`, 1) }, []string{`write network = "simnet"`}},
		{"another key", func(text string) string { return strings.Replace(text, vspdXPub, otherXPub, 1) }, []string{`fee_xpub = "` + vspdXPub}},
		{"no key", func(text string) string { return strings.Replace(text, vspdXPub, "", 1) }, []string{`fee_xpub = "` + vspdXPub}},
		{"more mistakes", func(text string) string {
			return strings.NewReplacer(vspdXPub, "", `site = "vsp.example.org"`, `site = ""`).Replace(text)
		}, []string{`fee_xpub = "` + vspdXPub, "site: is missing"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			im := newImporting(t, test.edit)
			out, err := im.run()
			requireCode(t, program.No, err)
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
			require.Contains(t, out, vspdKey)
			require.NoFileExists(t, im.file("vsp.db"))
		})
	}
}

func TestImportVspdWhileServing(t *testing.T) {
	im := newImporting(t, nil)
	store := im.store()
	leads, err := store.Lead(t.Context(), "front-1", time.Minute)
	require.NoError(t, err)
	require.True(t, leads)
	_, err = im.run("--replace-signing-key")
	requireCode(t, program.No, err)
	require.ErrorContains(t, err, "vsp serve is running")
	tickets, err := store.Select(t.Context(), vsp.Filter{})
	require.NoError(t, err)
	require.Empty(t, tickets)
}

// TestImportVspdRefusesRecords: what is refused is named, and the exit code tells.
func TestImportVspdRefusesRecords(t *testing.T) {
	im := newImporting(t, nil)
	db, err := bbolt.Open(im.database, 0o600, nil)
	require.NoError(t, err)
	var refused string
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
		tickets := tx.Bucket([]byte("vspbkt")).Bucket([]byte("ticketbkt"))
		name, _ := tickets.Cursor().First()
		refused = string(name)
		return tickets.Bucket(name).Put([]byte("Outcome"), []byte("lost"))
	}))
	require.NoError(t, db.Close())
	out, err := im.run("--replace-signing-key")
	requireCode(t, program.No, err)
	require.Regexp(t, `tickets +28 +27 +0 +0 +1\n`, out)
	require.Contains(t, out, "1 × cannot be read (refused):\n  ticket "+refused)
}

func TestImportVspdNeedsItsDatabase(t *testing.T) {
	im := newImporting(t, nil)
	im.database = im.file("vspd.db")
	out, err := im.run()
	require.ErrorContains(t, err, "no such file")
	require.Empty(t, out)
	var failure *program.Failure
	require.False(t, errors.As(err, &failure))
}

// TestImportVspdNeedsTheNode: without it nobody knows from where to look for outcomes. No ticket comes before that.
func TestImportVspdNeedsTheNode(t *testing.T) {
	im := newImporting(t, func(text string) string { return strings.Replace(text, `user = "u"`, `user = "nobody"`, 1) })
	out, err := im.run("--replace-signing-key")
	require.ErrorContains(t, err, "127.0.0.1")
	require.NotContains(t, out, "Then:", "there is more to do first")
	tickets, err := im.store().Select(t.Context(), vsp.Filter{})
	require.NoError(t, err)
	require.Empty(t, tickets)
}
