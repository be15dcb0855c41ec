package verifier

import (
	"fmt"
	"math"
	"time"

	"scrutineer/verifier/votes"
)

// Outlook is what the votes so far prove, and what those to come may.
type Outlook struct {
	Held     int           // votes that the VSP is held to: made, or missed and not by the network
	Missed   int           // of them, by the operator or for a cause unknown
	Bound    float64       // of the miss rate, 0 to 1
	Needed   int           // votes in all with which no more misses would be within the limit; 0: no number of them
	Most     int           // votes in all if every listed ticket that still can wins
	Expected int           // votes in all by the end of the trial, as tickets win by chance; Most where there is no end
	Allowed  int           // more misses that the expected votes allow; -1: those so far are too many
	Wait     time.Duration // until the needed votes can be expected; 0 if they are there, or the tickets listed are too few
}

// newOutlook returns the zero Outlook where the chain says nothing.
func newOutlook(e Evidence, misses []Miss) Outlook {
	if _, bad := e.unreadable(); bad {
		return Outlook{}
	}
	t := NewTally(e, misses)
	o := Outlook{Held: t.held(), Missed: t.Operator + t.Unknown}
	_, o.Bound = t.Bounds(e.Policy.Confidence)
	if needed, ok := votesNeeded(o.Missed, e.Policy.MissRate, e.Policy.Confidence); ok {
		o.Needed = needed
	}
	c := newChances(e)
	o.Most = o.Held + t.Provisional + c.running
	o.Expected = o.Held + t.Provisional + int(math.Round(c.won(c.blocksLeft(e))))
	o.Allowed = -1
	for o.Missed+o.Allowed < o.Expected && upperBound(o.Missed+o.Allowed+1, o.Expected, e.Policy.Confidence) <= e.Policy.MissRate {
		o.Allowed++
	}
	if o.Needed > o.Held {
		o.Wait = c.until(o.Needed - o.Held - t.Provisional)
	}
	return o
}

// chances is how the tickets that may still win do so: each block draws its winners among all live tickets, so that each has
// the same chance in each block, whatever it has waited (dcrd chaincfg: a pool of TicketPoolSize * TicketsPerBlock).
type chances struct {
	perBlock float64       // chance of one ticket
	blocks   time.Duration // from one block to the next
	running  int           // tickets live or becoming so
}

// paceBlocks is how many blocks show better how fast they come than the network's rule does.
const paceBlocks = 20

func newChances(e Evidence) chances {
	params := e.Target.Network.Params
	c := chances{perBlock: 1 / float64(params.TicketPoolSize), blocks: params.TargetTimePerBlock}
	for _, entry := range e.Ledger.Entries {
		if entry.Outcome == votes.Live || entry.Outcome == votes.Immature {
			c.running++
		}
	}
	var first, last *Observation
	for i := range e.Seen {
		if o := &e.Seen[i]; o.Kind == KindNode && o.Node != nil {
			if first == nil {
				first = o
			}
			last = o
		}
	}
	if first != nil && last.Node.Height-first.Node.Height >= paceBlocks {
		c.blocks = last.At.Sub(first.At) / time.Duration(last.Node.Height-first.Node.Height)
	}
	return c
}

// blocksLeft is how many blocks the trial still has whose votes can become final in it; infinitely many without an end.
func (c chances) blocksLeft(e Evidence) float64 {
	if e.Window.Planned == 0 {
		return math.Inf(1)
	}
	left := slots(e, max(0, e.Window.Planned-e.Window.Slots))
	return max(0, float64(left)/float64(max(c.blocks, 1))-votes.Confirmations)
}

// won is how many tickets can be expected to win in a number of blocks.
func (c chances) won(blocks float64) float64 {
	return float64(c.running) * (1 - math.Pow(1-c.perBlock, blocks))
}

// until is how long it takes until so many have won, and their votes are final.
func (c chances) until(more int) time.Duration {
	if more >= c.running {
		return 0
	}
	blocks := math.Log(1-float64(max(0, more))/float64(c.running))/math.Log(1-c.perBlock) + votes.Confirmations
	return time.Duration(blocks * float64(c.blocks)).Round(time.Second)
}

// settled is the share of a trial after which its list of tickets can be expected to be there.
const settled = 1.0 / 7

// warnVotes tells when the votes that can be expected will not do. More tickets may still be listed, so nothing is lost
// before the end but by misses that no number of votes makes good.
func warnVotes(e Evidence, o Outlook) []Warning {
	limit := e.Policy.MissRate * 100
	w := Warning{Kind: WarnVotes, Row: "TR-2"}
	switch {
	case e.Ledger.To == 0 || e.Ledger.Mismatch != nil || e.Window.Planned == 0:
		return nil
	case o.Missed > 0 && o.Needed == 0:
		w.Lost = true
		w.Says = fmt.Sprintf("%d votes were missed: no number of votes shows that it is at most %.3g %%.", o.Missed, limit)
	case o.Missed > 0 && o.Needed > o.Expected:
		w.Says = fmt.Sprintf("%d missed, which is at most %.3g %% only of %d votes; the tickets listed let expect %d, and at most %d.",
			o.Missed, limit, o.Needed, o.Expected, o.Most)
	case o.Needed > o.Expected && float64(e.Window.Slots) >= settled*float64(e.Window.Planned):
		w.Kind = WarnTickets
		w.Says = fmt.Sprintf("%d votes without a miss would prove at most %.3g %%; the tickets listed let expect %d, and at most %d: list more.",
			o.Needed, limit, o.Expected, o.Most)
	default:
		return nil
	}
	return []Warning{w}
}
