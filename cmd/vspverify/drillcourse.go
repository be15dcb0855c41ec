package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"scrutineer/verifier"
	"scrutineer/verifier/mailbox"
)

// demonstration is one under way.
type demonstration struct {
	plan   verifier.AlertPlan
	book   *stepBook
	actor  actor
	out    io.Writer
	self   string        // where our own mailbox is tried, host:port
	settle time.Duration // how long nothing must have come before it is said to be calm
	early  bool          // the address is to cease to be a recipient when all faults were made,
	endIn  time.Duration // so soon
	lookup func(ctx context.Context, name string) ([]string, error)
	now    func() time.Time
}

// Limits of what our own mailbox takes, and of questions to the DNS.
const (
	maxDrillMails = 1000
	lookupTime    = 10 * time.Second
)

// note writes a step down, with the time.
func (d *demonstration) note(s verifier.AlertStep) error {
	s.At = d.now().UTC()
	return d.book.write(s)
}

// keep takes in a mail. It is verified as it comes, for keys change.
func (d *demonstration) keep(ctx context.Context, m mailbox.Mail) error {
	at, mails := d.now().UTC(), 0
	for _, s := range d.book.drill().Steps {
		if s.Step == verifier.StepMail {
			mails++
		}
	}
	if mails >= maxDrillMails {
		return errors.Join(fmt.Errorf("%d mails came already", mails), d.note(verifier.AlertStep{Step: verifier.StepDeaf, Note: "too many mails came"}))
	}
	mail := verifier.AlertMail{From: m.From, To: m.To, TLS: m.TLS, Raw: m.Raw}
	mail.Verify(d.plan, at, func(name string) ([]string, error) {
		ctx, cancel := context.WithTimeout(ctx, lookupTime)
		defer cancel()
		return d.lookup(ctx, name)
	})
	if err := d.book.write(verifier.AlertStep{At: at, Step: verifier.StepMail, Mail: &mail}); err != nil {
		return err
	}
	letters := d.book.drill().Letters()
	d.sayLetter(letters[len(letters)-1])
	return nil
}

// listen tries our own mailbox at each beat, until ctx ends.
func (d *demonstration) listen(ctx context.Context) {
	beat := time.Duration(d.plan.Beat)
	for {
		limited, cancel := context.WithTimeout(ctx, beat)
		err := mailbox.Try(limited, d.self, d.plan.To)
		cancel()
		s := verifier.AlertStep{Step: verifier.StepListened}
		if err != nil {
			s = verifier.AlertStep{Step: verifier.StepDeaf, Note: err.Error()}
			d.say("our own mailbox: %v", err)
		}
		if ctx.Err() != nil || d.note(s) != nil {
			return
		}
		if !wait(ctx, beat) {
			return
		}
	}
}

// run carries the demonstration out. It returns an error where it could not be brought to its end.
func (d *demonstration) run(ctx context.Context) error {
	for _, f := range d.plan.Faults {
		if err := d.fault(ctx, f); err != nil {
			return err
		}
	}
	if err := d.end(ctx); err != nil {
		return err
	}
	return d.note(verifier.AlertStep{Step: verifier.StepFinished})
}

// fault goes through one fault: calm before it, the mail about it, and the mail about its end.
func (d *demonstration) fault(ctx context.Context, f verifier.AlertFault) error {
	d.say("%s", f.Name)
	if d.plan.Until.Sub(d.now()) < d.endIn {
		d.say("not made: the time of the address is over")
		return d.note(verifier.AlertStep{Step: verifier.StepSkipped, Fault: f.Name, Note: "The time of the address was over."})
	}
	if done, err := d.act(ctx, act{do: actGuest, fault: f}, "", ""); !done || err != nil {
		return err
	}
	if err := d.note(verifier.AlertStep{Step: verifier.StepCalm}); err != nil {
		return err
	}
	if d.plan.Quiet > 0 {
		d.say("nothing may come for %v", time.Duration(d.plan.Quiet))
	}
	if !wait(ctx, time.Duration(d.plan.Quiet)) {
		return ctx.Err()
	}
	done, err := d.act(ctx, act{do: actBreak, fault: f}, verifier.StepBreak, verifier.StepBroken)
	if err != nil {
		return err
	}
	if done {
		err = d.await(ctx, func(o verifier.AlertOutcome) bool { return o.Alert.Arrival == verifier.Arrived }, f, "alert")
		if err != nil {
			return err
		}
	}
	// What could not be made whole may be broken in part.
	if done, err = d.act(ctx, act{do: actMend, fault: f}, verifier.StepMend, verifier.StepMended); !done || err != nil {
		return err
	}
	told := func(o verifier.AlertOutcome) bool {
		return o.Recovery.Arrival == verifier.Arrived || !o.Alert.Came()
	}
	return errors.Join(d.await(ctx, told, f, "recovery"), d.untilSettled(ctx))
}

// act has something done, with steps before and after it. It reports whether it was.
func (d *demonstration) act(ctx context.Context, a act, before, after string) (bool, error) {
	a.to = d.plan.To
	if a.rest == 0 {
		a.rest = d.plan.Until.Sub(d.now())
	}
	if before != "" {
		if err := d.note(verifier.AlertStep{Step: before, Fault: a.fault.Name}); err != nil {
			return false, err
		}
	}
	err := d.actor.do(ctx, a)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return false, errors.New("nobody is there to answer: run it at a terminal, or with --inject")
	case err != nil:
		d.say("%s %s: not done: %v", a.do, a.fault.Name, err)
		return false, d.note(verifier.AlertStep{Step: verifier.StepSkipped, Fault: a.fault.Name, Note: err.Error()})
	case after == "":
		return true, nil
	}
	return true, d.note(verifier.AlertStep{Step: after, Fault: a.fault.Name})
}

// await waits for a mail, no longer than it may take.
func (d *demonstration) await(ctx context.Context, told func(verifier.AlertOutcome) bool, f verifier.AlertFault, what string) error {
	deadline, cancel := context.WithTimeout(ctx, time.Duration(d.plan.Within))
	defer cancel()
	for said := false; ; said = true {
		if told(d.outcome(f)) {
			return nil
		}
		if !said {
			d.say("waiting for the %s, at most %v", what, time.Duration(d.plan.Within))
		}
		select {
		case <-d.book.told:
		case <-deadline.Done():
			if ctx.Err() == nil {
				d.say("NO %s in %v", what, time.Duration(d.plan.Within))
			}
			return ctx.Err()
		}
	}
}

func (d *demonstration) outcome(f verifier.AlertFault) verifier.AlertOutcome {
	for _, o := range d.book.drill().Outcomes() {
		if o.Nonce == f.Nonce {
			return o
		}
	}
	return verifier.AlertOutcome{}
}

// untilSettled waits until no mail has come for a while, but not for ever: what goes on then is noise.
func (d *demonstration) untilSettled(ctx context.Context) error {
	end := d.now().Add(time.Duration(d.plan.Within))
	for {
		quiet := d.settle
		for _, s := range d.book.drill().Steps {
			if s.Step == verifier.StepMail || s.Step == verifier.StepMended {
				quiet = d.settle - d.now().Sub(s.At)
			}
		}
		if quiet = min(quiet, end.Sub(d.now())); quiet <= 0 {
			return nil
		}
		if !wait(ctx, quiet) {
			return ctx.Err()
		}
	}
}

// end lets the address cease to be a recipient, and then makes the first fault once more: nothing may come.
func (d *demonstration) end(ctx context.Context) error {
	until, first := d.plan.Until, d.plan.Faults[0]
	if d.early {
		done, err := d.act(ctx, act{do: actEnd, fault: first, rest: d.endIn}, "", "")
		if err != nil {
			return err
		}
		if at := d.now().Add(d.endIn); done && at.Before(until) {
			until = at
		}
	}
	d.say("until %s UTC the address is a recipient", until.UTC().Format(time.TimeOnly))
	if !wait(ctx, until.Sub(d.now())) {
		return ctx.Err()
	}
	until = until.UTC()
	if err := d.note(verifier.AlertStep{Step: verifier.StepOver, Until: &until}); err != nil {
		return err
	}
	if !wait(ctx, until.Add(time.Duration(d.plan.Grace)).Sub(d.now())) {
		return ctx.Err()
	}
	done, err := d.act(ctx, act{do: actBreak, fault: first, rest: -1}, verifier.StepBreak, verifier.StepBroken)
	if err != nil {
		return err
	}
	if done {
		watch := d.patience()
		d.say("%s again: nothing may come for %v", first.Name, watch.Round(time.Second))
		if !wait(ctx, watch) {
			return ctx.Err()
		}
	}
	_, err = d.act(ctx, act{do: actMend, fault: first, rest: -1}, verifier.StepMend, verifier.StepMended)
	return err
}

// patience is how long is listened after the fault after the end: no shorter than the slowest alert took.
func (d *demonstration) patience() time.Duration {
	watch := time.Duration(d.plan.Watch)
	for _, o := range d.book.drill().Outcomes() {
		watch = max(watch, o.Alert.After)
	}
	return watch
}

// say tells how far it is.
func (d *demonstration) say(format string, args ...any) {
	fmt.Fprintf(d.out, "%s  %s\n", d.now().UTC().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// sayLetter tells of a mail.
func (d *demonstration) sayLetter(l verifier.Letter) {
	about := "no nonce of ours"
	for _, f := range d.plan.Faults {
		if l.About(f) {
			about = "nonce of " + f.Name
		}
	}
	if l.Unsaid != "" {
		about += "; " + l.Unsaid
	}
	d.say("mail: %s", cut(visibleText(l.Subject), 64))
	d.say("      %s", about)
}

// lookupTXT asks the DNS.
func lookupTXT(ctx context.Context, name string) ([]string, error) {
	return net.DefaultResolver.LookupTXT(ctx, name)
}
