package metrics

import (
	"scrutineer/vsp"
)

var (
	tickets = describe("vsp_tickets", "Tickets whose fee is confirmed, by what has become of them.", "state")
	events  = describe("vsp_ticket_events_total",
		"What has happened to tickets, counted by the process that brought it about, since it began.", "event")
)

func (s sample) tickets(c vsp.Counts) {
	s.gauge(tickets, float64(c.Voting), "voting")
	s.gauge(tickets, float64(c.Voted), "voted")
	s.gauge(tickets, float64(c.Missed), "missed")
	s.gauge(tickets, float64(c.Expired), "expired")
}

var (
	leading    = describe("vsp_leading", "Whether this process does the work on the chain, of those that share a database: 1 or 0.")
	scanHeight = describe("vsp_scan_height", "The block up to which outcomes were looked for. Only the process that leads shows it.")
	tended     = describe("vsp_tended_timestamp_seconds",
		"When tickets and fees were last gone through, in seconds since 1970 UTC. Only the process that leads shows it.")
	unconfirmed = describe("vsp_tickets_unconfirmed", "Tickets that are not deep enough in the chain yet.")
	feesPending = describe("vsp_fees_pending",
		"Fees that were received and not sent yet: their ticket is waiting for confirmations, or sending was not possible.", "state")
	oldestUnsent = describe("vsp_fees_unsent_oldest_timestamp_seconds",
		"When the oldest fee was received that could not be sent though its ticket is confirmed, in seconds since 1970 UTC.")
	feesInError = describe("vsp_fees_in_error", "Fees that the network has refused, of tickets that may still vote.")
	held        = describe("vsp_tickets_held", "Tickets that every wallet should hold.")
)

// progress shows the work on the chain. What only the leader knows is shown by it alone, so that a sum over all processes is
// right.
func (s sample) progress(p vsp.Progress) {
	s.gauge(leading, number(p.Leading))
	if !p.Leading {
		return
	}
	s.gauge(scanHeight, float64(p.Scanned.Height))
	if p.At.IsZero() {
		return
	}
	s.moment(tended, p.At)
	s.gauge(unconfirmed, float64(p.Unconfirmed))
	s.gauge(feesPending, float64(p.Waiting), "waiting")
	s.gauge(feesPending, float64(p.Unsent), "unsent")
	s.moment(oldestUnsent, p.OldestUnsent)
	s.gauge(feesInError, float64(p.InError))
	s.gauge(held, float64(p.Held))
}
