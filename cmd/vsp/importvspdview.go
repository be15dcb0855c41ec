package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"iter"
	"strings"
	"text/tabwriter"

	"scrutineer/vsp/vspd"
)

// importView is what an import tells.
type importView struct {
	DryRun    bool            `json:"dry_run"`
	Version   uint32          `json:"version"` // of vspd's database
	Network   string          `json:"network"`
	PublicKey string          `json:"public_key"`
	XPubs     []importedXPub  `json:"xpubs"`
	Counts    *importedCounts `json:"counts,omitempty"`
	Report    vspd.Report     `json:"report"`

	listen   string
	complete bool // the import came to its end
}

// importedXPub is an extended public key, and the last index that was used of it.
type importedXPub struct {
	XPub string `json:"xpub"`
	Last uint32 `json:"last"`
}

// importedCounts is how many tickets there are, as vspinfo counts them; those whose fee is not confirmed are Unpaid.
type importedCounts struct {
	Voting  int64 `json:"voting"`
	Voted   int64 `json:"voted"`
	Missed  int64 `json:"missed"`
	Expired int64 `json:"expired"`
	Unpaid  int   `json:"unpaid"`
}

// see takes in what a database is.
func (v *importView) see(db *vspd.Database) {
	v.Version, v.Network = db.Version, db.Network.Name
	v.PublicKey = base64.StdEncoding.EncodeToString(db.Key.Public().(ed25519.PublicKey))
	for _, x := range db.XPubs {
		v.XPubs = append(v.XPubs, importedXPub{x.Key, x.Last})
	}
}

// look takes in what is in a database.
func (v *importView) look(c *vspd.Contents, s *settings) {
	v.Counts = &importedCounts{c.Counts.Voting, c.Counts.Voted, c.Counts.Missed, c.Counts.Expired, c.Unpaid}
	v.Report, v.listen = c.Report(), s.Listen
}

func (v *importView) refused() (n int) {
	for _, of := range v.tallies() {
		n += of.Refused
	}
	return n
}

func (v *importView) write(out io.Writer, asJSON bool) error {
	if asJSON {
		return writeJSON(out, v)
	}
	fmt.Fprintf(out, "database     version %d of vspd, %s\npublic key   %s\n", v.Version, v.Network, v.PublicKey)
	for _, x := range v.XPubs {
		fmt.Fprintf(out, "fees to      %s, last index %d\n", abbreviated(x.XPub), x.Last)
	}
	if v.Counts == nil {
		return nil
	}
	fmt.Fprintf(out, "tickets      %d voting, %d voted, %d missed, %d expired, as in vspinfo;\n             the fee of %d more is not confirmed\n\n",
		v.Counts.Voting, v.Counts.Voted, v.Counts.Missed, v.Counts.Expired, v.Counts.Unpaid)
	if err := v.writeTallies(out); err != nil {
		return err
	}
	v.writeNotes(out)
	switch {
	case v.DryRun:
		_, err := fmt.Fprintln(out, "\nNothing was written.")
		return err
	case !v.complete:
		return nil
	}
	if v.Report.ToScan > 0 {
		fmt.Fprintf(out, "\nvsp serve will look for outcomes from block %d on: %s.\n", v.Report.ScanFrom, plural(int(v.Report.ToScan), "block"))
	}
	return v.writeNext(out)
}

// writeTallies prints a line for each kind of record. A dry run has compared nothing with what is here.
func (v *importView) writeTallies(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(name string, cells ...any) {
		fmt.Fprint(table, name, "\t")
		for i, cell := range cells {
			if !v.DryRun || i == 0 || i == len(cells)-1 {
				fmt.Fprint(table, cell, "\t")
			}
		}
		fmt.Fprintln(table)
	}
	line("", "IN VSPD", "TAKEN", "UPDATED", "THERE", "REFUSED")
	for name, of := range v.tallies() {
		line(name, of.Read, of.Taken, of.Updated, of.There, of.Refused)
	}
	return table.Flush()
}

// tallies returns the kinds of records by name.
func (v *importView) tallies() iter.Seq2[string, vspd.Tally] {
	return func(yield func(string, vspd.Tally) bool) {
		_ = yield("tickets", v.Report.Tickets) && yield("requests", v.Report.Requests) && yield("alternate signers", v.Report.AltSigners)
	}
}

// maxNotes is how many notes of a kind are printed; --json has all.
const maxNotes = 10

// writeNotes prints the notes by what they say, in the order in which each kind came up first.
func (v *importView) writeNotes(out io.Writer) {
	var kinds []string
	notes := make(map[string][]vspd.Note)
	for _, n := range v.Report.Notes {
		kind := n.What
		if n.Refused {
			kind += " (refused)"
		}
		if notes[kind] == nil {
			kinds = append(kinds, kind)
		}
		notes[kind] = append(notes[kind], n)
	}
	for _, kind := range kinds {
		fmt.Fprintf(out, "\n%s:\n", strings.Join(wrap(fmt.Sprintf("%d × %s", len(notes[kind]), kind), columns-1), "\n"))
		for i, n := range notes[kind] {
			if i == maxNotes {
				fmt.Fprintf(out, "  and %d more: --json lists them\n", len(notes[kind])-maxNotes)
				break
			}
			fmt.Fprintf(out, "  %s\n", n.About)
			for _, line := range wrap(n.Detail, columns-4) {
				fmt.Fprintf(out, "    %s\n", line)
			}
		}
	}
}

// writeNext tells what to do next.
func (v *importView) writeNext(out io.Writer) error {
	_, err := fmt.Fprintf(out, `
If vspd is running, or has run since this database was written:
  1. stop vspd, and keep it stopped: two front ends on the same wallets disagree
  2. vsp import-vspd VSPD.DB once more, which brings what is new
Then:
  3. vsp serve
  4. see that the web server in front passes requests on to where vsp listens
     (nginx: proxy_pass http://%s)
     If vspd listened there too, nothing is to be changed.
Wallets know the VSP by its address and its public key. Both stay:
  %s
`, v.listen, v.PublicKey)
	return err
}
