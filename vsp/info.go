package vsp

import (
	"context"
	"fmt"

	"scrutineer/vsp/vspapi"
)

// stats is what vspinfo tells of tickets and chain.
type stats struct {
	counts Counts
	tip    Tip
}

// Info tells what the VSP is and does, all but its public key. While Run runs, it is as fresh as the newest block.
func (s *Service) Info(ctx context.Context) (vspapi.Info, error) {
	st := s.stats.Load()
	if st == nil {
		var err error
		if st, err = s.count(ctx); err != nil {
			return vspapi.Info{}, err
		}
	}
	terms := s.terms.Load()
	info := vspapi.Info{
		APIVersions:   []int64{3},
		Timestamp:     s.now().Unix(),
		FeePercentage: terms.FeePercent,
		VspClosed:     terms.Closed,
		VspClosedMsg:  terms.ClosedMessage,
		Network:       s.Profile.Name,
		VspdVersion:   s.Version,
		Voting:        st.counts.Voting,
		Voted:         st.counts.Voted,
		Expired:       st.counts.Expired,
		Missed:        st.counts.Missed,
		BlockHeight:   uint32(st.tip.Height),
	}
	for _, state := range s.Voters.States() {
		info.TotalVotingWallets++
		if state.Online() {
			info.VotingWalletsOnline++
		}
	}
	if st.tip.PoolSize > 0 {
		info.EstimatedNetworkProportion = float32(st.counts.Voting) / float32(st.tip.PoolSize)
	}
	return info, nil
}

// count makes stats anew.
func (s *Service) count(ctx context.Context) (*stats, error) {
	s.counting.Lock()
	defer s.counting.Unlock()
	tip, err := s.Chain.Tip(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for the tip: %w", err)
	}
	counts, err := s.Store.Counts(ctx)
	if err != nil {
		return nil, fmt.Errorf("count tickets: %w", err)
	}
	st := &stats{counts, tip}
	s.stats.Store(st)
	return st, nil
}
