package vsp

import (
	"context"
	"fmt"
	"math"
	"math/big"

	blockchain "github.com/decred/dcrd/blockchain/standalone/v2"
	"github.com/decred/dcrd/dcrutil/v4"

	"scrutineer/vsp/network"
)

// relayFee is the network fee per kilobyte, in atoms, that every VSP and wallet puts into the formula.
const relayFee = 10_000

// feeFor returns the fee, in atoms, of a ticket that is registered when tip is the newest block. Wallets compute the
// same (txrules.StakePoolTicketFee of dcrwallet) and set aside no more, so nothing here may differ by an atom:
//
//	fee = p·s·(v+z) / (100·(s+v))
//
// where p is the percentage in hundredths, cut off; v what the ticket costs, z the relay fee, and s what a vote will
// earn: the present vote subsidy, reduced as often as half the tickets take to be drawn.
func feeFor(profile network.Profile, subsidies *blockchain.SubsidyCache, percent float64, tip Tip) dcrutil.Amount {
	params := profile.Params
	s := subsidies.CalcStakeVoteSubsidyV3(tip.Height, subsidySplit(profile, tip.Height))
	for range (int64(params.TicketPoolSize) + params.SubsidyReductionInterval - 1) / params.SubsidyReductionInterval {
		s = s * 100 / 101 // chaincfg's MulSubsidy and DivSubsidy; wallets have the numbers written in
	}
	p := int64(math.Floor(percent * 100))
	v := int64(tip.StakeDifficulty)

	num := new(big.Int).Mul(big.NewInt(p), big.NewInt(s))
	num.Mul(num, big.NewInt(v+relayFee))
	den := new(big.Int).Mul(big.NewInt(s+v), big.NewInt(10_000))
	if den.Sign() == 0 {
		return 0
	}
	return dcrutil.Amount(num.Div(num, den).Int64())
}

// subsidySplit returns which split of the block subsidy between miners and voters is in force.
func subsidySplit(profile network.Profile, height int64) blockchain.SubsidySplitVariant {
	switch {
	case height >= profile.DCP0012Height:
		return blockchain.SSVDCP0012
	case height >= profile.DCP0010Height:
		return blockchain.SSVDCP0010
	}
	return blockchain.SSVOriginal
}

// currentFee returns the fee at the tip.
func (s *Service) currentFee(ctx context.Context) (dcrutil.Amount, error) {
	tip, err := s.Chain.Tip(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask for the tip, to reckon the fee: %w", err)
	}
	return feeFor(s.Profile, s.subsidy, s.terms.Load().FeePercent, tip), nil
}
