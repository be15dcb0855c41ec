package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/report"
)

// examined holds a report against a journal and the recorded chain, which is 260 blocks longer than when the report was made.
func examined(t testing.TB, x *examination, key *journal.PublicKey) *examination {
	if !x.readFiles(key) {
		return x
	}
	ok, err := x.readJournal()
	require.NoError(t, err)
	if ok {
		require.NoError(t, x.compare(x.derived(t)))
	}
	return x
}

func (x *examination) derived(t testing.TB) derivation {
	chain, err := readRecording(stagedEnd)
	require.NoError(t, err)
	r, err := draw(context.Background(), x.record, x.extent, chain)
	require.NoError(t, err)
	fresh, err := newDerivation(r)
	require.NoError(t, err)
	return fresh
}

func (s *staged) examination() *examination {
	return &examination{source: source{folder: s.folder}, files: maps.Clone(s.files)}
}

func staging(t testing.TB) *staged {
	s, err := stage(t.TempDir())
	require.NoError(t, err)
	return s
}

func TestReportIsUpheldByWhatHasGrownSince(t *testing.T) {
	s := staging(t)
	for _, key := range []*journal.PublicKey{nil, &s.key} {
		x := examined(t, s.examination(), key)
		require.Empty(t, x.objections)
		require.Contains(t, x.text(), "is upheld")
		require.Equal(t, key == nil, strings.Contains(x.text(), "--key"))
	}
	x := examined(t, s.examination(), nil)
	all, err := journal.Read(s.folder, s.key, nil)
	require.NoError(t, err)
	require.Less(t, x.given.Evidence.Entries+20, all.Tree.N, "the journal has grown")
	l := x.given.Ledger
	require.Equal(t, []int64{1, stagedReport}, []int64{l.From, l.To})
	require.Equal(t, []int64{2}, l.ListEntries)
	require.Equal(t, "vsp", l.CompleteBy)
	require.EqualValues(t, 3, x.given.Drills[0].Entry)
	require.Len(t, x.given.Changes, 1)
	require.Equal(t, [3]string{"policy.uptime", "0.99", "0.9"}, [3]string{x.given.Changes[0].What, x.given.Changes[0].Was, x.given.Changes[0].Now})
	text := strings.Join(strings.Fields(string(s.files[report.TextFile])), " ")
	require.Contains(t, text, "CHANGED after 0 slots, 22 Nov 10:00:00, entry 9: policy.uptime was 0.99 and is 0.9")
	require.Greater(t, l.Made, 30)
	require.NotEmpty(t, x.given.Wallets)
}

// TestEachNumberIsDerived changes each field of a report alone and has whoever holds the journal's key sign it: the field is named,
// and no other.
func TestEachNumberIsDerived(t *testing.T) {
	s := staging(t)
	key, err := journal.ReadKey(s.folder + ".key")
	require.NoError(t, err)
	honest := examined(t, s.examination(), nil)
	fresh := honest.derived(t)
	var doc any
	require.NoError(t, json.Unmarshal(s.files[report.JSONFile], &doc))
	changed, kinds := 0, make(map[string]int)
	eachLeaf("", doc, func(path string, set func(any), was any) {
		kind := index.ReplaceAllString(path, "[]")
		if kinds[kind]++; kinds[kind] > 3 {
			return // enough of its kind
		}
		defer set(was)
		set(other(was))
		raw, err := json.Marshal(doc)
		require.NoError(t, err)
		var forged report.Report
		if json.Unmarshal(raw, &forged) != nil || path == "format" {
			return // it is no report any more
		}
		changed++
		x := honest.of(t, forged, key)
		require.NoError(t, x.compare(fresh))
		var named []string
		for _, o := range x.objections {
			if !strings.Contains(o.Where, " line ") {
				named = append(named, o.Where)
			}
		}
		require.Equal(t, []string{path}, named)
	})
	require.Greater(t, changed, 200)
	for _, path := range []string{"places.pairs[].standing", "places.hosts[].discs[].radius_km", "places.series[].trip_ns", "places.signs[]", "places.deployment_changes[].was"} {
		require.Positive(t, kinds[path], path)
	}
}

var index = regexp.MustCompile(`\[\d+\]`)

// of is an examination of another report on the same evidence, with text and page as they were.
func (x *examination) of(t testing.TB, r report.Report, key journal.Key) *examination {
	raw, err := r.JSON()
	require.NoError(t, err)
	files := maps.Clone(x.files)
	files[report.JSONFile] = raw
	text, err := r.Statement(files)
	require.NoError(t, err)
	note, err := key.SignNote(text)
	require.NoError(t, err)
	files[report.SignatureFile] = []byte(note)
	other := &examination{files: files, source: x.source, record: x.record, extent: x.extent}
	require.True(t, other.readFiles(&x.source.key))
	require.Empty(t, other.objections, "it is signed as it should be")
	return other
}

// eachLeaf calls with each value in a JSON document that has no others in it.
func eachLeaf(path string, value any, leaf func(path string, set func(any), was any)) {
	visit := func(path string, value any, set func(any)) {
		switch value.(type) {
		case map[string]any, []any:
			eachLeaf(path, value, leaf)
		default:
			leaf(path, set, value)
		}
	}
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			visit(strings.TrimPrefix(path+"."+key, "."), v[key], func(to any) { v[key] = to })
		}
	case []any:
		for i := range v {
			visit(path+"["+strconv.Itoa(i)+"]", v[i], func(to any) { v[i] = to })
		}
	}
}

// other is a value of the same kind.
func other(value any) any {
	switch v := value.(type) {
	case string:
		if len(v) == 20 && v[10] == 'T' {
			return "2026-11-22T23:59:59Z"
		}
		return v + "x"
	case float64:
		return v + 1
	case bool:
		return !v
	}
	return 1
}

func TestReportOfOtherEvidence(t *testing.T) {
	s := staging(t)
	stranger, err := stage(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(stranger.folder))

	x := s.examination()
	x.source.folder = stranger.folder
	require.True(t, x.readFiles(nil))
	_, err = x.readJournal()
	require.ErrorIs(t, err, os.ErrNotExist, "that the journal is not there is no answer")

	delete(x.files, report.SignatureFile)
	x.source.folder, x.objections = s.folder, nil
	require.Contains(t, examined(t, x, nil).text(), "report.sig: is not there")

	another, err := journal.CreateKey(filepath.Join(t.TempDir(), "key"), "vsp.example.org/local")
	require.NoError(t, err)
	public := another.Public()
	require.Contains(t, examined(t, s.examination(), &public).text(), "is signed by another key")

	chain, err := readRecording(stagedEnd)
	require.NoError(t, err)
	chain.network = "testnet3"
	_, err = draw(t.Context(), examined(t, s.examination(), nil).record, report.Evidence{}, chain)
	require.ErrorContains(t, err, "the node is on testnet3, and the trial is on simnet")

	behind, err := readRecording(stagedReport - 1)
	require.NoError(t, err)
	_, err = draw(t.Context(), examined(t, s.examination(), nil).record, report.Evidence{}, behind)
	require.ErrorContains(t, err, "the chain has blocks 1 to 299")
}

// TestJournalCutBack: a journal that has less than the report rests on is named, a changed entry, and one that whoever holds the key
// has written anew.
func TestJournalCutBack(t *testing.T) {
	s := staging(t)
	path, marksPath := filepath.Join(s.folder, journal.FileName), filepath.Join(s.folder, journal.CheckpointsName)
	lines, err := os.ReadFile(path)
	require.NoError(t, err)
	marks, err := os.ReadFile(marksPath)
	require.NoError(t, err)
	store := func(lines, marks string) {
		require.NoError(t, errors.Join(os.WriteFile(path, []byte(lines), 0o600), os.WriteFile(marksPath, []byte(marks), 0o600)))
	}
	copied := strings.Replace(string(lines), "connection refused", "connection accepted", 1)
	store(copied, string(marks))
	require.Contains(t, examined(t, s.examination(), nil).text(), "journal.jsonl: entry 29: was changed: entry 30 has another hash of it")

	// The first checkpoint is on nothing, the second on what the first slot has seen.
	first := strings.SplitAfter(string(marks), "=\n\n")
	begun := slices.Collect(strings.Lines(string(lines)))[:23]
	store(strings.Join(begun, ""), strings.Join(first[:2], ""))
	require.Contains(t, examined(t, s.examination(), nil).text(), "journal: the journal has less than it has shown before")

	require.NoError(t, os.RemoveAll(s.folder))
	key, err := journal.ReadKey(s.folder + ".key")
	require.NoError(t, err)
	book, err := journal.Open(s.folder, key, time.Now)
	require.NoError(t, err)
	for range 200 {
		_, err := book.Append(verifier.EntryBeat, verifier.Beat{})
		require.NoError(t, err)
	}
	require.NoError(t, book.Close())
	require.Contains(t, examined(t, s.examination(), nil).text(), "journal: the journal was written anew behind our back")
}

var bitSeed = flag.Uint64("bitseed", 0, "seed of the bits that TestOneBit flips; 0: another each time")

// TestOneBit flips one bit after the other, anywhere in the journal and in the report: each is found. In the report it is found
// even by who does not look at the signature, but for the signature itself.
func TestOneBit(t *testing.T) {
	seed := *bitSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-bitseed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := staging(t)
	honest := examined(t, s.examination(), nil)
	require.Empty(t, honest.objections)
	fresh := honest.derived(t)
	all := maps.Clone(s.files)
	for _, dir := range []string{"", mirrorFolder("", "north")} {
		for _, name := range []string{journal.FileName, journal.CheckpointsName} {
			raw, err := os.ReadFile(filepath.Join(s.folder, dir, name))
			require.NoError(t, err)
			all[filepath.Join(dir, name)] = raw
		}
	}
	names := slices.Sorted(maps.Keys(all))
	require.Len(t, names, 8)
	// Of each file as many as of any other: at random places of all of it, most would be in the page.
	for i := range 1000 {
		name := names[i%len(names)]
		bit := random.IntN(8 * len(all[name]))
		raw := slices.Clone(all[name])
		raw[bit/8] ^= 1 << (bit % 8)
		if _, ours := s.files[name]; ours {
			requireSeenInReport(t, s, fresh, name, raw, bit)
		} else {
			requireSeenInJournal(t, s, name, raw, bit)
		}
	}
}

func requireSeenInReport(t *testing.T, s *staged, fresh derivation, name string, raw []byte, bit int) {
	x := s.examination()
	x.files[name] = raw
	require.False(t, x.readFiles(nil) && len(x.objections) == 0, "bit %d of %s was not found", bit, name)
	if name == report.SignatureFile {
		return
	}
	given, err := report.Read(x.files[report.JSONFile])
	if err != nil {
		return
	}
	x.given, x.objections = given, nil
	require.NoError(t, x.compare(fresh))
	require.NotEmpty(t, x.objections, "bit %d of %s was found by the signature alone", bit, name)
}

func requireSeenInJournal(t *testing.T, s *staged, name string, raw []byte, bit int) {
	path := filepath.Join(s.folder, name)
	was, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, raw, 0o600))
	x := s.examination()
	require.True(t, x.readFiles(nil))
	ok, err := x.readJournal()
	require.NoError(t, err)
	require.False(t, ok, "bit %d of %s was not found", bit, name)
	require.NotEmpty(t, x.objections)
	require.NoError(t, os.WriteFile(path, was, 0o600))
}

// TestWhatIsComparedIsAll: a report that is compared with itself has no difference, and with nothing in it has many.
func TestWhatIsComparedIsAll(t *testing.T) {
	s := staging(t)
	x := examined(t, s.examination(), nil)
	differences, err := verifier.Compare(x.given, report.Report{})
	require.NoError(t, err)
	require.Greater(t, len(differences), 15)
}
