package vsp

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/decred/dcrd/chaincfg/chainhash"
)

// Event is one thing that happens to a ticket. Its text is the attribute "event" of the line that is logged for it.
type Event string

// The events.
const (
	EventTicketRegistered Event = "ticket_registered"   // it has a fee address now
	EventTicketPublished  Event = "ticket_published"    // the network got it from us
	EventTicketConfirmed  Event = "ticket_confirmed"    // it has Confirmations
	EventTicketForgotten  Event = "ticket_forgotten"    // it came to nothing
	EventTicketVoted      Event = "ticket_voted"        //
	EventTicketMissed     Event = "ticket_missed"       //
	EventTicketExpired    Event = "ticket_expired"      //
	EventOutcomeTakenBack Event = "outcome_taken_back"  // the block in which it ended is not of the main chain any more
	EventFeeRenewed       Event = "fee_amount_renewed"  // another amount was promised, as the promise before had run out
	EventFeeReceived      Event = "fee_received"        // its payment is stored
	EventFeeBroadcast     Event = "fee_broadcast"       // the network has the payment
	EventFeeRebroadcast   Event = "fee_broadcast_again" // the network had lost it
	EventFeeRefused       Event = "fee_refused"         // the network will never take it: the holder must pay another
	EventFeeConfirmed     Event = "fee_confirmed"       // the payment has Confirmations
	EventChoicesSet       Event = "choices_set"         //
	EventChoicesLeftOut   Event = "choices_left_out"    // those that came with a payment are not valid
	EventAltSignerSet     Event = "alt_signer_set"      // another address may sign its requests
)

// events is every event, in the order of a ticket's life, with how it is logged.
var events = [...]struct {
	event Event
	level slog.Level
	text  string
}{
	{EventTicketRegistered, slog.LevelInfo, "ticket registered"},
	{EventTicketPublished, slog.LevelInfo, "ticket published"},
	{EventAltSignerSet, slog.LevelInfo, "alternate signing address set"},
	{EventFeeRenewed, slog.LevelInfo, "fee promised anew"},
	{EventFeeReceived, slog.LevelInfo, "fee received"},
	{EventChoicesLeftOut, slog.LevelWarn, "choices left out"},
	{EventChoicesSet, slog.LevelInfo, "choices set"},
	{EventTicketConfirmed, slog.LevelInfo, "ticket confirmed"},
	{EventFeeBroadcast, slog.LevelInfo, "fee broadcast"},
	{EventFeeRebroadcast, slog.LevelInfo, "fee broadcast again"},
	{EventFeeRefused, slog.LevelWarn, "fee refused"},
	{EventFeeConfirmed, slog.LevelInfo, "fee confirmed"},
	{EventTicketVoted, slog.LevelInfo, "ticket voted"},
	{EventTicketMissed, slog.LevelWarn, "ticket missed"},
	{EventTicketExpired, slog.LevelInfo, "ticket expired"},
	{EventOutcomeTakenBack, slog.LevelWarn, "outcome taken back"},
	{EventTicketForgotten, slog.LevelInfo, "ticket forgotten"},
}

// endings is the event of each outcome.
var endings = map[Outcome]Event{
	Voted: EventTicketVoted, Missed: EventTicketMissed, Expired: EventTicketExpired,
}

// counters counts events, each at its place in events.
type counters [len(events)]atomic.Uint64

// happened logs an event and counts it. It is called once what has happened is stored. Attributes must be fit for a log:
// a holder's keys and requests are not.
func (s *Service) happened(ctx context.Context, event Event, ticket chainhash.Hash, attributes ...any) {
	for i := range events {
		if e := &events[i]; e.event == event {
			s.counters[i].Add(1)
			s.Log.Log(ctx, e.level, e.text, append([]any{"event", string(event), "ticket", ticket}, attributes...)...)
		}
	}
}

// Events returns how often each event has happened in this process since it began; also those that never have. An event is
// counted where it was brought about: what is found on the chain, by the process that leads.
func (s *Service) Events() map[Event]uint64 {
	counts := make(map[Event]uint64, len(events))
	for i := range events {
		counts[events[i].event] = s.counters[i].Load()
	}
	return counts
}
