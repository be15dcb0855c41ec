package main

import (
	"context"
	"errors"
	"fmt"

	"scrutineer/verifier"
	"scrutineer/verifier/blocks"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/report"
	"scrutineer/verifier/votes"
	"scrutineer/vsp/network"
)

// source is where the evidence of a trial is, and what it is verified with. With a chain it is all that a report rests on.
type source struct {
	folder string // of the journal
	key    journal.PublicKey
}

// read takes in the entries that a checkpoint covers: the one on just size entries, or the last one if size is 0. With them
// comes what they say was pulled from vantages. All of the journal is verified, and all copies of the vantages'.
func (s source) read(size int64) (*verifier.Record, report.Evidence, error) {
	record := new(verifier.Record)
	sum, err := journal.ReadSealed(s.folder, s.key, size, taker(record))
	if err != nil {
		return nil, report.Evidence{}, fmt.Errorf("read journal %s: %w", s.folder, err)
	}
	if err := readMirrors(s.folder, record); err != nil {
		return nil, report.Evidence{}, err
	}
	return record, report.Evidence{Entries: sum.Tree.N, Root: sum.Tree.Hash.String(), Checkpoint: sum.Sealed.Number, Key: s.key.String(),
		Gaps: len(sum.Repairs)}, nil
}

// taker gives entries to a record.
func taker(r *verifier.Record) func(journal.Entry) error {
	return func(e journal.Entry) error { return r.Take(e.Number, e.At, e.Kind, e.Data) }
}

// chain is where votes are accounted for: blocks.Node.
type chain interface {
	votes.Blocks
	Network(ctx context.Context) (network.Profile, error)
}

// draw draws up a report from what a journal tells and from a chain, and from nothing else. What the chain holds after the
// journal's end is left out, so that the report stays the same.
func draw(ctx context.Context, record *verifier.Record, extent report.Evidence, on chain) (report.Report, error) {
	if !record.Begun() {
		return report.Report{}, errors.New("the journal has no plan of a trial in it that is sealed: nothing was seen yet")
	}
	e := record.Evidence()
	places, err := report.ReadPlaces(record)
	if err != nil {
		return report.Report{}, err
	}
	query, known := record.Query()
	if !known {
		return report.New(e, places, extent), nil
	}
	ledger, census, err := account(ctx, e.Target.Network.Name, query, on)
	if err != nil {
		return report.Report{}, err
	}
	e.Ledger, e.Census = record.Held(ledger), census
	return report.New(e, places, extent), nil
}

// account draws up the ledger on a chain, which must be of the network.
func account(ctx context.Context, network string, query votes.Query, on chain) (votes.Ledger, *verifier.Census, error) {
	profile, err := on.Network(ctx)
	if err != nil {
		return votes.Ledger{}, nil, fmt.Errorf("ask the node for its network: %w", err)
	}
	if profile.Name != network {
		return votes.Ledger{}, nil, fmt.Errorf("the node is on %s, and the trial is on %s", profile.Name, network)
	}
	census := verifier.NewCensus(on)
	ledger, err := votes.Tally(ctx, census, profile.Params, query)
	if err != nil {
		return votes.Ledger{}, nil, fmt.Errorf("account for blocks %d to %d: %w", query.From, query.To, err)
	}
	return ledger, census, nil
}

// source is the trial's own journal.
func (t *trial) source() (source, error) {
	key, err := t.publicKey()
	return source{t.Journal, key}, err
}

// readJournal takes in all of the trial's journal, also what is not sealed yet. That there is no journal is an error.
func (t *trial) readJournal() (*verifier.Record, error) {
	s, err := t.source()
	if err != nil {
		return nil, err
	}
	record := new(verifier.Record)
	if _, err := journal.Read(s.folder, s.key, taker(record)); err != nil {
		return nil, fmt.Errorf("read journal %s: %w", s.folder, err)
	}
	return record, t.owns(record)
}

// owns makes sure that a journal is of this trial.
func (t *trial) owns(record *verifier.Record) error {
	if p := record.Plan; record.Begun() && !p.SameTrial(t.plan()) {
		return fmt.Errorf("the journal in %s is of another trial, of %s at %s on %s in slots of %v: use another folder",
			t.Journal, p.Name, p.URL, p.Network, p.Slot)
	}
	return nil
}

// derive draws up the trial's report, with the help of our own node.
func (t *trial) derive(ctx context.Context) (report.Report, error) {
	s, err := t.source()
	if err != nil {
		return report.Report{}, err
	}
	record, extent, err := s.read(0)
	if err == nil {
		err = t.owns(record)
	}
	if err != nil {
		return report.Report{}, err
	}
	node := blocks.Open(t.node)
	defer node.Close()
	return draw(ctx, record, extent, node)
}
