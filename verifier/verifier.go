// Package verifier judges a voting service provider by what was seen of it: targets, observations, findings, verdicts.
//
// It promises that every row of the programme gets a verdict, that the same evidence gives the same findings, and that what
// we could not see counts neither for nor against the VSP. Everything here is pure: package probe looks, package journal
// remembers, package votes reads the chain, package report shows. It shares with the VSP the wire protocol alone, so that it
// can judge any VSP that speaks v3.
package verifier

import (
	"crypto/ed25519"
	"time"

	"scrutineer/vsp/network"
)

// Target is the VSP under judgement.
type Target struct {
	Name    string
	URL     string            // scheme and host, such as "https://vsp.example.org"
	PubKey  ed25519.PublicKey // pinned: told by the operator beforehand, never taken from an answer
	Network network.Profile
}

// Window is the time that is judged, cut into slots.
type Window struct {
	Start   time.Time     // UTC; the first slot begins here
	Slot    time.Duration // length of a slot; a minute unless the trial is compressed
	Slots   int           // how many slots are over
	Planned int           // how many there are to be; 0 where the trial lasts until it is stopped
	Stopped bool          // the verifier was told to stop, and has not gone on since
}

// RealSlot is the length of a slot in a trial that is not compressed.
const RealSlot = time.Minute

// NewWindow returns the window of a trial whose first slot begins at start, and of which the last thing known was written
// at last. A duration of 0 means that the trial lasts until it is stopped. Only whole slots count.
func NewWindow(start, last time.Time, slot, duration time.Duration, stopped bool) Window {
	w := Window{Start: start, Slot: slot, Planned: int(duration / slot), Stopped: stopped}
	w.Slots = max(0, int(last.Sub(start)/slot))
	if w.Planned > 0 {
		w.Slots = min(w.Slots, w.Planned)
	}
	return w
}

// End returns when the last slot that counts was over.
func (w Window) End() time.Time { return w.Start.Add(time.Duration(w.Slots) * w.Slot) }

// Complete reports whether the trial lasted as long as it was to last.
func (w Window) Complete() bool {
	if w.Planned == 0 {
		return w.Slots > 0 && w.Stopped
	}
	return w.Slots >= w.Planned
}

// Compressed reports whether slots are shorter than they are in a trial by the clock.
func (w Window) Compressed() bool { return w.Slot < RealSlot }

// Index returns the slot that an instant falls in, and whether that is a slot of this window.
func (w Window) Index(at time.Time) (int, bool) {
	if at.Before(w.Start) {
		return 0, false
	}
	i := int(at.Sub(w.Start) / w.Slot)
	return i, i < w.Slots
}
