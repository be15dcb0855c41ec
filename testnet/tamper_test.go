package testnet

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"scrutineer/verifier/journal"
)

// tamper is the command: one bit of the journal is flipped, then the report and the journal's check must name the entry, and
// the verifier must not go on. Then it is flipped back.
func tamper(ctx context.Context, p *play, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	times, err := number(args[0])
	if err != nil {
		return err
	}
	if p.watch.Running() {
		return fmt.Errorf("the verifier is at work on its journal")
	}
	path := filepath.Join(p.watch.Journal, journal.FileName)
	good, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for range times {
		bad := bytes.Clone(good)
		at := rand.IntN(len(bad))
		bad[at] ^= 1 << rand.IntN(8)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			return err
		}
		if err := p.found(ctx, bytes.Count(good[:at], []byte("\n"))+1); err != nil {
			return fmt.Errorf("byte %d of the journal was %q and is %q: %w", at, good[at], bad[at], err)
		}
	}
	return os.WriteFile(path, good, 0o600)
}

// found makes sure that nobody takes the journal for what was written, and that the entry is named.
func (p *play) found(ctx context.Context, entry int) error {
	w := p.watch
	name := fmt.Appendf(nil, "entry %d:", entry)
	for command, args := range map[string][]string{
		"journal": {"journal", "verify", "--config", w.ConfigFile, "--json"},
		"report":  {"report", "--config", w.ConfigFile},
	} {
		out, complaint, code, err := w.command(ctx, args...)
		if err != nil {
			return err
		}
		if code == 0 || !bytes.Contains(append(out, complaint...), name) {
			return fmt.Errorf("vspverify %s ends with %d and does not name entry %d: %s%s", command, code, entry, out, complaint)
		}
	}
	err := w.Verifier.Start(ctx)
	w.Kill() // so that nobody wonders why it ended
	if err == nil {
		return fmt.Errorf("the verifier goes on with a journal whose entry %d was edited", entry)
	}
	return nil
}
