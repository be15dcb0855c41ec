package alerts

import "context"

// Sender delivers notices. It is used by several goroutines at once, one for each recipient at a time.
type Sender interface {
	// Send delivers one notice to its recipient and returns nil once the far side has taken charge of it, and only
	// then. An error that wraps a Permanent says that trying again is useless; any other, that it may help. After an
	// error the far side may have the notice all the same (it accepted, and its answer was lost), so Send gives the
	// same notice the same identity each time, by which a second copy is recognised. Send returns soon after ctx ends.
	Send(ctx context.Context, n Notice) error
}

// Permanent wraps the error of a notice that will never be taken.
type Permanent struct{ Err error }

func (p *Permanent) Error() string { return p.Err.Error() }

// Unwrap returns what was refused, and why.
func (p *Permanent) Unwrap() error { return p.Err }
