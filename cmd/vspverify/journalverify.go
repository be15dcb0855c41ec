package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/tlog"

	"scrutineer/cmd/program"
	"scrutineer/verifier/journal"
)

func verifyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "verify",
		Short: "Verify the whole journal",
		Long: `verify reads the whole journal and makes sure that each entry follows the one before, that
every checkpoint is signed by the key, and that the entries are those that were sealed.
With --published it also makes sure that the journal begins with the entries that a
checkpoint covers which was published before: then nobody can have written it anew since,
not even who holds the key.

Exit code 1 names the entry or the checkpoint that is not as it was written.`,
		Args: cobra.NoArgs,
	}
	flags := newJournalFlags(c)
	asJSON := jsonFlag(c)
	published := c.Flags().String("published", "", "`FILE` with a checkpoint that was published")
	c.RunE = func(c *cobra.Command, _ []string) error {
		folder, key, err := flags.open()
		if err != nil {
			return err
		}
		var sum journal.Summary
		shown, err := readPublished(*published, key)
		if err == nil {
			sum, err = journal.Read(folder, key, nil)
		}
		if err == nil && shown != nil {
			err = journal.Upholds(folder, tlog.Tree{N: shown.Size, Hash: shown.Root})
		}
		err = answer(err)
		if no := new(program.Failure); err != nil && !errors.As(err, &no) {
			return err
		}
		v := newVerification(key, sum, err)
		if *asJSON {
			err = errors.Join(err, v.writeJSON(c.OutOrStdout()))
		} else if err == nil {
			err = v.write(c.OutOrStdout(), shown)
		}
		return err
	}
	return c
}

// readPublished reads a checkpoint that was published, if a file is named.
func readPublished(path string, key journal.PublicKey) (*journal.Checkpoint, error) {
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read published checkpoint: %w", err)
	}
	c, err := key.Open(strings.TrimRight(string(raw), "\n") + "\n")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &c, nil
}

// verification is what verify tells, as JSON. Times are UTC.
type verification struct {
	Journal string        `json:"journal"`
	Key     string        `json:"public_key"`
	InOrder bool          `json:"in_order"`
	Fault   string        `json:"fault,omitempty"` // what is not in order; then there is no summary
	Summary *wholeJournal `json:"summary,omitempty"`
}

type wholeJournal struct {
	Entries     int64       `json:"entries"`
	Root        string      `json:"root"` // of the tree of all entries, base64
	First       time.Time   `json:"first"`
	Last        time.Time   `json:"last"`
	Sealed      int64       `json:"sealed"` // entries that the last checkpoint covers
	Checkpoints int64       `json:"checkpoints"`
	Block       *knownBlock `json:"block"`      // in the last checkpoint; null if none was known
	Checkpoint  string      `json:"checkpoint"` // the last one, as it was signed
	Repairs     []repair    `json:"repairs"`
	Steps       []step      `json:"clock_steps"`
	Torn        int64       `json:"torn_bytes"`      // of an entry that was not written to its end
	TornSeal    int64       `json:"torn_seal_bytes"` // of a checkpoint that was not
}

type knownBlock struct {
	Height int64  `json:"height"`
	Hash   string `json:"hash"`
}

type repair struct {
	Entry int64 `json:"entry"`
	journal.Gap
}

type step struct {
	Entry       int64   `json:"entry"`
	BackSeconds float64 `json:"back_seconds"`
}

func newVerification(key journal.PublicKey, sum journal.Summary, fault error) verification {
	v := verification{Journal: key.Origin(), Key: key.String(), InOrder: fault == nil}
	if fault != nil {
		v.Fault = fault.Error()
		return v
	}
	v.Summary = &wholeJournal{Entries: sum.Tree.N, Root: sum.Tree.Hash.String(), First: sum.First, Last: sum.Last, Sealed: sum.Sealed.Size,
		Checkpoints: sum.Sealed.Number, Checkpoint: sum.Sealed.Note, Repairs: []repair{}, Steps: []step{}, Torn: sum.Torn, TornSeal: sum.TornSeal}
	if b := sum.Sealed.Block; b != (journal.Block{}) {
		v.Summary.Block = &knownBlock{b.Height, b.Hash.String()}
	}
	for _, r := range sum.Repairs {
		v.Summary.Repairs = append(v.Summary.Repairs, repair{r.Entry, r.Gap})
	}
	for _, s := range sum.Steps {
		v.Summary.Steps = append(v.Summary.Steps, step{s.Entry, s.Back.Seconds()})
	}
	return v
}

func (v verification) writeJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// write tells people that the journal is in order, and what else there is to know.
func (v verification) write(out io.Writer, published *journal.Checkpoint) error {
	var b strings.Builder
	s := v.Summary
	line := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "  %-10s  %s\n", label, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, "The journal %s is in order.\n\n", v.Journal)
	line("entries", "%d", s.Entries)
	if s.Entries > 0 {
		line("", "from %s to %s UTC", s.First.Format(time.DateTime), s.Last.Format(time.DateTime))
	}
	line("sealed", "%d, by %d checkpoints", s.Sealed, s.Checkpoints)
	if s.Block != nil {
		line("", "the last one not older than block %d,", s.Block.Height)
		line("", "%s", s.Block.Hash)
	}
	line("root", "%s", s.Root)
	if published != nil {
		line("published", "it begins with the %d entries of checkpoint %d", published.Size, published.Number)
	}
	for _, r := range s.Repairs {
		line("repaired", "entry %d: %s", r.Entry, cutText(r.Gap))
	}
	for _, c := range s.Steps {
		line("clock", "entry %d: it went back by %v", c.Entry, time.Duration(c.BackSeconds*float64(time.Second)))
	}
	if torn := (journal.Gap{Cut: s.Torn, CutSeal: s.TornSeal}); torn != (journal.Gap{}) {
		line("torn", "the end is being written, or a death tore it: the next run will")
		line("", "%s", cutText(torn))
	}
	fmt.Fprintf(&b, "\n  %s\n", v.Key)
	return writeText(out, b.String())
}

func checkpointCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "checkpoint",
		Short: "Print the last checkpoint, to publish it",
		Long: `checkpoint prints the last checkpoint as it was signed: how many entries there are, the
root of their tree, and a block that was known. Give it to anybody else, or put it where
all can see it: from then on these entries stand, even against who holds the key. See
vspverify journal verify --published.`,
		Args: cobra.NoArgs,
	}
	flags := newJournalFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		folder, key, err := flags.open()
		if err != nil {
			return err
		}
		sum, err := journal.Read(folder, key, nil)
		if err != nil {
			return answer(err)
		}
		return writeText(c.OutOrStdout(), sum.Sealed.Note)
	}
	return c
}
