package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/verifier/journal"
)

func proveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "prove N [-o FILE]",
		Short: "Prove that an entry is in the journal, in one file",
		Long: `prove writes a proof that entry N is in the journal: the entry, the hashes that lead from
it to the root of the tree, and the last checkpoint. Whoever has the journal's public key
can verify it with vspverify journal verify-proof, and needs nothing else. The file is a
tlog-proof (C2SP), with the entry as its extra data.`,
		Args: cobra.ExactArgs(1),
	}
	flags := newJournalFlags(c)
	path := c.Flags().StringP("output", "o", "", "`FILE` to write; default: standard output")
	c.RunE = func(c *cobra.Command, args []string) error {
		number, err := entryNumber(args[0])
		if err != nil {
			return program.Misuse(err)
		}
		folder, key, err := flags.open()
		if err != nil {
			return err
		}
		proof, err := journal.Prove(folder, key, number)
		if err != nil {
			return answer(err)
		}
		if *path == "" {
			return writeText(c.OutOrStdout(), proof.Text())
		}
		if err := os.WriteFile(*path, []byte(proof.Text()), 0o644); err != nil {
			return fmt.Errorf("write proof: %w", err)
		}
		return writeText(c.OutOrStdout(), fmt.Sprintf("Wrote %s: entry %d of %d.\n", *path, number, proof.Checkpoint.Size))
	}
	return c
}

func verifyProofCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "verify-proof FILE --key KEY",
		Short: "Verify a proof of an entry, with the public key alone",
		Long: `verify-proof verifies what vspverify journal prove has written; - is standard input. It
needs the journal's public key, and neither the journal nor any other machine.`,
		Args: cobra.ExactArgs(1),
	}
	config, keyText := configFlag(c), keyFlag(c)
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		elsewhere := "."
		_, key, err := journalFlags{config: config, folder: &elsewhere, key: keyText}.open()
		if err != nil {
			return err
		}
		text, err := readInput(c.InOrStdin(), args[0])
		if err != nil {
			return fmt.Errorf("read proof: %w", err)
		}
		proof, err := journal.VerifyProof(string(text), key)
		if err != nil {
			return answer(err)
		}
		if *asJSON {
			return writeText(c.OutOrStdout(), string(proof.Entry.Line())+"\n")
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "proven: entry %d of the journal %s,\n%s\n%s", proof.Entry.Number, key.Origin(),
			sealedText(proof.Checkpoint), entryText(proof.Entry))
		return err
	}
	return c
}

// sealedText tells what a checkpoint says.
func sealedText(c journal.Checkpoint) string {
	text := fmt.Sprintf("sealed with %d entries by checkpoint %d", c.Size, c.Number)
	if c.Block != (journal.Block{}) {
		text += fmt.Sprintf(", which is not older than block %d,\n%s", c.Block.Height, c.Block.Hash)
	}
	return text
}

// readInput reads a file, or standard input where its name is -.
func readInput(in io.Reader, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(name)
}
