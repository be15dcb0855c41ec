package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"scrutineer/verifier"
	"scrutineer/verifier/journal"
)

// maxBeside bounds a file beside the trial: some hundred thousand tickets.
const maxBeside = 64 << 20

// freshly is how long after a change a file may change again without its time saying so.
const freshly = 2 * time.Second

// beside is a file that somebody keeps beside the trial: the list of tickets, the drill log. What changes in it goes into the
// journal.
type beside struct {
	name    string // as in the journal
	path    string // empty if there is none
	mistake func(text string) error
	history *verifier.History
	took    func(text string) error // is given the file whenever it has changed; may be nil
	last    os.FileInfo             // when it was read last; nil if it was not
}

// besides returns the trial's files, as its journal has them.
func (t *trial) besides(record *verifier.Record) []*beside {
	return append([]*beside{
		{name: verifier.FileTickets, path: t.Tickets, history: record.File(verifier.FileTickets), mistake: func(text string) error {
			_, err := verifier.ReadTicketFile(text, t.target)
			return err
		}},
		{name: verifier.FileDrills, path: t.Drills, history: record.File(verifier.FileDrills), mistake: func(text string) error {
			_, err := verifier.ReadDrills(text)
			return err
		}},
	}, t.placesBeside(record)...)
}

// read returns the file's text, and false where there is nothing new to it. A file that is not there is not new: a trial may
// begin before its first ticket is bought, and what is deleted later stays as it was last seen.
func (b *beside) read() (text string, changed bool, err error) {
	if b.path == "" {
		return "", false, nil
	}
	file, err := os.Open(b.path)
	if errors.Is(err, os.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read %s: %w", b.name, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", false, fmt.Errorf("read %s: %w", b.name, err)
	}
	if old := b.last; old != nil && os.SameFile(old, info) && old.Size() == info.Size() && old.ModTime().Equal(info.ModTime()) &&
		time.Since(info.ModTime()) > freshly {
		return "", false, nil
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxBeside+1))
	if err == nil && len(raw) > maxBeside {
		err = fmt.Errorf("it is longer than %d bytes", maxBeside)
	}
	if err == nil {
		err = b.mistake(string(raw))
	}
	if err != nil {
		return "", false, fmt.Errorf("read %s %s: %w", b.name, b.path, err)
	}
	b.last = info
	return string(raw), true, nil
}

// follow writes down what changed in the file. The first error is of the file, the second of the journal.
func (b *beside) follow(book *journal.Journal) (wrong, err error) {
	text, changed, wrong := b.read()
	if wrong != nil || !changed {
		return wrong, nil
	}
	changes, wrong := b.history.Changes(b.name, text)
	if wrong != nil {
		return fmt.Errorf("read %s %s: %w", b.name, b.path, wrong), nil
	}
	for _, c := range changes {
		if _, err := book.Append(verifier.EntryFile, c); err != nil {
			return nil, err
		}
		if _, err := b.history.Apply(c); err != nil {
			return nil, fmt.Errorf("follow %s: %w", b.name, err) // it is we who made the change
		}
	}
	if b.took != nil && len(changes) > 0 {
		return b.took(text), nil
	}
	return nil, nil
}

// followed is what somebody keeps beside the trial, and goes into the journal as it changes.
type followed struct {
	// follow writes down what changed. The first error is of what is followed, the second of the journal.
	follow func(book *journal.Journal) (wrong, err error)
	said   string // the last error that was logged
}

// follow returns all that is followed, as the journal has it.
func (t *trial) follow(record *verifier.Record) []*followed {
	var all []*followed
	for _, b := range t.besides(record) {
		all = append(all, &followed{follow: b.follow})
	}
	return append(all, &followed{follow: (&drillFile{path: t.AlertDrill, log: record.Alerts}).follow})
}

// followAll is what each round does. A file with a mistake in it may be half written: it stays as it was, and the log says so.
func followAll(files []*followed, book *journal.Journal, log *slog.Logger) error {
	for _, b := range files {
		wrong, err := b.follow(book)
		if err != nil {
			return err
		}
		text := ""
		if wrong != nil {
			text = wrong.Error()
		}
		if text != "" && text != b.said {
			log.Warn("a file beside the trial is not taken up as it is", "err", wrong)
		}
		b.said = text
	}
	return nil
}
