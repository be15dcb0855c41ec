package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"scrutineer/verifier"
	"scrutineer/verifier/journal"
)

// maxDrillFile bounds the file of a trial's demonstrations: some hundred mails, and beats over weeks.
const maxDrillFile = 256 << 20

// drillFile is where a demonstration of alerts is written down, a step a line, as it goes on. Nothing in it is ever changed. Who
// has the journal open takes its lines into that, one by one.
type drillFile struct {
	path string
	log  verifier.AlertLog // as the journal has it
	size int64             // of the file, as it was last read
}

// follow takes new lines into the journal. The first error is of the file, the second of the journal.
func (f *drillFile) follow(book *journal.Journal) (wrong, err error) {
	lines, wrong := f.fresh()
	for _, line := range lines {
		if wrong := f.log.Take(0, []byte(line)); wrong != nil {
			return fmt.Errorf("read %s line %d: %w", f.path, f.log.Steps+1, wrong), nil
		}
		if _, err := book.Append(verifier.EntryAlertDrill, json.RawMessage(line)); err != nil {
			return nil, err
		}
	}
	return wrong, nil
}

// fresh returns the lines that the journal does not have. A line that is not whole yet is left for the next time.
func (f *drillFile) fresh() ([]string, error) {
	file, err := os.Open(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read demonstration: %w", err)
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() == f.size {
		return nil, nil
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxDrillFile))
	if err != nil {
		return nil, fmt.Errorf("read demonstration: %w", err)
	}
	lines := strings.Split(string(raw), "\n")
	lines = lines[:len(lines)-1]
	if n := f.log.Steps; n > len(lines) || n > 0 && !f.log.Continues(lines[n-1]) {
		return nil, fmt.Errorf("%s was changed: its first %d lines are not those that the journal has. Nothing more of it is taken up", f.path, n)
	}
	f.size = int64(len(raw))
	return lines[f.log.Steps:], nil
}

// stepBook writes a demonstration down, and keeps it at hand. It is safe for concurrent use.
type stepBook struct {
	file *os.File
	told chan struct{} // has room for one: something new was written

	mu   sync.Mutex // owns what follows
	now  verifier.AlertDrill
	fail error // the first write that went wrong
}

// openSteps opens the file for a demonstration, which only one process may write.
func openSteps(path string, plan verifier.AlertPlan, first verifier.AlertStep) (*stepBook, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open demonstration: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.Join(fmt.Errorf("another demonstration writes to %s", path), file.Close())
	} else if err != nil {
		return nil, errors.Join(fmt.Errorf("open demonstration %s: %w", path, err), file.Close())
	}
	b := &stepBook{file: file, told: make(chan struct{}, 1), now: verifier.AlertDrill{Plan: plan}}
	if err := b.mend(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return b, b.write(first)
}

// mend ends a line that a death has torn: it is no step, and must not become the beginning of one.
func (b *stepBook) mend() error {
	raw, err := io.ReadAll(b.file)
	if err != nil {
		return fmt.Errorf("read demonstration: %w", err)
	}
	whole := strings.LastIndexByte(string(raw), '\n') + 1
	if whole == len(raw) {
		return nil
	}
	if err := b.file.Truncate(int64(whole)); err != nil {
		return fmt.Errorf("cut the torn end of the demonstration: %w", err)
	}
	return nil
}

// write puts a step on the disk before it returns.
func (b *stepBook) write(s verifier.AlertStep) error {
	line, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode step of the demonstration: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return b.fail
	}
	_, err = b.file.Write(append(line, '\n'))
	if err = errors.Join(err, b.file.Sync()); err != nil {
		b.fail = fmt.Errorf("write demonstration: %w", err)
		return b.fail
	}
	b.now.Steps = append(b.now.Steps, s)
	select {
	case b.told <- struct{}{}:
	default:
	}
	return nil
}

func (b *stepBook) close() error { return b.file.Close() }

// drill returns the demonstration as it is now.
func (b *stepBook) drill() verifier.AlertDrill {
	b.mu.Lock()
	defer b.mu.Unlock()
	return verifier.AlertDrill{Plan: b.now.Plan, Steps: slices.Clone(b.now.Steps)}
}

// takeUp takes a demonstration into the trial's journal, where nobody else has that open. It reports whether it did: a trial that
// is at work does it in its next slot.
func (t *trial) takeUp() (done bool, err error) {
	if _, err := os.Stat(filepath.Join(t.Journal, journal.FileName)); err != nil {
		return false, nil // no trial has begun
	}
	book, _, err := t.openJournal()
	if errors.Is(err, journal.ErrInUse) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	record, err := t.readJournal()
	if err != nil || !record.Begun() {
		return false, err
	}
	wrong, err := (&drillFile{path: t.AlertDrill, log: record.Alerts}).follow(book)
	return err == nil && wrong == nil, errors.Join(wrong, err)
}
