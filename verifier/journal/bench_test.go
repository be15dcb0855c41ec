package journal

import (
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A week of a trial: 3 vantages, 5 checks a minute and the beats; a checkpoint a minute.
const (
	weekEntries = 161_200
	weekMinutes = 7 * 24 * 60
)

// week writes a week's journal with entries of the size that a vspinfo has.
func week(b *testing.B) (dir string, key PublicKey) {
	dir = b.TempDir()
	secret := newKey(b)
	j, err := Open(dir, secret, clock())
	require.NoError(b, err)
	j.entries, j.marks = unsynced{j.entries}, unsynced{j.marks}
	data := struct {
		Endpoint, Raw string
	}{"/api/v3/vspinfo", strings.Repeat("eyJhcGl2", 85)}
	for i := range weekEntries {
		if _, err := j.Append("observation", data); err != nil {
			b.Fatal(err)
		}
		if i%(weekEntries/weekMinutes) == 0 {
			if _, err := j.Seal(Block{Height: int64(i)}); err != nil {
				b.Fatal(err)
			}
		}
	}
	require.NoError(b, j.Close())
	return dir, secret.Public()
}

// unsynced is a file without a disk's slowness.
type unsynced struct{ file }

func (unsynced) Sync() error { return nil }

// cpu is how long this process has computed: a machine that does other things, too, does not change it.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkVerifyWeek verifies a whole week: in less than 2 s and 50 MB. It fails at twice the time, because a core that is
// shared computes slower.
func BenchmarkVerifyWeek(b *testing.B) {
	dir, key := week(b)
	info, err := os.Stat(dir + "/" + FileName)
	require.NoError(b, err)
	b.SetBytes(info.Size())
	most, began := uint64(0), cpu(b)
	for b.Loop() {
		n := 0
		sum, err := Read(dir, key, func(Entry) error {
			if n++; n%20_000 == 0 {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse+m.StackInuse)
			}
			return nil
		})
		require.NoError(b, err)
		require.EqualValues(b, weekEntries, sum.Tree.N)
	}
	each := (cpu(b) - began) / time.Duration(b.N)
	b.ReportMetric(float64(most)/1e6, "MB-heap")
	b.ReportMetric(each.Seconds(), "cpu-s/op")
	require.Less(b, each, 4*time.Second)
	require.Less(b, most, uint64(50e6))
}

func BenchmarkAppend(b *testing.B) {
	j, err := Open(b.TempDir(), newKey(b), time.Now)
	require.NoError(b, err)
	for b.Loop() {
		if _, err := j.Append("note", remark{"<1>"}); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, j.Close())
}

func BenchmarkProve(b *testing.B) {
	dir, key := week(b)
	for b.Loop() {
		_, err := Prove(dir, key, weekEntries/3)
		require.NoError(b, err)
	}
}

func BenchmarkTail(b *testing.B) {
	dir, key := week(b)
	for b.Loop() {
		p, err := Tail(dir, key, weekEntries-100, PieceSize)
		require.NoError(b, err)
		require.NotEmpty(b, p.Entries)
	}
}
