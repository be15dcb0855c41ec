package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/mod/sumdb/note"

	"scrutineer/verifier"
	"scrutineer/verifier/journal"
)

// TestScripts runs the commands as a reviewer types them. Each script stands in a folder of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			bin := filepath.Join(env.WorkDir, ".bin")
			self, err := os.Executable()
			env.Setenv("PATH", bin+string(filepath.ListSeparator)+env.Getenv("PATH"))
			env.Setenv(asProgram, "1")
			return errors.Join(err, os.Mkdir(bin, 0o755), os.Symlink(self, filepath.Join(bin, "vspverify")))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"mkjournal": makeJournal,
			"mktrial":   makeTrial,
			"flip":      flipBit,
			"exits":     exits,
		},
	})
}

// exits runs a program that must end with an exit code: exits CODE PROGRAM ARGUMENTS...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGUMENTS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if code := 0; err == nil && want != code || errors.As(err, &exit) && exit.ExitCode() != want {
		ts.Fatalf("%s: %v, not code %d", strings.Join(args[1:], " "), err, want)
	}
}

// flipBit flips the lowest bit of a byte: flip FILE OFFSET
func flipBit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE OFFSET")
	}
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	raw := []byte(ts.ReadFile(args[0]))
	raw[at] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), raw, 0o600))
}

// makeJournal makes a journal that is the same each time, and its key, FOLDER.key: mkjournal FOLDER [HOUR [SEED]]
func makeJournal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 3 {
		ts.Fatalf("usage: mkjournal FOLDER [HOUR [SEED]]")
	}
	seed := "seed"
	if len(args) == 3 {
		seed = args[2]
	}
	hour, err := strconv.Atoi(append(args, "10")[1])
	ts.Check(err)
	dir := ts.MkAbs(args[0])
	ts.Check(writeKey(dir+".key", "vsp.example.org/local", fmt.Sprintf("%-32s", seed)))
	key, err := journal.ReadKey(dir + ".key")
	ts.Check(err)
	at := time.Date(2026, 11, 22, hour, 0, 0, 0, time.UTC)
	book, err := journal.Open(dir, key, func() time.Time {
		at = at.Add(time.Second)
		return at
	})
	ts.Check(err)
	ts.Check(fillJournal(book))
	ts.Check(book.Close())
}

// makeTrial makes a trial with a report, and a certificate of no node: mktrial FOLDER
func makeTrial(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: mktrial FOLDER")
	}
	ts.Check(os.Mkdir(ts.MkAbs(args[0]), 0o755))
	_, err := stage(ts.MkAbs(args[0]))
	ts.Check(err)
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	ts.Check(os.WriteFile(ts.MkAbs("rpc.cert"), cert, 0o600))
}

// writeKey writes a key that is made of a seed and not of chance.
func writeKey(path, origin, seed string) error {
	private := ed25519.NewKeyFromSeed([]byte(seed))
	public, err := note.NewEd25519VerifierKey(origin, private.Public().(ed25519.PublicKey))
	if err != nil {
		return err
	}
	parts := strings.SplitN(public, "+", 3)
	secret := "PRIVATE+KEY+" + parts[0] + "+" + parts[1] + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed...))
	return errors.Join(os.WriteFile(path, []byte(secret+"\n"), 0o600), os.WriteFile(path+".pub", []byte(public+"\n"), 0o644))
}

// fillJournal writes a trial of three slots. What it writes is text, so that it stays the same whatever else there is to see.
func fillJournal(book *journal.Journal) error {
	var failed error
	write := func(kind, data string) {
		_, err := book.Append(kind, json.RawMessage(data))
		failed = errors.Join(failed, err)
	}
	write(verifier.EntryStart, `{"url":"https://vsp.example.org","pubkey":"","network":"simnet","slot_seconds":60,"begins":"2026-11-22T10:00:01Z"}`)
	for slot := range int64(3) {
		head := fmt.Sprintf(`{"at":"2026-11-22T10:%02d:01Z","vantage":"local"`, slot)
		hash := chainhash.HashH([]byte{byte(slot)})
		look := `,"code":"ok"`
		if slot == 1 {
			look = `,"code":"refused","detail":"dial tcp 192.0.2.7:443: connect: \u001b[31mconnection` + "\u202e\x7f\U000e0001" + ` refused"`
		}
		write(verifier.EntryObservation, fmt.Sprintf(`%s,"kind":"node","code":"ok","node":{"height":%d,"hash":"%s","peers":1}}`, head, 100+slot, hash))
		write(verifier.EntryObservation, head+`,"kind":"vspinfo","endpoint":"/api/v3/vspinfo"`+look+"}")
		write(verifier.EntryBeat, head+"}")
		_, err := book.Seal(journal.Block{Height: 100 + slot, Hash: hash})
		failed = errors.Join(failed, err)
	}
	write(verifier.EntryStop, `{"over":true}`)
	return failed
}
