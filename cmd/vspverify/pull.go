package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"scrutineer/verifier"
	"scrutineer/verifier/journal"
)

// How much one pull of a vantage's journal takes at most. What is left comes with the next ones.
const (
	pullTime   = 30 * time.Second
	pullPieces = 64      // of pieceSize and a round more
	maxMirror  = 4 << 30 // bytes of entries in all: ten times a week from a busy vantage
)

var (
	errRefused = errors.New("refused")
	errTooMuch = errors.New("the vantage's journal is larger than we take")
	errNotKept = errors.New("the copy of the vantage's journal could not be written")
)

// puller keeps the copy of one vantage's journal. It is not for concurrent use.
type puller struct {
	name   string
	url    string
	client *http.Client
	key    journal.PublicKey
	folder string
	task   func() ([]byte, error) // the assignment as it is now, as JSON
	now    func() time.Time
	mirror *journal.Mirror // nil until it is open, and after it could not be written
}

// pull asks the vantage once, and says what came of it.
func (p *puller) pull(ctx context.Context) verifier.Pull {
	ctx, cancel := context.WithTimeout(ctx, pullTime)
	defer cancel()
	defer p.client.CloseIdleConnections() // until the next time the other end may be gone
	r := verifier.Pull{Vantage: p.name}
	err := p.exchange(ctx, &r)
	r.At, r.Code = p.now().UTC().Round(0), pullCode(err)
	if err != nil {
		r.Detail = err.Error()
	}
	if p.mirror != nil && p.mirror.Last().Number > 0 {
		r.Entries, r.Root = p.mirror.Size(), p.mirror.Last().Root.String()
	}
	if r.Code == verifier.PullNotKept {
		p.close() // it must be read anew before it is written again
	}
	return r
}

// pullCode says how a pull ended.
func pullCode(err error) verifier.PullCode {
	var fault *journal.Fault
	switch {
	case err == nil:
		return verifier.PullOK
	case errors.Is(err, errNotKept):
		return verifier.PullNotKept
	case errors.Is(err, journal.ErrRewritten):
		return verifier.PullRewritten
	case errors.Is(err, journal.ErrBehind):
		return verifier.PullBehind
	case errors.Is(err, errTooMuch):
		return verifier.PullTooMuch
	case errors.Is(err, errRefused):
		return verifier.PullRefused
	case errors.As(err, &fault):
		return verifier.PullGarbage
	default:
		return verifier.PullUnreachable
	}
}

// exchange tells the vantage what to watch, and takes what its journal has more than the copy.
func (p *puller) exchange(ctx context.Context, r *verifier.Pull) (err error) {
	if p.mirror == nil {
		if p.mirror, err = journal.OpenMirror(p.folder, p.key); err != nil {
			p.mirror = nil
			return fmt.Errorf("%w: %w", errNotKept, err)
		}
	}
	task, err := p.task()
	if err != nil {
		return err
	}
	if _, err := p.ask(ctx, r, http.MethodPost, pathTrial, string(task)); err != nil {
		return err
	}
	for range pullPieces {
		before := p.mirror.Last()
		piece, err := p.piece(ctx, r)
		if err != nil {
			return err
		}
		if err := p.keep(piece, r); err != nil {
			return err
		}
		if p.mirror.Last() == before {
			break
		}
	}
	return nil
}

// piece asks for what the journal has after what the copy has.
func (p *puller) piece(ctx context.Context, r *verifier.Pull) (*journal.Piece, error) {
	if info, err := os.Stat(filepath.Join(p.folder, journal.FileName)); err == nil && info.Size() > maxMirror {
		return nil, errTooMuch
	}
	text, err := p.ask(ctx, r, http.MethodGet, fmt.Sprintf("%s?after=%d", pathJournal, p.mirror.Size()), "")
	if err != nil {
		return nil, err
	}
	return journal.ReadPiece(strings.NewReader(text))
}

// keep adds a piece to the copy, or says why not. What proves that the vantage wrote two histories is kept.
func (p *puller) keep(piece *journal.Piece, r *verifier.Pull) error {
	err := p.mirror.Append(piece)
	var fault *journal.Fault
	switch {
	case errors.Is(err, journal.ErrRewritten):
		r.Proof = piece.Checkpoints[len(piece.Checkpoints)-1].Note
	case err != nil && !errors.Is(err, journal.ErrBehind) && !errors.As(err, &fault):
		return fmt.Errorf("%w: %w", errNotKept, err)
	}
	return err
}

// maxAnswer bounds an answer that is read, in bytes; what is too long is no piece.
const maxAnswer = 33 << 20

// ask makes one request, and compares the clocks.
func (p *puller) ask(ctx context.Context, r *verifier.Pull, method, path, body string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, p.url+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	sent := p.now()
	answer, err := p.client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if theirs, err := time.Parse(time.RFC3339Nano, answer.Header.Get(headerClock)); err == nil {
		r.ClockOff = clockOff(theirs, sent, p.now())
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("read the vantage's answer: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%w: %.200q (HTTP %d)", errRefused, strings.TrimSpace(string(text)), answer.StatusCode)
	}
	return string(text), nil
}

// clockOff is how far a clock must be ahead of ours that showed a time between two of ours; less than 0: behind.
func clockOff(theirs, from, to time.Time) time.Duration {
	from, to = from.Round(0), to.Round(0)
	switch {
	case theirs.Before(from):
		return theirs.Sub(from)
	case theirs.After(to):
		return theirs.Sub(to)
	}
	return 0
}

func (p *puller) close() {
	if p.mirror != nil {
		_ = p.mirror.Close() // what is in it is safe on the disk
		p.mirror = nil
	}
}
