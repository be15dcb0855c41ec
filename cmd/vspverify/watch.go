package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"scrutineer/cmd/program"
)

func watchCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "watch",
		Short: "Show a trial as it goes",
		Long: `watch shows in a terminal how a trial goes while vspverify run carries it out: the answer so
far, uptime, votes, how much may still go wrong, and warnings before a gate is lost. It
reads the journal with its public key alone and disturbs nothing. Votes are read anew from
the chain every ten slots; while our own node is away the last ones stay, and it says so.

  left     how long an endpoint may still be down or unseen without losing TR-1
  # up   - down   ? unknown, which counts for nobody

Ctrl-C ends it. --once, or an output that is no terminal, prints one screen and ends;
then exit code 1 says that a row failed or was refuted. NO_COLOR is respected.`,
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	once := c.Flags().Bool("once", false, "print one screen and end")
	c.RunE = func(c *cobra.Command, _ []string) error {
		t, err := load(*path)
		if err != nil {
			return program.Misuse(err)
		}
		watched, err := newCourse(t)
		if err != nil {
			return err
		}
		out, isFile := c.OutOrStdout().(*os.File)
		if *once || !isFile || !term.IsTerminal(int(out.Fd())) {
			return watched.once(c.Context(), c.OutOrStdout())
		}
		resized := make(chan os.Signal, 1)
		signal.Notify(resized, syscall.SIGWINCH)
		defer signal.Stop(resized)
		return answer(newDisplay(out, watched).run(c.Context(), resized))
	}
	return c
}

// onceChain is how long a single screen waits for the chain.
const onceChain = 30 * time.Second

// once prints one screen.
func (c *course) once(ctx context.Context, out io.Writer) error {
	if _, err := c.read(); err != nil {
		return answer(err)
	}
	if _, err := c.look(time.Now()); err != nil { // which finds out what to ask the chain for
		return err
	}
	limited, cancel := context.WithTimeout(ctx, onceChain)
	defer cancel()
	c.readChain(limited)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p, err := c.look(time.Now())
	if err != nil {
		return err
	}
	s := &screen{width: columns}
	s.show(p, time.Now())
	if err := writeText(out, s.text()); err != nil {
		return err
	}
	if p.report.Refuses() {
		return program.AnswerNo(errors.New("a row failed or was refuted"))
	}
	return nil
}

// display is a terminal that shows a course.
type display struct {
	out    io.Writer
	size   func() (width, height int)
	course *course
	color  bool
	tick   time.Duration // between two looks at the journal
}

// lookEvery is how often the journal is looked at, unless slots are shorter.
const lookEvery = time.Second

func newDisplay(out *os.File, c *course) *display {
	size := func() (int, int) {
		width, height, err := term.GetSize(int(out.Fd()))
		if err != nil || width < 1 || height < 1 {
			return columns, 24
		}
		return width, height
	}
	return &display{out: out, size: size, course: c, color: os.Getenv("NO_COLOR") == "", tick: min(lookEvery, time.Duration(c.trial.Slot))}
}

// What a terminal is told: another screen without a cursor, as less and vi have it, and back.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	toTop       = "\x1b[H"
	restOfLine  = "\x1b[K"
	restOfAll   = "\x1b[J"
)

// run shows the course until ctx ends. The chain is asked beside it, and never waited for.
func (d *display) run(ctx context.Context, resized <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(ctx)
	asked := make(chan struct{}, 1)
	asking := make(chan struct{})
	go func() {
		defer close(asking)
		d.course.askChain(ctx, func() {
			select {
			case asked <- struct{}{}:
			default: // that it was asked is known already
			}
		})
	}()
	fmt.Fprint(d.out, enterScreen)
	defer func() {
		fmt.Fprint(d.out, leaveScreen)
		cancel()
		<-asking
	}()
	return d.loop(ctx, asked, resized)
}

func (d *display) loop(ctx context.Context, asked <-chan struct{}, resized <-chan os.Signal) error {
	var shown picture
	trouble := errors.New("reading the journal")
	d.draw(shown, trouble)
	fresh, rested := true, time.Time{}
	for {
		more, err := d.course.read()
		switch {
		case errors.Is(err, os.ErrNotExist):
			trouble = errors.New("the trial has not begun: there is no journal yet")
		case err != nil:
			return err
		}
		fresh = fresh || more
		if now := time.Now(); err == nil && fresh && !now.Before(rested) {
			next, lookErr := d.course.look(now)
			if trouble = lookErr; lookErr == nil {
				shown, fresh = next, false
			}
			rested = time.Now().Add(lookShare * time.Since(now)) // looking at a long trial must not keep a processor busy
		}
		shown.forecast.Warnings = d.course.warnings(shown, time.Now())
		d.draw(shown, trouble)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(d.tick):
		case <-asked:
			fresh = true
		case <-resized:
		}
	}
}

// lookShare is how many times longer than a look took no other follows.
const lookShare = 10

// draw writes the whole screen anew in one go, so that it does not flicker.
func (d *display) draw(p picture, trouble error) {
	width, height := d.size()
	s := &screen{width: width, height: height, color: d.color}
	if trouble != nil {
		s.line(part{trouble.Error(), yellow})
	}
	if p.report.Answer != "" {
		s.show(p, time.Now())
	}
	text := strings.ReplaceAll(strings.TrimSuffix(s.text(), "\n"), "\n", restOfLine+"\r\n")
	fmt.Fprint(d.out, toTop+text+restOfLine+restOfAll)
}
