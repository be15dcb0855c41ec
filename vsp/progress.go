package vsp

import "time"

// Progress is how far the work on the chain is. Only the process that leads knows.
type Progress struct {
	Leading bool     // without it all but Tip is zero
	Tip     Position // of our node, as of the last count
	Scanned Position // up to where outcomes were looked for

	// As of At, when tickets and fees were last gone through; the zero time before. A node that is away, or a Store, stops
	// that, so At that is long ago is a fault by itself.
	At          time.Time
	Unconfirmed int // tickets that are not deep enough yet
	Waiting     int // fees that are received, and wait for their tickets to be confirmed
	Unsent      int // fees that are received, and could not be sent though their tickets are confirmed
	InError     int // fees that the network has refused, of tickets that may still vote
	Held        int // tickets that wallets should hold

	// OldestUnsent is when the first of the Unsent was received; the zero time if there is none, or that is not known.
	OldestUnsent time.Time
}

// Progress returns how far the work on the chain is. It asks nobody.
func (s *Service) Progress() Progress {
	var p Progress
	if s.Leading() {
		if tended := s.tended.Load(); tended != nil {
			p = *tended
		}
		if at := s.scannedTo.Load(); at != nil {
			p.Scanned = *at
		}
		p.Leading = true
	}
	if st := s.stats.Load(); st != nil {
		p.Tip = st.tip.Position
	}
	return p
}
