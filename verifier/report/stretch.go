package report

import "fmt"

// Stretch is some of the ledger's blocks, and what became of votes in them.
type Stretch struct {
	From, To     int64
	Made, Missed int // decided in them
	Sum          int // votes made up to their end
}

// stretchCount is in how many parts a ledger is told of: days, in a trial of a week.
const stretchCount = 7

// stretches cuts a ledger's blocks into parts of the same length.
func (r Report) stretches() []Stretch {
	blocks := r.Ledger.To - r.Ledger.From + 1
	if blocks < stretchCount || r.Ledger.Made+r.Ledger.Missed == 0 {
		return nil
	}
	all := make([]Stretch, stretchCount)
	for i := range all {
		all[i].From = r.Ledger.From + blocks*int64(i)/stretchCount
		all[i].To = r.Ledger.From + blocks*int64(i+1)/stretchCount - 1
	}
	for _, t := range r.Tickets {
		for i := range all {
			switch {
			case t.Decided == nil || *t.Decided < all[i].From || *t.Decided > all[i].To:
			case t.Outcome == "made":
				all[i].Made++
			case t.Outcome == "missed":
				all[i].Missed++
			}
		}
	}
	sum := 0
	for i := range all {
		sum += all[i].Made
		all[i].Sum = sum
	}
	return all
}

// votesOverTime says how votes were made and missed over the blocks.
func (r Report) votesOverTime(p *page) {
	parts := r.stretches()
	if len(parts) == 0 {
		return
	}
	p.line("  blocks                     made   missed   made in all")
	for _, s := range parts {
		p.line(fmt.Sprintf("  %-24s %6d %8d %13d", fmt.Sprintf("%d to %d", s.From, s.To), s.Made, s.Missed, s.Sum))
	}
}

// walletLines is how many changes of the wallets the text tells of; the JSON has them all.
const walletLines = 12

// readiness says how many wallets were online over time.
func (r Report) readiness(p *page) {
	if len(r.Wallets) == 0 {
		return
	}
	p.title("VOTING WALLETS, by the VSP's own word (TR-3)")
	for i, w := range r.Wallets {
		if i == walletLines && len(r.Wallets) > walletLines {
			p.line(fmt.Sprintf("  and %d more changes, which the JSON has", len(r.Wallets)-walletLines))
			break
		}
		p.line(fmt.Sprintf("  %s to %s  %d of %d online, for %v", w.From.Format("02 Jan 15:04:05"), w.To.Format("02 Jan 15:04:05"), w.Online, w.Total,
			span(w.To.Sub(w.From))))
	}
}
