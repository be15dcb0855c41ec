package metrics

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"scrutineer/verifier"
	"scrutineer/verifier/votes"
)

// collector shows a trial as it was last looked at.
type collector struct{ metrics *Metrics }

// described is every metric of a collector.
var described []*prometheus.Desc

func describe(name, help string, labels ...string) *prometheus.Desc {
	d := prometheus.NewDesc(name, help, labels, nil)
	described = append(described, d)
	return d
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(into chan<- *prometheus.Desc) {
	for _, d := range described {
		into <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(into chan<- prometheus.Metric) {
	t := c.metrics.shown()
	if t == nil {
		return
	}
	s := sample{into}
	s.window(t.Evidence.Window)
	s.uptime(t)
	if !t.Chain.At.IsZero() {
		s.votes(t)
	}
	s.verdicts(t)
	s.health(t, c.metrics.config.Now())
}

// sample is one scrape.
type sample struct{ into chan<- prometheus.Metric }

func (s sample) gauge(d *prometheus.Desc, value float64, labels ...string) {
	s.into <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func (s sample) counter(d *prometheus.Desc, value int, labels ...string) {
	s.into <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
}

// moment shows a time, and nothing for the zero time.
func (s sample) moment(d *prometheus.Desc, at time.Time, labels ...string) {
	if !at.IsZero() {
		s.gauge(d, float64(at.UnixMilli())/1000, labels...)
	}
}

var (
	slotsOver    = describe("vspverify_trial_slots", "Slots of the trial that are over.")
	slotsPlanned = describe("vspverify_trial_planned_slots", "Slots that the trial is to have; 0: until it is stopped.")
	slotLength   = describe("vspverify_slot_seconds", "The length of a slot.")
)

func (s sample) window(w verifier.Window) {
	s.gauge(slotsOver, float64(w.Slots))
	s.gauge(slotsPlanned, float64(w.Planned))
	s.gauge(slotLength, w.Slot.Seconds())
}

var (
	slots       = describe("vspverify_slots_total", "Slots by what an endpoint was in them.", "endpoint", "state")
	uptime      = describe("vspverify_uptime_ratio", "Share of the slots in which an endpoint was up: low if all that are unknown were down, high if they were up.", "endpoint", "bound")
	coverage    = describe("vspverify_coverage_ratio", "Share of the slots in which an endpoint was seen.", "endpoint")
	longest     = describe("vspverify_longest_outage_seconds", "The longest outage of an endpoint.", "endpoint")
	budgetSlots = describe("vspverify_budget_slots", "Slots that an endpoint may lose in the whole trial; not shown of a trial without an end.", "endpoint")
	budgetLeft  = describe("vspverify_budget_left_slots", "Slots that an endpoint may still lose, to the VSP or to us; below 0 TR-1 cannot be proven any more.", "endpoint")
	uptimeLimit = describe("vspverify_uptime_limit_ratio", "The least share of slots up that the policy asks for.")
)

func (s sample) uptime(t *Trial) {
	s.gauge(uptimeLimit, t.Evidence.Policy.Uptime)
	for i, u := range t.Uptimes {
		share := u.Share()
		s.counter(slots, share.Up, u.Endpoint, verifier.Up.String())
		s.counter(slots, share.Down, u.Endpoint, verifier.Down.String())
		s.counter(slots, share.Unknown, u.Endpoint, verifier.Unknown.String())
		s.gauge(uptime, share.Low(), u.Endpoint, "low")
		s.gauge(uptime, share.High(), u.Endpoint, "high")
		s.gauge(coverage, share.Coverage(), u.Endpoint)
		s.gauge(longest, (time.Duration(u.Longest(t.Evidence.Window).Slots) * t.Evidence.Window.Slot).Seconds(), u.Endpoint)
		if b := t.Forecast.Budgets[i]; t.Evidence.Window.Planned > 0 {
			s.gauge(budgetSlots, float64(b.Slots), u.Endpoint)
			s.gauge(budgetLeft, float64(b.Left()), u.Endpoint)
		}
	}
}

var (
	votesMade        = describe("vspverify_votes_made_total", "Final votes of the listed tickets.")
	votesMissed      = describe("vspverify_votes_missed_total", "Final misses of the listed tickets, by who is to answer for them.", "blame")
	votesProvisional = describe("vspverify_votes_provisional", "Votes and misses that are not final yet.")
	votesNeeded      = describe("vspverify_votes_needed", "Votes in all that prove the policy's miss rate if no more are missed; 0: no number does.")
	votesExpected    = describe("vspverify_votes_expected", "Votes in all that the listed tickets can be expected to have cast by the end.")
	missBound        = describe("vspverify_miss_rate_bound_ratio", "Upper bound of the miss rate at the policy's confidence.")
	missLimit        = describe("vspverify_miss_rate_limit_ratio", "The most that the policy lets the bound be.")
	tickets          = describe("vspverify_tickets", "Listed tickets by what became of them.", "outcome")
	ledgerHeight     = describe("vspverify_ledger_height", "The last block that was accounted for.")
)

func (s sample) votes(t *Trial) {
	s.counter(votesMade, t.Tally.Voted)
	s.counter(votesMissed, t.Tally.Operator, string(verifier.ByOperator))
	s.counter(votesMissed, t.Tally.Network, string(verifier.ByNetwork))
	s.counter(votesMissed, t.Tally.Unknown, string(verifier.ByUnknown))
	s.gauge(votesProvisional, float64(t.Tally.Provisional))
	s.gauge(votesNeeded, float64(t.Forecast.Votes.Needed))
	s.gauge(votesExpected, float64(t.Forecast.Votes.Expected))
	_, worst := t.Tally.Bounds(t.Evidence.Policy.Confidence)
	s.gauge(missBound, worst)
	s.gauge(missLimit, t.Evidence.Policy.MissRate)
	for _, outcome := range votes.Outcomes {
		s.gauge(tickets, float64(t.Evidence.Ledger.Count(outcome)), string(outcome))
	}
	s.gauge(ledgerHeight, float64(t.Evidence.Ledger.To))
}

var (
	rows          = describe("vspverify_rows", "Rows of the programme by their verdict so far.", "verdict")
	warnings      = describe("vspverify_warnings", "Warnings that hold now, by kind.", "kind")
	lost          = describe("vspverify_warnings_lost", "Warnings that hold now and that nothing to come can make good.")
	walletsOnline = describe("vspverify_vsp_wallets_online", "Voting wallets online, by the VSP's own last word.")
	walletsTotal  = describe("vspverify_vsp_wallets", "Voting wallets in all, by the VSP's own last word.")
)

func (s sample) verdicts(t *Trial) {
	for _, verdict := range verifier.Verdicts {
		s.gauge(rows, float64(t.Rows[verdict]), string(verdict))
	}
	active, final := make(map[string]int), 0
	for _, w := range t.Forecast.Warnings {
		active[w.Kind]++
		if w.Lost {
			final++
		}
	}
	for _, kind := range verifier.WarningKinds {
		s.gauge(warnings, float64(active[kind]), kind)
	}
	s.gauge(lost, float64(final))
	if last, ok := verifier.LastStatement(t.Evidence); ok {
		s.gauge(walletsOnline, float64(last.Info.VotingWalletsOnline))
		s.gauge(walletsTotal, float64(last.Info.TotalVotingWallets))
	}
}

var (
	roundAt        = describe("vspverify_round_timestamp_seconds", "When the last whole round began, in seconds since 1970 UTC.", "vantage")
	roundsMissed   = describe("vspverify_rounds_missed_total", "Slots that are over and have no whole round.", "vantage")
	journalEntries = describe("vspverify_journal_entries", "Entries of the journal that are sealed.")
	journalSeals   = describe("vspverify_journal_checkpoints", "Checkpoints of the journal.")
	journalBytes   = describe("vspverify_journal_bytes", "Size of the journal's entries.")
	journalTail    = describe("vspverify_journal_unsealed_bytes", "Size of the entries that no checkpoint covers yet.")
	journalLast    = describe("vspverify_journal_timestamp_seconds", "When the last entry was written that is sealed, in seconds since 1970 UTC.")
	nodeUp         = describe("vspverify_node_up", "Whether our own node could be used in the last round: 1 or 0.", "vantage")
	nodeHeight     = describe("vspverify_node_height", "The newest block of our own node, as last seen.", "vantage")
	nodePeers      = describe("vspverify_node_peers", "Peers of our own node, as last seen.", "vantage")
	ledgerAt       = describe("vspverify_ledger_timestamp_seconds", "When the ledger was last drawn up, in seconds since 1970 UTC.")
	ledgerAge      = describe("vspverify_ledger_age_seconds", "How long ago that was.")
	ledgerTook     = describe("vspverify_ledger_duration_seconds", "How long the newest attempt took.")
	ledgerOK       = describe("vspverify_ledger_up", "Whether the newest attempt succeeded: 1 or 0.")
)

func (s sample) health(t *Trial, now time.Time) {
	s.rounds(t.Evidence)
	s.nodes(t.Evidence.Seen)
	s.gauge(journalEntries, float64(t.Journal.Entries))
	s.gauge(journalSeals, float64(t.Journal.Checkpoints))
	s.gauge(journalBytes, float64(t.Journal.Bytes))
	s.gauge(journalTail, float64(t.Journal.Unsealed))
	s.moment(journalLast, t.Journal.Last)
	s.gauge(ledgerOK, number(!t.Chain.Failed && !t.Chain.At.IsZero()))
	s.gauge(ledgerTook, t.Chain.Took.Seconds())
	if !t.Chain.At.IsZero() {
		s.moment(ledgerAt, t.Chain.At)
		s.gauge(ledgerAge, now.Sub(t.Chain.At).Seconds())
	}
}

func (s sample) rounds(e verifier.Evidence) {
	whole := make(map[string]map[int]bool) // slots by vantage
	last := make(map[string]time.Time)
	for _, b := range e.Beats {
		if whole[b.Vantage] == nil {
			whole[b.Vantage] = make(map[int]bool)
		}
		last[b.Vantage] = b.At
		if slot, ok := e.Window.Index(b.At); ok {
			whole[b.Vantage][slot] = true
		}
	}
	for vantage, at := range last {
		s.moment(roundAt, at, vantage)
		s.counter(roundsMissed, e.Window.Slots-len(whole[vantage]), vantage)
	}
}

// nodes shows each vantage's node by its last observation.
func (s sample) nodes(seen []verifier.Observation) {
	shown, placed := make(map[string]bool), make(map[string]bool)
	for _, o := range slices.Backward(seen) {
		if o.Kind != verifier.KindNode {
			continue
		}
		if !shown[o.Vantage] {
			shown[o.Vantage] = true
			s.gauge(nodeUp, number(o.Code == verifier.OK), o.Vantage)
		}
		if o.Node != nil && !placed[o.Vantage] {
			placed[o.Vantage] = true
			s.gauge(nodeHeight, float64(o.Node.Height), o.Vantage)
			s.gauge(nodePeers, float64(o.Node.Peers), o.Vantage)
		}
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
