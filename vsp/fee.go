package vsp

import (
	"context"
	"fmt"

	"github.com/decred/dcrd/dcrutil/v4"
)

// currentFee returns the fee at the tip.
func (s *Service) currentFee(ctx context.Context) (dcrutil.Amount, error) {
	tip, err := s.Chain.Tip(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask for the tip, to reckon the fee: %w", err)
	}
	return s.Profile.TicketFee(s.subsidy, s.terms.Load().FeePercent, tip.Height, tip.StakeDifficulty), nil
}
