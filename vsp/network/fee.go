package network

import (
	"math"
	"math/big"

	blockchain "github.com/decred/dcrd/blockchain/standalone/v2"
	"github.com/decred/dcrd/dcrutil/v4"
)

// relayFee is the network fee per kilobyte, in atoms, that every VSP and wallet puts into the formula.
const relayFee = 10_000

// TicketFee returns what a VSP of a percentage asks for a ticket that is registered when the newest block has this height
// and this stake difficulty, in atoms. Wallets compute the same (txrules.StakePoolTicketFee of dcrwallet) and set aside no
// more, so nothing here may differ by an atom:
//
//	fee = p·s·(v+z) / (100·(s+v))
//
// where p is the percentage in hundredths, cut off; v what the ticket costs, z the relay fee, and s what a vote will
// earn: the present vote subsidy, reduced as often as half the tickets take to be drawn. The subsidies must be those of
// the profile's parameters.
func (p Profile) TicketFee(subsidies *blockchain.SubsidyCache, percent float64, height int64, difficulty dcrutil.Amount) dcrutil.Amount {
	s := subsidies.CalcStakeVoteSubsidyV3(height, p.subsidySplit(height))
	for range (int64(p.Params.TicketPoolSize) + p.Params.SubsidyReductionInterval - 1) / p.Params.SubsidyReductionInterval {
		s = s * 100 / 101 // chaincfg's MulSubsidy and DivSubsidy; wallets have the numbers written in
	}
	hundredths := int64(math.Floor(percent * 100))
	v := int64(difficulty)

	num := new(big.Int).Mul(big.NewInt(hundredths), big.NewInt(s))
	num.Mul(num, big.NewInt(v+relayFee))
	den := new(big.Int).Mul(big.NewInt(s+v), big.NewInt(10_000))
	if den.Sign() == 0 {
		return 0
	}
	return dcrutil.Amount(num.Div(num, den).Int64())
}

// subsidySplit returns which split of the block subsidy between miners and voters is in force.
func (p Profile) subsidySplit(height int64) blockchain.SubsidySplitVariant {
	switch {
	case height >= p.DCP0012Height:
		return blockchain.SSVDCP0012
	case height >= p.DCP0010Height:
		return blockchain.SSVDCP0010
	}
	return blockchain.SSVOriginal
}
