package wallet

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// A ticket that a wallet does not take is offered again after firstRetry, then after twice as long, up to lastRetry.
const firstRetry, lastRetry = time.Second, 5 * time.Minute

// debt is a ticket that is owed to a wallet.
type debt struct {
	absent   bool // the wallet has just said that it does not have it
	failures int
	due      time.Time // not to be tried before
}

// believed returns the wanted tickets that the wallet is believed to hold.
func (v *voter) believed() []want {
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	var all []want
	for hash, w := range v.pool.wanted {
		if v.debts[hash] == nil {
			all = append(all, w)
		}
	}
	return all
}

// due returns the next tickets to bring, those bought first, as they may be drawn any time. A wallet must have caught up
// with a ticket's block before: it would file the ticket as unmined.
func (v *voter) due() []want {
	now := v.pool.options.Now()
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	var batch []want
	for hash, d := range v.debts {
		if w := v.pool.wanted[hash]; !d.due.After(now) && w.PurchaseHeight <= v.state.Height {
			batch = append(batch, w)
		}
	}
	slices.SortFunc(batch, func(a, b want) int { return cmp.Compare(a.PurchaseHeight, b.PurchaseHeight) })
	return batch
}

// owes reports whether a ticket of a batch is still to be brought: nobody has let go of it meanwhile, changed its choices or
// put it off.
func (v *voter) owes(w want) bool {
	now := v.pool.options.Now()
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	d := v.debts[w.Ticket]
	return d != nil && !d.due.After(now) && v.pool.wanted[w.Ticket].edition == w.edition
}

// wants reports whether a ticket is still wanted with the same choices.
func (v *voter) wants(w want) bool {
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	return v.pool.wanted[w.Ticket].edition == w.edition
}

// credit counts a ticket as held, unless other choices have come to be wanted meanwhile.
func (v *voter) credit(w want) {
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	if v.pool.wanted[w.Ticket].edition == w.edition {
		delete(v.debts, w.Ticket)
	}
}

// owe makes a debt of a ticket that is still wanted, and reports whether it was thought to be held.
func (v *voter) owe(w want, absent bool) bool {
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	if _, wanted := v.pool.wanted[w.Ticket]; !wanted || v.debts[w.Ticket] != nil {
		return false
	}
	v.debts[w.Ticket] = &debt{absent: absent}
	return true
}

// absent reports whether the wallet has just said that it does not have a ticket. It says so once: what is done then may
// change it.
func (v *voter) absent(w want) bool {
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	d := v.debts[w.Ticket]
	if d == nil || !d.absent {
		return false
	}
	d.absent = false
	return true
}

// postpone puts off a ticket that the wallet did not take, unless it is put off already. It logs the first time.
func (v *voter) postpone(w want, cause error) {
	now := v.pool.options.Now()
	v.pool.mu.Lock()
	d := v.debts[w.Ticket]
	if d == nil || d.due.After(now) {
		v.pool.mu.Unlock()
		return
	}
	d.due = now.Add(min(firstRetry<<min(d.failures, 16), lastRetry))
	d.failures++
	first := d.failures == 1
	v.trouble = fmt.Sprintf("it does not take ticket %s: %v", w.Ticket, cause)
	v.pool.mu.Unlock()
	if first {
		v.log.Error("wallet does not take a ticket", "ticket", w.Ticket, "err", cause)
	}
}

// relieve forgets why something could not be brought, unless there are tickets that the wallet does not take.
func (v *voter) relieve() {
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	for _, d := range v.debts {
		if d.failures > 0 {
			return
		}
	}
	v.trouble = ""
}

// blame notes why nothing could be brought.
func (v *voter) blame(trouble string) {
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	v.trouble = trouble
}
