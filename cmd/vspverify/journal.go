package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/verifier/journal"
)

func journalCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "journal",
		Short: "List a trial's journal, verify it, and prove single entries",
		Long: `The journal is all that a trial saw, entry by entry. Its public key verifies it: no entry
can be changed, added or taken out without the secret key, but for those at the end that
no checkpoint covers yet. Who holds that key can write another journal: publish a
checkpoint (vspverify journal checkpoint), and every journal that does not begin with the
same entries is exposed (vspverify journal verify --published).

Without --journal and --key, it is the journal of the trial in --config. With both, no
configuration is needed: for a copy of a journal, anywhere.

The files are text: journal.jsonl, an entry a line, each hashed into a Merkle tree
(RFC 6962), and checkpoints.txt, signed notes (C2SP tlog-checkpoint).`,
		Args: cobra.NoArgs,
	}
	c.AddCommand(listCommand(), showCommand(), verifyCommand(), checkpointCommand(), proveCommand(), verifyProofCommand(), keyCommand())
	return c
}

// journalFlags say which journal a command is about.
type journalFlags struct{ config, folder, key *string }

func newJournalFlags(c *cobra.Command) journalFlags {
	f := journalFlags{config: configFlag(c)}
	f.folder = c.Flags().String("journal", "", "`FOLDER` of the journal; default: the trial's")
	f.key = keyFlag(c)
	return f
}

func keyFlag(c *cobra.Command) *string {
	return c.Flags().String("key", "", "the journal's public `KEY`, or a file that holds it; default: the trial's")
}

// open returns the journal's folder and public key.
func (f journalFlags) open() (folder string, key journal.PublicKey, err error) {
	if *f.key != "" {
		if key, err = readPublicKey(*f.key); err != nil {
			return "", key, program.Misuse(err)
		}
	}
	if folder = *f.folder; folder != "" && *f.key != "" {
		return folder, key, nil
	}
	t, err := load(*f.config)
	if err != nil {
		return "", key, program.Misuse(err)
	}
	if *f.key == "" {
		key, err = t.publicKey()
	}
	if folder == "" {
		folder = t.Journal
	}
	return folder, key, err
}

// readPublicKey takes a key's text, or the name of a file that holds it.
func readPublicKey(text string) (journal.PublicKey, error) {
	if key, err := journal.ParsePublicKey(text); err == nil {
		return key, nil
	}
	if strings.Count(text, "+") >= 2 {
		return journal.PublicKey{}, errors.New("--key: it is neither a journal's public key, ORIGIN+HASH+KEY, nor a file")
	}
	key, err := journal.ReadPublicKey(text)
	if err != nil {
		return key, fmt.Errorf("--key: %w", err)
	}
	return key, nil
}

// answer tells what is wrong with a journal apart from not being able to look.
func answer(err error) error {
	if refuted(err) {
		return program.AnswerNo(err)
	}
	return err
}

// refuted reports whether an error is evidence against a journal, and not a failure to read it.
func refuted(err error) bool {
	for _, no := range []error{journal.ErrNoEntry, journal.ErrNotSealed, journal.ErrBehind, journal.ErrRewritten} {
		if errors.Is(err, no) {
			return true
		}
	}
	var fault *journal.Fault
	return errors.As(err, &fault)
}

// jsonFlag adds the flag of the commands that can speak to programs.
func jsonFlag(c *cobra.Command) *bool {
	return c.Flags().Bool("json", false, "print JSON, for programs")
}

func writeText(out io.Writer, text string) error {
	_, err := io.WriteString(out, text)
	return err
}
