package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	chainwire "github.com/decred/dcrd/wire"

	"scrutineer/verifier"
	"scrutineer/verifier/blocks/blockstest"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/votes"
	"scrutineer/vsp/network"
	"scrutineer/vsp/vspapi"
)

// recording is the recorded chain up to a height, in memory. It knows no live tickets: what is accounted for begins at block 1.
type recording struct {
	blocks  []*chainwire.MsgBlock
	network string
}

func readRecording(height int) (*recording, error) {
	blocks, err := blockstest.ReadBlocks(filepath.Join(recordedChain, "blocks.gz"))
	if err != nil {
		return nil, err
	}
	return &recording{blocks[:height], "simnet"}, nil
}

func (r *recording) Network(context.Context) (network.Profile, error) {
	return network.Lookup(r.network)
}

func (r *recording) Tip(context.Context) (votes.Tip, error) {
	last := r.blocks[len(r.blocks)-1]
	return votes.Tip{Height: int64(last.Header.Height), Hash: last.BlockHash()}, nil
}

func (r *recording) Range(_ context.Context, first int64, _ votes.Tip) iter.Seq2[*chainwire.MsgBlock, error] {
	return func(yield func(*chainwire.MsgBlock, error) bool) {
		for _, block := range r.blocks[first-1:] {
			if !yield(block, nil) {
				return
			}
		}
	}
}

// Heights of the staged trial: of our own node as its report is drawn up, and as its journal ends.
const (
	stagedReport = 300
	stagedEnd    = 560
	stagedSlots  = 6 // up to the report; as many come after it
)

// staged is a trial whose journal is the same each time, written over the recorded chain, with everything in it that a journal can
// have. Its report was made at half time, so that journal and chain have grown since.
type staged struct {
	folder string // of the journal
	out    string // of the report
	key    journal.PublicKey
	files  map[string][]byte // of the report

	book *journal.Journal
	at   time.Time
	err  error
}

func stage(dir string) (*staged, error) {
	s := &staged{folder: filepath.Join(dir, "journal"), out: filepath.Join(dir, "out"), at: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	if err := writeKey(s.folder+".key", "vsp.example.org/local", fmt.Sprintf("%-32s", "staged")); err != nil {
		return nil, err
	}
	key, err := journal.ReadKey(s.folder + ".key")
	if err != nil {
		return nil, err
	}
	s.key = key.Public()
	if s.book, err = journal.Open(s.folder, key, func() time.Time { return s.at }); err != nil {
		return nil, err
	}
	s.begin()
	s.err = errors.Join(s.err, s.vantage("north"))
	for slot := range stagedSlots {
		s.slot(slot, stagedReport+int64(slot-stagedSlots+1))
	}
	s.report(key)
	for slot := range stagedSlots {
		s.slot(stagedSlots+slot, stagedEnd+int64(slot-stagedSlots+1))
	}
	s.write(verifier.EntryStop, struct{}{})
	return s, errors.Join(s.err, s.book.Close())
}

func (s *staged) write(kind string, data any) {
	_, err := s.book.Append(kind, data)
	s.err = errors.Join(s.err, err)
}

// begin writes the plan, a list that the VSP signed, a drill, and then another plan.
func (s *staged) begin() {
	plan := verifier.Plan{Name: "vsp.example.org", URL: "https://vsp.example.org", PubKey: publicKey, Network: "simnet",
		Slot: verifier.Duration(time.Minute), FromHeight: 1, Controls: []string{}, Policy: verifier.DefaultPolicy(), Begins: s.at, Places: stagedPlaces()}
	s.write(verifier.EntryStart, plan)
	signed, err := signedList(stagedReport)
	s.err = errors.Join(s.err, err)
	s.file(verifier.FileTickets, signed)
	s.file(verifier.FileDrills, `{"kind":"wallets-down","count":1,"from":200,"to":220,"note":"one"}`+"\n")
	s.demonstrate()
	plan.Policy.Uptime = 0.9
	s.write(verifier.EntryPlan, plan)
	s.places()
}

func (s *staged) file(name, text string) {
	changes, err := new(verifier.History).Changes(name, text)
	s.err = errors.Join(s.err, err)
	for _, c := range changes {
		s.write(verifier.EntryFile, c)
	}
}

// demonstrate writes a demonstration of alerts, of which one mail came that nobody signed.
func (s *staged) demonstrate() {
	plan := verifier.AlertPlan{To: "reviewer@example.net", Domain: "example.org", Keys: map[string]string{}, Until: s.at.Add(time.Hour),
		Within: verifier.Duration(time.Minute), Beat: verifier.Duration(10 * time.Second), Recovery: recoverySubject,
		Faults: []verifier.AlertFault{{Name: "wallet-killed", What: "Kill it.", Nonce: "k3x9k3x9"}}}
	mail := verifier.AlertMail{From: "vsp@example.org", To: []string{"reviewer+k3x9k3x9@example.net"}, Keys: map[string]string{},
		Raw: []byte("From: vsp@example.org\r\nSubject: wallet-1\r\n\r\nIt is down.\r\n")}
	for _, step := range []verifier.AlertStep{{Step: verifier.StepPlanned, Plan: &plan}, {Step: verifier.StepListened},
		{Step: verifier.StepBreak, Fault: "wallet-killed"}, {Step: verifier.StepBroken, Fault: "wallet-killed"}, {Step: verifier.StepMail, Mail: &mail}} {
		step.At = s.at
		s.write(verifier.EntryAlertDrill, step)
	}
}

// vantage stages another vantage's journal, of which the trial has pulled two entries, and has a third one since.
func (s *staged) vantage(name string) error {
	folder := mirrorFolder(s.folder, name)
	path := s.folder + "." + name + ".key"
	if err := writeKey(path, "vsp.example.org/"+name, fmt.Sprintf("%-32s", name)); err != nil {
		return err
	}
	key, err := journal.ReadKey(path)
	if err != nil {
		return err
	}
	book, err := journal.Open(folder, key, func() time.Time { return s.at })
	if err != nil {
		return err
	}
	_, err = book.Append(verifier.EntryObservation, verifier.Observation{At: s.at, Kind: verifier.KindInfo, Vantage: name, Endpoint: vspapi.PathInfo,
		Code: verifier.Refused})
	_, beatErr := book.Append(verifier.EntryBeat, verifier.Beat{At: s.at, Vantage: name})
	for _, sight := range stagedSights(name) {
		_, sightErr := book.Append(verifier.EntrySight, sight)
		err = errors.Join(err, sightErr)
	}
	mark, sealErr := book.Seal(journal.Block{})
	_, moreErr := book.Append(verifier.EntryBeat, verifier.Beat{At: s.at.Add(time.Minute), Vantage: name})
	s.write(verifier.EntryWitness, verifier.Witness{Name: name, Key: key.Public().String()})
	s.write(verifier.EntryPull, verifier.Pull{At: s.at, Vantage: name, Code: verifier.PullOK, Entries: mark.Size, Root: mark.Root.String()})
	return errors.Join(err, beatErr, sealErr, moreErr, book.Close())
}

// signedList is the recorded wallet's tickets, as a VSP would sign them.
func signedList(height int64) (string, error) {
	raw, err := os.ReadFile(filepath.Join(recordedChain, "wallet.txt"))
	if err != nil {
		return "", err
	}
	list := vspapi.TicketList{Network: "simnet", Time: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), Height: height}
	for line := range strings.Lines(string(raw)) {
		text, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		hash, err := chainhash.NewHashFromStr(text)
		if err != nil {
			return "", err
		}
		list.Tickets = append(list.Tickets, vspapi.ListedTicket{Hash: *hash, FeeStatus: "confirmed"})
	}
	signed, err := vspapi.SignTicketList(signingKey, list)
	return string(signed), err
}

// slot writes what one round sees, and seals it. In the third of each half the VSP is down.
func (s *staged) slot(slot int, height int64) {
	hash := verifier.Hash(chainhash.HashH(fmt.Append(nil, height)))
	state := &verifier.NodeState{Height: height, Hash: hash, Peers: 1}
	body, err := json.Marshal(vspapi.Info{APIVersions: []int64{3}, Timestamp: s.at.Unix(), PubKey: ed25519.PublicKey(publicKey), Network: "simnet",
		BlockHeight: uint32(height), Voted: 80, TotalVotingWallets: 3, VotingWalletsOnline: 3})
	s.err = errors.Join(s.err, err)
	look := verifier.Observation{At: s.at, Kind: verifier.KindInfo, Vantage: localVantage, Endpoint: vspapi.PathInfo, Code: verifier.OK, Node: state,
		Raw: &verifier.Raw{Status: 200, Body: body, Signature: vspapi.Sign(signingKey, body)}}
	if slot%stagedSlots == 2 {
		look.Code, look.Raw, look.Detail = verifier.Refused, nil, "dial tcp: connection refused"
	}
	s.write(verifier.EntryObservation, verifier.Observation{At: s.at, Kind: verifier.KindNode, Vantage: localVantage, Code: verifier.OK, Node: state})
	s.write(verifier.EntryObservation, look)
	s.write(verifier.EntryObservation, verifier.Observation{At: s.at, Kind: verifier.KindMempool, Vantage: localVantage, Code: verifier.OK,
		Tip: &verifier.TipVotes{Height: height - 1, Hash: hash, Whole: true}})
	s.write(verifier.EntryBeat, verifier.Beat{At: s.at, Vantage: localVantage})
	s.at = s.at.Add(time.Minute)
	_, err = s.book.Seal(journal.Block{Height: height, Hash: chainhash.Hash(hash)})
	s.err = errors.Join(s.err, err)
}

// report draws up and signs the report of what is sealed.
func (s *staged) report(key journal.Key) {
	record, extent, err := source{s.folder, s.key}.read(0)
	chain, chainErr := readRecording(stagedReport)
	if s.err = errors.Join(s.err, err, chainErr); s.err != nil {
		return
	}
	r, err := draw(context.Background(), record, extent, chain)
	if err == nil {
		s.files, err = signed(r, key)
	}
	s.err = errors.Join(s.err, err, os.MkdirAll(s.out, 0o755))
	for name, data := range s.files {
		s.err = errors.Join(s.err, os.WriteFile(filepath.Join(s.out, name), data, 0o644))
	}
}
