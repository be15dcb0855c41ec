package main

import (
	"fmt"
	"slices"
	"time"

	"scrutineer/verifier"
	"scrutineer/verifier/journal"
)

// remark is an entry of the journal that says something new.
type remark struct {
	number int64
	at     time.Time // UTC
	kind   string
	says   string
}

// keptRemarks is how many of the newest are kept.
const keptRemarks = 50

// remarks picks out the entries that say something new: beginnings, ends, and what ended otherwise than the time before.
type remarks struct {
	list    []remark                    // the oldest first
	codes   map[[3]string]verifier.Code // of what was seen last, by vantage, kind and endpoint
	wallets [2]int64                    // online and in all, as the VSP said last
}

// take takes in an entry, with the observation that it is, if it is one.
func (r *remarks) take(entry journal.Entry, o *verifier.Observation) {
	switch {
	case o != nil:
		r.see(entry, *o)
	case entry.Kind == verifier.EntryStop:
		r.add(entry, "vspverify run ended as it should")
	case entry.Kind == verifier.EntryAlertDrill:
		if says := alertStepText(entry); says != "" {
			r.add(entry, "drill: "+says)
		}
	case entry.Kind != verifier.EntryBeat:
		r.add(entry, entry.Kind+": "+glance(entry).says)
	}
}

// see takes in an observation.
func (r *remarks) see(entry journal.Entry, o verifier.Observation) {
	if o.Kind == verifier.KindMempool || o.Kind == verifier.KindChoices {
		return
	}
	key := [3]string{o.Vantage, o.Kind, o.Endpoint}
	before, known := r.codes[key]
	if r.codes == nil {
		r.codes = make(map[[3]string]verifier.Code)
	}
	r.codes[key] = o.Code
	switch {
	case o.Code != before && (known || o.Code != verifier.OK):
		what := o.Kind
		if o.Kind == verifier.KindControl {
			what += " " + o.Endpoint
		}
		if o.Vantage != localVantage {
			what = o.Vantage + ": " + what
		}
		r.add(entry, what+": "+observed(o))
	case o.Kind == verifier.KindInfo:
		r.told(entry, o)
	}
}

// told notes that the VSP says something else of its wallets than the time before.
func (r *remarks) told(entry journal.Entry, o verifier.Observation) {
	info, err := o.Info()
	if err != nil || o.Code != verifier.OK {
		return
	}
	before := r.wallets
	r.wallets = [2]int64{info.VotingWalletsOnline, info.TotalVotingWallets}
	if before != r.wallets && before != [2]int64{} {
		r.add(entry, fmt.Sprintf("the VSP says that %d of %d voting wallets are online", r.wallets[0], r.wallets[1]))
	}
}

func (r *remarks) add(entry journal.Entry, says string) {
	r.list = append(r.list, remark{entry.Number, entry.At, entry.Kind, says})
	if len(r.list) > keptRemarks {
		r.list = slices.Clone(r.list[1:])
	}
}
