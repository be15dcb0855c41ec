package journal

import (
	"fmt"
	"os"
	"runtime"
	"strings"
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

// BenchmarkVerifyWeek verifies a whole week. It must take less than 2 s and 50 MB.
func BenchmarkVerifyWeek(b *testing.B) {
	dir, key := week(b)
	info, err := os.Stat(dir + "/" + FileName)
	require.NoError(b, err)
	b.SetBytes(info.Size())
	most := uint64(0)
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
	b.ReportMetric(float64(most)/1e6, "MB-heap")
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
		require.NotEmpty(b, p.Entries, fmt.Sprint(p.After))
	}
}
