package vspd

import (
	"bytes"
	"errors"

	"scrutineer/vsp"
)

// errOther says that a ticket of ours is not the one that vspd has.
var errOther = errors.New("it is registered here with another fee address: its holder was told both")

// advance tells how far a fee is. A failed one is behind one that was sent: the service finds out by itself that it failed.
var advance = map[vsp.FeeStatus]int{
	vsp.FeeNone: 0, vsp.FeeReceived: 1, vsp.FeeError: 2, vsp.FeeBroadcast: 3, vsp.FeeConfirmed: 4,
}

// merge returns a ticket that is here already with what vspd's copy of it adds. What the chain has told either stays told.
// What the holder decided is taken from vspd if vspd has heard of more: heard tells that it has requests that are not here.
// Merging the same again changes nothing.
func merge(have, theirs vsp.Ticket, heard bool) (vsp.Ticket, error) {
	if have.Commitment != theirs.Commitment || have.Fee.Address != theirs.Fee.Address {
		return have, errOther
	}
	t := have
	if heard || have.VotingKey == "" || !have.Fee.Status.Paid() && theirs.Fee.Status.Paid() {
		t.VotingKey, t.Choices, t.ChoicesSetAt = theirs.VotingKey, theirs.Choices, max(have.ChoicesSetAt, theirs.ChoicesSetAt)
		t.Fee = mergeFee(have.Fee, theirs.Fee)
	} else if have.Fee.TxHash == theirs.Fee.TxHash {
		t.Fee = mergeFee(have.Fee, theirs.Fee)
	}
	if !t.Confirmed {
		t.Confirmed, t.PurchaseHeight = theirs.Confirmed, theirs.PurchaseHeight
	}
	if t.Outcome == vsp.NoOutcome {
		t.Outcome = theirs.Outcome
	}
	return t, nil
}

// mergeFee returns the fee of vspd's copy, as far as it is known here.
func mergeFee(have, theirs vsp.Fee) vsp.Fee {
	fee := theirs
	if have.Expires.After(theirs.Expires) {
		fee.Amount, fee.Expires = have.Amount, have.Expires
	}
	if have.TxHash != theirs.TxHash {
		return fee
	}
	if advance[have.Status] > advance[theirs.Status] {
		fee.Status, fee.Tx = have.Status, have.Tx
	}
	if fee.Received.IsZero() {
		fee.Received = have.Received
	}
	if fee.Paid == 0 {
		fee.Paid = have.Paid
	}
	fee.Height = have.Height
	return fee
}

// missing returns those of vspd's changes that are not here. Those that are older than the newest here are not missing:
// they were let go of, as only some are kept.
func missing(have, theirs []vsp.Change) (changes []vsp.Change) {
	for _, c := range theirs {
		known := false
		for _, h := range have {
			known = known || h.Signature == c.Signature && bytes.Equal(h.Request, c.Request)
		}
		if !known && (len(have) == 0 || c.Answered >= have[len(have)-1].Answered) {
			changes = append(changes, c)
		}
	}
	return changes
}
