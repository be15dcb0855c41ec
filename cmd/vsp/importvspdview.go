package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
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

	listen string
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

func (v *importView) refused() int {
	return v.Report.Tickets.Refused + v.Report.Requests.Refused + v.Report.AltSigners.Refused
}

func (v *importView) write(out io.Writer, asJSON bool) error {
	if asJSON {
		return writeJSON(out, v)
	}
	fmt.Fprintf(out, "vspd's database: version %d, %s, %s, the newest\n  %s\nPublic key: %s\n", v.Version, v.Network,
		plural(len(v.XPubs), "extended public key"), v.XPubs[len(v.XPubs)-1].XPub, v.PublicKey)
	if v.Counts == nil {
		return nil
	}
	fmt.Fprintf(out, "Tickets: %d voting, %d voted, %d missed, %d expired; fee not confirmed of %d\n\n", v.Counts.Voting, v.Counts.Voted,
		v.Counts.Missed, v.Counts.Expired, v.Counts.Unpaid)
	if err := v.writeTallies(out); err != nil {
		return err
	}
	v.writeNotes(out)
	if v.DryRun {
		_, err := fmt.Fprintln(out, "\nNothing was written.")
		return err
	}
	if v.Report.ToScan > 0 {
		fmt.Fprintf(out, "\nvsp serve will look for outcomes from block %d on: %s.\n", v.Report.ScanFrom, plural(int(v.Report.ToScan), "block"))
	}
	return v.writeNext(out)
}

func (v *importView) writeTallies(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tIN VSPD\tTAKEN\tUPDATED\tTHERE\tREFUSED\t")
	for _, row := range []struct {
		name string
		of   vspd.Tally
	}{{"tickets", v.Report.Tickets}, {"requests", v.Report.Requests}, {"alternate signers", v.Report.AltSigners}} {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t\n", row.name, row.of.Read, row.of.Taken, row.of.Updated, row.of.There, row.of.Refused)
	}
	return table.Flush()
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
