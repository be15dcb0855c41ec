package journal

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mend opens a journal, closes it, and returns what was cut and how it reads afterwards.
func mend(t testing.TB, key Key, f files) (Gap, Summary) {
	dir := f.store(t, filepath.Join(t.TempDir(), "journal"))
	j, err := Open(dir, key, clock())
	require.NoError(t, err)
	_, err = j.Append("note", remark{"after"})
	require.NoError(t, err)
	require.NoError(t, j.Close())
	all, sum, err := readAll(dir, key.Public())
	require.NoError(t, err)
	require.Equal(t, sum.Tree.N, sum.Sealed.Size)
	require.Len(t, all, int(sum.Tree.N))
	switch len(sum.Repairs) {
	case 0:
		return Gap{}, sum
	case 1:
		require.EqualValues(t, sum.Tree.N-1, sum.Repairs[0].Entry)
		return sum.Repairs[0].Gap, sum
	default:
		require.Fail(t, "more than one end was torn")
		return Gap{}, sum
	}
}

// Wherever a death tore the entries that are not sealed, what was whole is kept, what was torn is cut, and an entry says so.
func TestTornEntryIsCut(t *testing.T) {
	key := newKey(t)
	whole := unclosed(t, key, 5)
	sealed := len(strings.Join(strings.SplitAfter(whole.entries, "\n")[:3], ""))
	for size := sealed; size <= len(whole.entries); size++ {
		f := files{whole.entries[:size], whole.marks}
		torn := size - (strings.LastIndex(f.entries, "\n") + 1)
		read, err := f.verify(key.Public())
		require.NoError(t, err, "a reader takes an end that is not written yet for the end")
		require.EqualValues(t, torn, read.Torn)
		if size%3 > 0 {
			continue
		}
		gap, sum := mend(t, key, f)
		require.Equal(t, Gap{Cut: int64(torn)}, gap)
		require.EqualValues(t, strings.Count(f.entries, "\n")+1+len(sum.Repairs), sum.Tree.N)
	}
	for size := range sealed { // what is sealed has reached the disk before
		f := files{whole.entries[:size], whole.marks}
		_, err := Open(f.store(t, filepath.Join(t.TempDir(), "journal")), key, clock())
		requireFault(t, err)
	}
}

// Wherever a death tore the last checkpoint, its entries are sealed anew. No whole checkpoint is ever cut.
func TestTornCheckpointIsCut(t *testing.T) {
	key := newKey(t)
	whole := unclosed(t, key, 5)
	marks := splitCheckpoints(whole.marks)
	require.Len(t, marks, 2)
	for size := len(marks[0]); size < len(whole.marks); size++ {
		f := files{whole.entries, whole.marks[:size]}
		read, err := f.verify(key.Public())
		require.NoError(t, err)
		require.EqualValues(t, size-len(marks[0]), read.TornSeal)
		if size%7 > 0 {
			continue
		}
		gap, sum := mend(t, key, f)
		require.Equal(t, Gap{CutSeal: int64(size - len(marks[0]))}, gap)
		require.EqualValues(t, 6+len(sum.Repairs), sum.Tree.N)
	}
	for size := range marks[0] { // the first one is there before any entry is
		f := files{whole.entries, whole.marks[:size]}
		_, err := Open(f.store(t, filepath.Join(t.TempDir(), "journal")), key, clock())
		requireFault(t, err)
		if size%7 > 0 {
			continue
		}
		_, sum := mend(t, key, files{"", whole.marks[:size]})
		require.EqualValues(t, 1+len(sum.Repairs), sum.Tree.N)
	}
}

// What no death leaves is not cut, but refused.
func TestWhatIsNotTornIsRefused(t *testing.T) {
	key := newKey(t)
	whole := unclosed(t, key, 5)
	marks := splitCheckpoints(whole.marks)
	zeros := strings.Repeat("\x00", 3*sector)
	last := strings.LastIndex(strings.TrimSuffix(whole.entries, "\n"), "\n") + 1
	for name, f := range map[string]files{
		"other text behind the entries":      {whole.entries + "more", whole.marks},
		"another number":                     {whole.entries + `{"n":7,"at":"2026`, whole.marks},
		"a line end taken off and more":      {strings.TrimSuffix(whole.entries, "\n") + " ", whole.marks},
		"no JSON":                            {whole.entries[:len(whole.entries)-4] + "\x01", whole.marks},
		"zeros amid sealed entries":          {zeros + whole.entries, whole.marks},
		"some zeros amid an entry":           {whole.entries[:last+9] + "\x00\x00" + whole.entries[last+11:], whole.marks},
		"other text behind the checkpoints":  {whole.entries, whole.marks + "more"},
		"half a checkpoint of another":       {whole.entries, whole.marks + "other.example.org/local\n7"},
		"half a checkpoint with more digits": {whole.entries, whole.marks + "vsp.example.org/local\n07\n"},
		"a checkpoint with half a text":      {whole.entries, whole.marks + "vsp.example.org/local\n7\n\n"},
		"half a checkpoint and no text":      {whole.entries, whole.marks + "vsp.example.org/local\n7\x01"},
		"half a checkpoint and more":         {whole.entries, whole.marks + "vsp.example.org/local\n7" + strings.Repeat("7", 200)},
		"half a checkpoint of later":         {whole.entries, whole.marks + strings.Replace(marks[1][:90], "checkpoint 2", "checkpoint 4", 1)},
		"zeros for all checkpoints":          {whole.entries, zeros},
		"zeros for more than one checkpoint": {whole.entries, marks[0] + zeros},
		"zeros for one amid others":          {whole.entries, strings.Repeat("\x00", len(marks[0])) + marks[1]},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.verify(key.Public())
			requireFault(t, err)
			dir := f.store(t, filepath.Join(t.TempDir(), "journal"))
			_, err = Open(dir, key, clock())
			requireFault(t, err)
			require.Equal(t, f, load(t, dir), "it is evidence: it stays as it is")
		})
	}
}

// disk remembers what was written to two files and what of it was safe, each time something was done.
type disk struct {
	entries, marks content
	moments        []moment
}

type content struct {
	text string
	safe int // bytes that were synced
}

type moment struct {
	entries, marks content
	acknowledged   int64 // entries that a Sync or Seal had followed
}

// diskFile is one of the files.
type diskFile struct {
	disk *disk
	of   *content
}

func (f diskFile) Write(p []byte) (int, error) {
	f.of.text += string(p)
	f.disk.note(0)
	return len(p), nil
}

func (f diskFile) Sync() error {
	f.of.safe = len(f.of.text)
	f.disk.note(0)
	return nil
}

func (f diskFile) Close() error { return nil }

func (d *disk) note(acknowledged int64) {
	if n := len(d.moments); n > 0 {
		acknowledged = max(acknowledged, d.moments[n-1].acknowledged)
	}
	d.moments = append(d.moments, moment{d.entries, d.marks, acknowledged})
}

// survives returns one of the things that a loss of power can leave of a file: what was safe, some of the rest, and zeros
// for any sectors of it.
func (w content) survives(random *rand.Rand) string {
	size := w.safe + random.IntN(len(w.text)-w.safe+1)
	if random.IntN(3) == 0 {
		size = len(w.text)
	}
	left := []byte(w.text[:size])
	if random.IntN(2) == 0 {
		for at := w.safe; at < size; at = (at/sector + 1) * sector {
			if random.IntN(2) == 0 {
				clear(left[at:min(size, (at/sector+1)*sector)])
			}
		}
	}
	return string(left)
}

// Whatever a loss of power leaves, whenever it comes, the journal opens again and has all that was safe: because a checkpoint
// is written only when its entries are.
func TestLossOfPower(t *testing.T) {
	key := newKey(t)
	random := rand.New(rand.NewPCG(3, 4))
	dir := filepath.Join(t.TempDir(), "journal")
	j, err := Open(dir, key, clock())
	require.NoError(t, err)
	begin := load(t, dir)
	d := &disk{entries: content{begin.entries, len(begin.entries)}, marks: content{begin.marks, len(begin.marks)}}
	require.NoError(t, j.entries.Close())
	require.NoError(t, j.marks.Close())
	j.entries, j.marks = diskFile{d, &d.entries}, diskFile{d, &d.marks}
	d.note(0)
	for i := range 24 {
		number, err := j.Append("note", remark{strings.Repeat("x", i*97%1500)})
		require.NoError(t, err)
		switch i % 5 {
		case 1:
			require.NoError(t, j.Sync())
			d.note(number)
		case 4:
			_, err := j.Seal(block(number))
			require.NoError(t, err)
			d.note(number)
		}
	}
	torn, states := 0, 6
	if testing.Short() {
		states = 2
	}
	for i, m := range d.moments {
		for range states {
			f := files{m.entries.survives(random), m.marks.survives(random)}
			gap, sum := mend(t, key, f)
			require.GreaterOrEqual(t, sum.Tree.N-1, m.acknowledged, "moment %d", i)
			if gap != (Gap{}) {
				torn++
			}
		}
	}
	require.Greater(t, torn, len(d.moments), "hardly anything was torn: nothing was tried")
	t.Logf("%d moments, %d ends torn of %d", len(d.moments), torn, states*len(d.moments))
}

func TestHole(t *testing.T) {
	zeros := func(n int) string { return strings.Repeat("\x00", n) }
	tests := []struct {
		data  string
		at    int64
		toEnd bool
		want  bool
	}{
		{"text", 0, true, false},
		{zeros(9), 700, true, true},                             // nothing of it came
		{zeros(9), 700, false, false},                           // it has an end: no sector ends there
		{zeros(324) + "text", 700, false, true},                 // the first sector was lost
		{zeros(323) + "text", 700, true, false},                 // it ends short of it
		{"text" + zeros(9), 508, true, true},                    // the second sector was lost
		{"text" + zeros(9), 507, true, false},                   // it begins amid a sector
		{"text" + zeros(512) + "text", 508, true, true},         // one sector amid others
		{"text" + zeros(511) + "text", 508, true, false},        // less than one
		{"text" + zeros(1) + "text" + zeros(9), 1, true, false}, // the first run counts
	}
	for i, test := range tests {
		require.Equal(t, test.want, hole([]byte(test.data), test.at, test.toEnd), fmt.Sprint(i))
	}
	// No single byte that became zero looks like it, wherever it stands: the first and the last cannot become zero by one bit.
	line := []byte(strings.Repeat("x", 2*sector))
	for i := 1; i < len(line)-1; i++ {
		line[i] = 0
		for at := range int64(sector) {
			require.False(t, hole(line, at, true), "byte %d, line at %d", i, at)
		}
		line[i] = 'x'
	}
}
