package verifier

import (
	"fmt"
	"slices"
	"time"

	"scrutineer/verifier/votes"
	"scrutineer/vsp/vspapi"
)

// Statement is what the VSP said about itself, signed, and when.
type Statement struct {
	Cite   Cite
	At     time.Time // when the round began, UTC
	Height int64     // of our own node just before
	Info   vspapi.Info
}

// Statements returns every statement of the VSP that was found in order, in the journal's order.
func Statements(e Evidence) []Statement {
	var all []Statement
	for _, o := range e.Seen {
		if o.Kind != KindInfo || o.Code.State() == Unknown || o.Node == nil || !o.trusted() {
			continue
		}
		if info, err := o.Info(); err == nil {
			all = append(all, Statement{o.Cite(), o.At, o.Node.Height, info})
		}
	}
	return all
}

// trusted reports whether the VSP's signature on the answer was verified.
func (o Observation) trusted() bool {
	return o.Code == OK || o.Code == Slow || o.Code == StaleHeight
}

// lastClaims is how many statements, the latest, must all contradict the chain before the VSP is said to lie: one alone
// may have been made while a block was being taken in.
const lastClaims = 3

// judgeTruth is row TR-5. Of a list that may lack tickets only a count that is too small can be told to be wrong.
func judgeTruth(e Evidence) Finding {
	if f, bad := e.unreadable(); bad {
		return f
	}
	said := Statements(e)
	if len(said) < lastClaims {
		return lacking(fmt.Sprintf("the VSP made %d signed statements, %d are needed", len(said), lastClaims))
	}
	whole := e.covered(said)
	said = said[len(said)-lastClaims:]
	f := Finding{Class: Outside}
	for _, c := range slices.Concat(said, whole) {
		f.Cites = append(f.Cites, c.Cite)
	}
	last, unlisted := said[len(said)-1], e.unlisted()
	for _, count := range []struct {
		name    string
		outcome votes.Outcome
		of      func(vspapi.Info) int64
	}{
		{"voted", votes.Voted, func(i vspapi.Info) int64 { return i.Voted }},
		{"missed", votes.Missed, func(i vspapi.Info) int64 { return i.Missed }},
		{"expired", votes.Expired, func(i vspapi.Info) int64 { return i.Expired }},
	} {
		least, _ := e.bounds(count.outcome, last)
		f.Numbers = append(f.Numbers, number("claimed_"+count.name, count.of(last.Info)), number("chain_"+count.name, least))
		few := !slices.ContainsFunc(said, func(c Statement) bool {
			least, _ := e.bounds(count.outcome, c)
			return count.of(c.Info) >= least
		})
		many := len(whole) > 0 && !slices.ContainsFunc(whole, func(c Statement) bool {
			_, most := e.bounds(count.outcome, c)
			return count.of(c.Info) <= most+unlisted
		})
		switch {
		case few:
			f.Verdict = Refuted
			f.Says = append(f.Says, fmt.Sprintf("The VSP says that %d tickets %s; of the listed ones alone it is %d.", count.of(last.Info), count.name, least))
		case many:
			f.Verdict, f.Class = Refuted, e.completeClass()
			c := whole[len(whole)-1]
			_, most := e.bounds(count.outcome, c)
			f.Says = append(f.Says, fmt.Sprintf("The VSP says that %d tickets %s; of all its tickets it is %d.", count.of(c.Info), count.name, most+unlisted))
		}
	}
	if f.Verdict == Refuted {
		return f
	}
	f.Verdict = Unproven
	online, checked := e.onlineTold()
	switch {
	case online != "":
		f.Says = []string{online}
	case !e.Complete:
		f.Says = []string{"Nothing contradicts the chain, but the list of tickets does not claim to be complete."}
	case len(whole) == 0:
		f.Says = []string{fmt.Sprintf("Nothing contradicts the chain, but the list that the VSP signed is of block %d, and it made fewer than %d statements up to there.",
			e.Listing.File.Height, lastClaims)}
	case !checked:
		f.Says = []string{"Voted, missed, expired and height are as the chain has them; no drill shows whether the number of wallets online is told as it is."}
	default:
		f.Verdict, f.Class = Pass, Word // that the wallets were down is the drill log's word
		f.Says = []string{"Voted, missed, expired and height are as the chain has them, and in each drill fewer wallets were said to be online."}
	}
	return f
}

// onlineTold compares what the VSP said of its wallets with the drills in which some were down. It returns what does not
// agree, which is nobody's lie: the drill log is a person's word. It reports whether there was anything to compare.
func (e Evidence) onlineTold() (disagrees string, checked bool) {
	for _, d := range e.Drills {
		if d.Kind != WalletsDown {
			continue
		}
		n, most := 0, int64(0) // statements well inside the drill, and the most wallets that any of them had away
		for _, s := range Statements(e) {
			if s.Height >= d.From+e.Policy.MaxLagBlocks && s.Height <= d.To-e.Policy.MaxLagBlocks {
				n++
				most = max(most, s.Info.TotalVotingWallets-s.Info.VotingWalletsOnline)
			}
		}
		if n < lastClaims {
			continue
		}
		checked = true
		if most < int64(d.Count) {
			return fmt.Sprintf("By the drill log %d wallets were down in blocks %d to %d; in %d statements then the VSP said that at most %d were. One of the two is wrong.",
				d.Count, d.From, d.To, n, most), true
		}
	}
	return "", checked
}

// covered returns the last statements that were made when the list of tickets was complete, if there are enough. A list that
// the VSP signed is of one block; the reviewer's word is for the whole trial.
func (e Evidence) covered(said []Statement) []Statement {
	if !e.Complete {
		return nil
	}
	for e.Listing.File.Signed && len(said) > 0 {
		if last := said[len(said)-1]; max(last.Height, int64(last.Info.BlockHeight)) <= e.Listing.File.Height {
			break
		}
		said = said[:len(said)-1]
	}
	if len(said) < lastClaims {
		return nil
	}
	return said[len(said)-lastClaims:]
}

// unlisted counts the tickets that the VSP may have besides those in the ledger of a complete list, and that may have come to
// anything: those it was about to have, and the shopper's whose fee it was given and never heard to confirm.
func (e Evidence) unlisted() int64 {
	count := int64(e.Listing.File.Pending)
	for _, r := range NewShopping(e.Target, e.Seen).Registrations {
		in := func(entry votes.Entry) bool { return entry.Ticket == r.Ticket }
		if r.FeeTx != "" && !slices.ContainsFunc(e.Ledger.Entries, in) {
			count++
		}
	}
	return count
}

// completeClass is the kind of evidence that the list is complete by.
func (e Evidence) completeClass() Class {
	if e.Listing.File.Signed {
		return Stated
	}
	return Word
}

// bounds returns how many tickets the VSP must have known, and can have known, to have had an outcome when it made a
// statement: it is given the policy's lag on both sides of its height and ours. What became of a ticket before the ledger
// begins is not in it, and may have been anything.
func (e Evidence) bounds(outcome votes.Outcome, c Statement) (least, most int64) {
	early := min(int64(c.Info.BlockHeight), c.Height) - e.Policy.MaxLagBlocks
	late := max(int64(c.Info.BlockHeight), c.Height) + e.Policy.MaxLagBlocks
	for _, entry := range e.Ledger.Entries {
		switch {
		case entry.Outcome == votes.Unknown:
			most++
		case entry.Outcome != outcome:
		default:
			if entry.Decided <= early && e.Final(entry) {
				least++
			}
			if entry.Decided <= late {
				most++
			}
		}
	}
	return least, most
}
