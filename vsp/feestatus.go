package vsp

import "fmt"

// FeeStatus is how far a fee's payment is. Its text is what the protocol calls it.
type FeeStatus string

// The fee statuses.
const (
	FeeNone      FeeStatus = "none"      // nothing was paid
	FeeReceived  FeeStatus = "received"  // the transaction is stored; it is sent when the ticket is confirmed
	FeeBroadcast FeeStatus = "broadcast" // the node took the transaction
	FeeConfirmed FeeStatus = "confirmed" // the transaction has Confirmations
	FeeError     FeeStatus = "error"     // the node refused the transaction for good: the holder must pay another
)

// FeeEvent is what can happen to a fee.
type FeeEvent string

// The fee events. A node that could not be asked is none of them.
const (
	FeePaid     FeeEvent = "paid"     // the holder handed over a transaction, and it is in order
	FeeAccepted FeeEvent = "accepted" // the node took it, or has it already
	FeeRefused  FeeEvent = "refused"  // the node will never take it
	FeeMined    FeeEvent = "mined"    // it has Confirmations
)

// feeMoves is every move there is; what is not in it is refused.
var feeMoves = map[FeeStatus]map[FeeEvent]FeeStatus{
	FeeNone:      {FeePaid: FeeReceived},
	FeeReceived:  {FeeAccepted: FeeBroadcast, FeeRefused: FeeError, FeeMined: FeeConfirmed},
	FeeBroadcast: {FeeAccepted: FeeBroadcast, FeeRefused: FeeError, FeeMined: FeeConfirmed},
	FeeConfirmed: {FeeMined: FeeConfirmed},
	FeeError:     {FeePaid: FeeReceived, FeeMined: FeeConfirmed},
}

// Next returns the status after an event, or an error where the event cannot happen in this status.
func (s FeeStatus) Next(event FeeEvent) (FeeStatus, error) {
	next, ok := feeMoves[s][event]
	if !ok {
		return s, fmt.Errorf("fee status %q: a fee cannot be %s now", s, event)
	}
	return next, nil
}

// Paid reports whether a fee was handed over that is good as far as we know: the holder need not pay again.
func (s FeeStatus) Paid() bool {
	return s == FeeReceived || s == FeeBroadcast || s == FeeConfirmed
}
