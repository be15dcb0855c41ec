package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/verifier"
	"scrutineer/verifier/blocks"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/report"
	"scrutineer/verifier/votes"
	"scrutineer/vsp/dcrrpc"
)

// Kinds of entries in a trial's journal, besides journal.KindGap.
const (
	entryStart       = "start"       // what is watched; the first entry
	entryObservation = "observation" // verifier.Observation
	entryBeat        = "beat"        // verifier.Beat: a round is whole
	entryStop        = "stop"        // the verifier ended as it should
)

// start is the first entry: what a journal is about. A journal is of one trial only.
type start struct {
	URL         string  `json:"url"`
	PubKey      string  `json:"pubkey"`
	Network     string  `json:"network"`
	SlotSeconds float64 `json:"slot_seconds"`

	Begins time.Time `json:"begins"` // the first slot, UTC
}

// about is what must not change from one start to the next.
func (s start) about() start {
	s.Begins = time.Time{}
	return s
}

func (t *trial) start() start {
	return start{URL: t.URL, PubKey: base64.StdEncoding.EncodeToString(t.target.PubKey), Network: t.target.Network.Name,
		SlotSeconds: time.Duration(t.Slot).Seconds()}
}

// seen is what a journal holds.
type seen struct {
	begins       time.Time // of the first slot; zero if the journal is empty
	last         time.Time // when the last entry was written
	stopped      bool      // it says that the verifier ended as it should
	observations []verifier.Observation
	beats        []verifier.Beat
	extent       report.Evidence
}

// readJournal reads what was seen, and verifies the journal that holds it. That there is no journal is an error.
func (t *trial) readJournal() (*seen, error) {
	key, err := t.publicKey()
	if err != nil {
		return nil, err
	}
	s := new(seen)
	sum, err := journal.Read(t.Journal, key, func(entry journal.Entry) error { return s.take(entry, t.start()) })
	if err != nil {
		return nil, fmt.Errorf("read journal %s: %w", t.Journal, err)
	}
	s.extent = report.Evidence{Entries: sum.Tree.N, Root: sum.Tree.Hash.String(), Sealed: sum.Sealed.Size, Key: key.String(), Gaps: len(sum.Repairs)}
	return s, nil
}

// take takes in one entry.
func (s *seen) take(entry journal.Entry, want start) error {
	var into any
	var first start
	var o verifier.Observation
	var b verifier.Beat
	switch entry.Kind {
	case entryStart:
		into = &first
	case entryObservation:
		into = &o
	case entryBeat:
		into = &b
	}
	if into != nil {
		if err := json.Unmarshal(entry.Data, into); err != nil {
			return fmt.Errorf("entry %d: decode %s: %w", entry.Number, entry.Kind, err)
		}
	}
	s.last, s.stopped = entry.At, entry.Kind == entryStop
	switch entry.Kind {
	case entryStart:
		if first.about() != want {
			return fmt.Errorf("entry %d: the journal is of another trial, of %s on %s in slots of %v s: use another folder",
				entry.Number, first.URL, first.Network, first.SlotSeconds)
		}
		s.begins = first.Begins
	case entryObservation:
		o.Number = entry.Number
		s.observations = append(s.observations, o)
	case entryBeat:
		s.beats = append(s.beats, b)
	}
	return nil
}

// heights returns the first and the last height that our own node told of; 0 if it told of none.
func (s *seen) heights() (first, last int64) {
	for _, o := range s.observations {
		if o.Kind != verifier.KindNode || o.Node == nil {
			continue
		}
		if first == 0 {
			first = o.Node.Height
		}
		last = o.Node.Height
	}
	return first, last
}

// derive draws up the report from the journal and the chain alone. What the chain holds after the journal's end is left out,
// so that the report stays the same.
func (t *trial) derive(ctx context.Context) (report.Report, error) {
	s, err := t.readJournal()
	if err != nil {
		return report.Report{}, err
	}
	if s.begins.IsZero() {
		return report.Report{}, errors.New("the journal is empty: nothing was seen yet")
	}
	e := verifier.Evidence{Target: t.target, Policy: t.policy, Seen: s.observations, Beats: s.beats, Complete: t.TicketsComplete,
		Window: verifier.NewWindow(s.begins, s.last, time.Duration(t.Slot), time.Duration(t.Duration), s.stopped)}
	if e.Drills, err = t.readDrills(); err != nil {
		return report.Report{}, err
	}
	tickets, err := t.readTickets()
	if err != nil {
		return report.Report{}, err
	}
	first, last := s.heights()
	if t.FromHeight > 0 {
		first = t.FromHeight
	}
	if last > 0 {
		if e.Ledger, e.Census, err = t.account(ctx, votes.Query{Tickets: tickets, From: max(1, first), To: last}); err != nil {
			return report.Report{}, err
		}
	}
	return report.New(e, s.extent, "vspverify report --config "+t.path), nil
}

// account draws up the ledger on our own node.
func (t *trial) account(ctx context.Context, q votes.Query) (votes.Ledger, *verifier.Census, error) {
	node := dcrrpc.NewNode(t.node)
	defer node.Close()
	chain := blocks.New(node)
	profile, err := chain.Network(ctx)
	if err != nil {
		return votes.Ledger{}, nil, fmt.Errorf("ask our own node for its network: %w", err)
	}
	if profile.Name != t.target.Network.Name {
		return votes.Ledger{}, nil, fmt.Errorf("our own node %s is on %s, the trial is on %s", node.Address(), profile.Name, t.target.Network.Name)
	}
	census := verifier.NewCensus(chain)
	ledger, err := votes.Tally(ctx, census, profile.Params, q)
	if err != nil {
		return votes.Ledger{}, nil, fmt.Errorf("account for blocks %d to %d: %w", q.From, q.To, err)
	}
	return ledger, census, nil
}

// readTickets reads the list of tickets. It may not be there yet: a trial may begin before the first ticket is bought.
func (t *trial) readTickets() ([]chainhash.Hash, error) {
	raw, err := readIfThere(t.Tickets)
	if err != nil {
		return nil, fmt.Errorf("read tickets: %w", err)
	}
	tickets, err := votes.ReadTickets(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("read tickets %s: %w", t.Tickets, err)
	}
	return tickets, nil
}

// readDrills reads the drill log, one JSON object a line. It may not be there yet.
func (t *trial) readDrills() ([]verifier.Drill, error) {
	raw, err := readIfThere(t.Drills)
	if err != nil {
		return nil, fmt.Errorf("read drills: %w", err)
	}
	drills, err := parseDrills(raw)
	if err != nil {
		return nil, fmt.Errorf("read drills %s: %w", t.Drills, err)
	}
	return drills, nil
}

func parseDrills(raw []byte) ([]verifier.Drill, error) {
	var drills []verifier.Drill
	for i, line := range bytes.Split(raw, []byte{'\n'}) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var d verifier.Drill
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&d); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		if decoder.More() {
			return nil, fmt.Errorf("line %d: more than one drill", i+1)
		}
		if mistake := d.Mistake(); mistake != "" {
			return nil, fmt.Errorf("line %d: %s", i+1, mistake)
		}
		drills = append(drills, d)
	}
	return drills, nil
}

// readIfThere returns nothing for a file that is not named or not there.
func readIfThere(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return raw, err
}
