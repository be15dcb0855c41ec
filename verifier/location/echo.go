package location

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// nonceSize is that of one challenge, in bytes: none is ever guessed.
	nonceSize = 16

	// pace is how long after a challenge the next one is sent, whether the first is back or not: many are on their way on a
	// long line, and none waits for another on a short one.
	pace = 20 * time.Millisecond

	// tellLimit bounds what a host may say of itself, in bytes.
	tellLimit = 4 << 10
)

// measure asks a host who it is, and makes the round trips.
func (l Looker) measure(ctx context.Context, client *ssh.Client, s *Sight) error {
	identity, err := identify(client)
	if err != nil {
		return err
	}
	s.Identity = identity
	return l.echoes(ctx, client, s)
}

// echoes makes the round trips. Keepalives and challenges take turns on one session, so that what delays one delays both.
func (l Looker) echoes(ctx context.Context, client *ssh.Client, s *Sight) error {
	kept := make(chan []time.Duration, 1)
	enough, stop := context.WithCancel(ctx)
	defer stop()
	go func() { kept <- l.keepalives(enough, client) }()
	nonces, err := l.challenges(ctx, client)
	s.Nonce = newTrips(nonces)
	if err != nil {
		client.Close()
	}
	stop()
	s.Keepalive = newTrips(unhalted(<-kept))
	return err
}

// keepalives asks sshd itself, one after another, until the challenges are back: on a long line these are more. It asks twice
// in a row: on a short line most of the time is that of computers that wake up, and the second one finds all of them awake.
func (l Looker) keepalives(ctx context.Context, client *ssh.Client) []time.Duration {
	var all []time.Duration
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for len(all) < l.Trips && ctx.Err() == nil {
		start := time.Now()
		if _, _, err := client.SendRequest("keepalive@openssh.com", true, nil); err != nil {
			break
		}
		all = append(all, time.Since(start))
		if len(all)%2 == 1 {
			continue
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
	return all
}

// unhalted leaves out the shortest. If our own machine is halted, by a suspend or for a snapshot, its clock stands still and
// what was under way comes back too soon. Of keepalives that is one, for they go one after another. Challenges are many, but
// the slower of the two kinds counts. So a halt makes no host seem nearer than it is.
func unhalted(took []time.Duration) []time.Duration {
	if len(took) < 2 {
		return nil
	}
	return slices.Sorted(slices.Values(took))[1:]
}

// challenge is random bytes on their way.
type challenge struct {
	nonce [nonceSize]byte
	sent  time.Time
}

// challenges sends random bytes through cat, and returns how long each took to come back.
func (l Looker) challenges(ctx context.Context, client *ssh.Client) ([]time.Duration, error) {
	session, err := client.NewSession()
	if err != nil {
		return nil, fmt.Errorf("open a session: %w", err)
	}
	defer session.Close()
	in, err := session.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := session.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := session.Start("exec cat"); err != nil {
		return nil, &failure{NoCommand, "the account may not run cat"}
	}
	sent := make(chan challenge, l.Trips) // all fit: who sends never waits for who reads
	go l.send(ctx, in, sent)
	return receive(ctx, out, sent)
}

// send sends the challenges at their pace.
func (l Looker) send(ctx context.Context, in io.Writer, sent chan<- challenge) {
	defer close(sent)
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for range l.Trips {
		c := challenge{sent: time.Now()}
		_, _ = rand.Read(c.nonce[:]) // it never fails
		c.sent = time.Now()
		sent <- c
		if _, err := in.Write(c.nonce[:]); err != nil {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// receive holds what comes back against what was sent.
func receive(ctx context.Context, out io.Reader, sent <-chan challenge) ([]time.Duration, error) {
	var all []time.Duration
	for c := range sent {
		var back [nonceSize]byte
		if _, err := io.ReadFull(out, back[:]); err == io.EOF && len(all) == 0 && ctx.Err() == nil {
			return nil, &failure{NoCommand, "the account may not run cat: it ended at once"}
		} else if err != nil {
			return all, fmt.Errorf("read an echo: %w", err)
		}
		took := time.Since(c.sent)
		if back != c.nonce {
			return nil, &failure{Garbage, fmt.Sprintf("what came back through cat is not what was sent: %q", back)}
		}
		all = append(all, took)
	}
	return all, nil
}

// identify asks the host's system who it is. A part that it does not tell is left empty.
func identify(client *ssh.Client) (Identity, error) {
	session, err := client.NewSession()
	if err != nil {
		return Identity{}, fmt.Errorf("open a session: %w", err)
	}
	defer session.Close()
	out, err := session.StdoutPipe()
	if err != nil {
		return Identity{}, err
	}
	if err := session.Start("echo machine-id $(cat /etc/machine-id); echo boot-id $(cat /proc/sys/kernel/random/boot_id); grep '^btime ' /proc/stat"); err != nil {
		return Identity{}, &failure{NoCommand, "the account may run no command"}
	}
	text, err := io.ReadAll(io.LimitReader(out, tellLimit+1))
	if err != nil {
		return Identity{}, fmt.Errorf("read who it is: %w", err)
	}
	if len(text) > tellLimit {
		return Identity{}, &failure{Garbage, fmt.Sprintf("asked who it is, it says more than %d bytes", tellLimit)}
	}
	return parseIdentity(text), nil
}

// parseIdentity reads what a host says of itself.
func parseIdentity(text []byte) Identity {
	var id Identity
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		name, value, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		if !isIdentity(value) {
			continue
		}
		switch name {
		case "machine-id":
			id.MachineID = value
		case "boot-id":
			id.BootID = value
		case "btime":
			id.Booted, _ = strconv.ParseInt(value, 10, 64) // none that is no number
		}
	}
	return id
}

// isIdentity reports whether a text may be an id or a time: what a host says of itself is printed, and compared.
func isIdentity(text string) bool {
	return text != "" && len(text) <= 64 && strings.Trim(text, "0123456789abcdef-") == ""
}
