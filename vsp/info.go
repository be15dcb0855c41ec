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

// Info tells what the VSP is and does, all but its public key. While Run runs, it is as fresh as the newest block, or, in a
// process that does not lead, as lifePeriod.
func (s *Service) Info(ctx context.Context) (vspapi.Info, error) {
	st := s.stats.Load()
	if st == nil {
		var err error
		if st, err = s.count(ctx); err != nil {
			return vspapi.Info{}, err
		}
	}
	terms, health := s.terms.Load(), s.Health()
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
	if !terms.Closed && len(health.Reasons) > 0 {
		info.VspClosed, info.VspClosedMsg = true, refusalText(health.Reasons)
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
	info.Health = health.told(!info.VspClosed)
	return info, nil
}

// told is what vspinfo tells of a Health.
func (h Health) told(accepting bool) *vspapi.Health {
	told := &vspapi.Health{
		Accepting:          accepting,
		Reasons:            []string{},
		VotingWalletsReady: int64(h.Ready),
		NodeHeight:         h.Standing.Tip.Height,
		NodePeers:          int64(h.Standing.Peers),
	}
	for _, reason := range h.Reasons {
		told.Reasons = append(told.Reasons, string(reason.Code))
	}
	if !h.At.IsZero() {
		told.SeenAt = h.At.Unix()
	}
	return told
}

// Counts returns how many tickets there were of each outcome when they were last counted, which is as fresh as Info; false
// if they never were. It asks nobody.
func (s *Service) Counts() (counts Counts, known bool) {
	if st := s.stats.Load(); st != nil {
		return st.counts, true
	}
	return Counts{}, false
}

// counting is the loop that keeps stats fresh.
type counting struct {
	*Service
	counts step
}

func (s *Service) newCounting() *counting {
	return &counting{Service: s, counts: step{service: s, name: "counting tickets"}}
}

func (l *counting) pass(ctx context.Context) {
	_, err := l.count(ctx)
	l.counts.done(ctx, err)
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
