package vsp

import (
	"context"
	"fmt"
	"time"

	"scrutineer/vsp/vspapi"
)

// maxAhead is how far the timestamp of a request for choices may be ahead of our clock. It must be later than that of
// every earlier one, so one from the far future would be the holder's last.
const maxAhead = 24 * time.Hour

// SetVoteChoices changes how a ticket votes. It works while the VSP is closed, and while wallets are away: they get the
// choices when they are back.
func (s *Service) SetVoteChoices(ctx context.Context, r Request) (vspapi.SetVoteChoicesResponse, error) {
	t, _, err := s.authenticate(ctx, r)
	if err != nil {
		return vspapi.SetVoteChoicesResponse{}, err
	}
	if err := t.mustTakeChoices(); err != nil {
		return vspapi.SetVoteChoicesResponse{}, err
	}
	m, err := decodeSetVoteChoices(r)
	if err != nil {
		return vspapi.SetVoteChoicesResponse{}, err
	}
	now := s.now()
	if m.Timestamp > now.Add(maxAhead).Unix() {
		return vspapi.SetVoteChoicesResponse{}, refusef(vspapi.InvalidTimestamp, "timestamp is too far in the future")
	}
	wanted := Choices{Agendas: m.VoteChoices, TSpends: m.TSpendPolicy, Treasury: m.TreasuryPolicy}
	wrong := wanted.check(s.Profile)
	_, err = s.Store.Update(ctx, t.Hash, func(t *Ticket) (*Change, error) {
		if err := t.mustTakeChoices(); err != nil {
			return nil, err
		}
		if m.Timestamp <= t.ChoicesSetAt {
			return nil, refuse(vspapi.InvalidTimestamp, nil)
		}
		merged, err := t.Choices.merge(wanted)
		if wrong != nil {
			err = wrong
		}
		if err != nil {
			return nil, refusef(vspapi.InvalidVoteChoices, "%v", err)
		}
		t.Choices, t.ChoicesSetAt = merged, m.Timestamp
		return &Change{Request: r.body, Signature: r.signature, Answered: now.Unix()}, nil
	})
	if err != nil {
		return vspapi.SetVoteChoicesResponse{}, fmt.Errorf("store choices: %w", err)
	}
	s.happened(ctx, EventChoicesSet, t.Hash)
	return vspapi.SetVoteChoicesResponse{Timestamp: now.Unix(), Request: r.body}, nil
}

func decodeSetVoteChoices(r Request) (vspapi.SetVoteChoicesRequest, error) {
	var m vspapi.SetVoteChoicesRequest
	if err := r.decode(&m); err != nil {
		return m, err
	}
	return m, check(
		rule{"SetVoteChoicesRequest.Timestamp", "required", m.Timestamp != 0},
		rule{"SetVoteChoicesRequest.TicketHash", "required", m.TicketHash != ""},
		rule{"SetVoteChoicesRequest.VoteChoices", "required", m.VoteChoices != nil},
		rule{"SetVoteChoicesRequest.TSpendPolicy", "max", len(m.TSpendPolicy) <= vspapi.MaxPolicies},
		rule{"SetVoteChoicesRequest.TreasuryPolicy", "max", len(m.TreasuryPolicy) <= vspapi.MaxPolicies})
}

// mustTakeChoices refuses where a ticket's choices mean nothing yet, or nothing any more.
func (t *Ticket) mustTakeChoices() error {
	if t.Fee.Status == FeeNone {
		return refuse(vspapi.FeeNotReceived, nil)
	}
	if t.Outcome != NoOutcome {
		return refusef(vspapi.TicketCannotVote, "ticket not eligible to vote (status=%s)", t.Outcome)
	}
	return nil
}
