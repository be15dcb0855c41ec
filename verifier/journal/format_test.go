package journal

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

func TestEntryLine(t *testing.T) {
	e := Entry{Number: 42, At: time.Date(2026, 11, 22, 11, 0, 0, 250e6, time.FixedZone("CET", 3600)), Kind: "beat", Prev: "x", Data: json.RawMessage(`{"a":1}`)}
	want := `{"n":42,"at":"2026-11-22T10:00:00.25Z","kind":"beat","prev":"x","data":{"a":1}}`
	require.Equal(t, want, string(e.Line()))
	require.True(t, json.Valid(e.Line()), "it is JSON for whoever knows nothing else")
	require.Equal(t, tlog.RecordHash([]byte(want)), e.Hash())
	for _, bad := range []string{
		"", "{}", " " + want, want + " ", want[:len(want)-1], want + "}",
		strings.Replace(want, `"n":42`, `"n":042`, 1),
		strings.Replace(want, `"n":42`, `"n":+42`, 1),
		strings.Replace(want, `"n":42`, `"n": 42`, 1),
		strings.Replace(want, `.25Z`, `.250Z`, 1),
		strings.Replace(want, `.25Z`, `.25+00:00`, 1),
		strings.Replace(want, `T10`, `T26`, 1),
		strings.Replace(want, `beat`, `be at`, 1),
		strings.Replace(want, `,"prev":"x"`, ``, 1),
		strings.Replace(want, `{"a":1}`, `{"a":1},"n":43`, 1),
		strings.Replace(want, `{"a":1}`, ``, 1),
		strings.Replace(want, `{"a":1}`, `{"a":}`, 1),
	} {
		_, err := parseEntry([]byte(bad))
		require.Error(t, err, "%s", bad)
	}
}

func TestEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data, err := json.Marshal(map[string]string{"text": rapid.String().Draw(t, "text")})
		require.NoError(t, err)
		e := Entry{
			Number: rapid.Int64Min(1).Draw(t, "number"),
			At:     time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "seconds"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanoseconds")).UTC(),
			Kind:   rapid.StringMatching(`[a-z0-9-]+`).Draw(t, "kind"),
			Prev:   tlog.RecordHash(data).String(),
			Data:   data,
		}
		again, err := parseEntry(e.Line())
		require.NoError(t, err)
		require.Equal(t, e, again)
	})
}

// What is accepted as an entry is written as it was, and is JSON.
func FuzzEntry(f *testing.F) {
	f.Add([]byte(`{"n":42,"at":"2026-11-22T10:00:00.25Z","kind":"beat","prev":"x","data":{"a":1}}`))
	f.Add([]byte(`{"n":1,"at":"2026-11-22T10:00:00Z","kind":"a","prev":"","data":null}`))
	f.Add([]byte(`{"n":1,"at":"","kind":"","prev":"","data":}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := parseEntry(line)
		if err == nil {
			require.Equal(t, string(line), string(e.Line()))
			require.False(t, strings.Contains(e.Kind, `"`))
		}
	})
}

// Whatever stands in the file, reading ends without a panic, and what is accepted follows on what was before.
func FuzzReader(f *testing.F) {
	key := newKey(f)
	f.Add([]byte(load(f, written(f, key, 2)).entries))
	f.Add([]byte("{}\n"))
	f.Add([]byte("\n\n"))
	f.Add([]byte("\x00\x00"))
	f.Add([]byte(`{"n":1,"at":"2026-11-22T10:00:00Z","kind":"a","prev":"","data":null}` + "\n" + `{"n":2,"at":`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := NewReader(strings.NewReader(string(raw)))
		prev, rest := "", string(raw)
		for n := int64(1); ; n++ {
			e, err := r.Next()
			if errors.Is(err, io.EOF) {
				require.EqualValues(t, len(raw), r.whole+r.torn)
				return
			}
			if err != nil {
				requireFault(t, err)
				return
			}
			line, after, _ := strings.Cut(rest, "\n")
			require.Equal(t, n, e.Number)
			require.Equal(t, prev, e.Prev)
			require.Equal(t, line, string(e.Line()))
			prev, rest = tlog.RecordHash([]byte(line)).String(), after
		}
	})
}

// What is accepted as a checkpoint says what its text says; its signature covers all of it.
func FuzzCheckpoint(f *testing.F) {
	key := newKey(f)
	for _, mark := range splitCheckpoints(load(f, written(f, key, 3)).marks) {
		f.Add(strings.TrimSuffix(mark, "\n"))
	}
	f.Add("a\n0\n" + tlog.Hash{}.String() + "\ncheckpoint 1\n\n")
	f.Add("a\n0\n" + tlog.Hash{}.String() + "\ncheckpoint 1\nblock 1 \n\n— a b\n— c d\n")
	f.Fuzz(func(t *testing.T, signed string) {
		c, err := parseCheckpoint(signed)
		if err != nil {
			return
		}
		require.True(t, strings.HasPrefix(signed, c.text()+"\n"))
		if key.Public().verify(c) == nil {
			again, err := key.sign(c)
			require.NoError(t, err)
			require.Equal(t, again, c, "only the key's holder makes one, and only one way")
		}
	})
}

// Whatever stands in the file of checkpoints, reading it ends, and nothing that is no checkpoint passes for one.
func FuzzCheckpoints(f *testing.F) {
	key := newKey(f)
	whole := load(f, written(f, key, 7))
	f.Add(whole.marks)
	f.Add(whole.marks[:len(whole.marks)-40])
	f.Add(whole.marks + "\x00\x00")
	f.Fuzz(func(t *testing.T, marks string) {
		sum, err := files{whole.entries, marks}.verify(key.Public())
		if err != nil {
			requireFault(t, err)
			return
		}
		require.True(t, strings.HasPrefix(whole.marks, marks[:len(marks)-int(sum.TornSeal)]), "it is a beginning of what was written")
	})
}
