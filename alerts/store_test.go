package alerts

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// stores are all there are, each empty, with a way to open them anew as after a crash.
var stores = map[string]func(t *testing.T) (open func() Store){
	"memory": func(*testing.T) func() Store {
		m := &Memory{}
		return func() Store { return m }
	},
	"file": func(t *testing.T) func() Store {
		path := filepath.Join(t.TempDir(), "alerts.db")
		var f *File
		t.Cleanup(func() { require.NoError(t, f.Close()) })
		return func() Store {
			if f != nil {
				require.NoError(t, f.Close())
			}
			var err error
			f, err = OpenFile(path)
			require.NoError(t, err)
			return f
		}
	},
}

// requireState compares by JSON: it leaves out how a time is written in memory.
func requireState(t require.TestingT, want State, store Store) {
	got, err := store.Load()
	require.NoError(t, err)
	wantJSON, err := json.MarshalIndent(filled(want), "", " ")
	require.NoError(t, err)
	gotJSON, err := json.MarshalIndent(filled(got), "", " ")
	require.NoError(t, err)
	require.Equal(t, string(wantJSON), string(gotJSON))
}

func filled(s State) State {
	s.Conditions, s.Outbox = append([]Condition{}, s.Conditions...), append([]Notice{}, s.Outbox...)
	if s.Notes == nil {
		s.Notes = map[string]json.RawMessage{}
	}
	return s
}

func kept(key Key, number int) Condition {
	at := time.Date(2026, 11, 22, 2, 14, 7, number, time.UTC)
	return Condition{Seq: 2, Told: at, Alert: trouble(), Incident: Incident{ID: incidentID(key, at), Number: number, Key: key,
		Title: "wallet-2 répond \"très\" mal", Severity: Crit, First: at, Since: at, Acked: at, AckedBy: "ann"}}
}

func notice(c Condition, seq int, to string) Notice {
	return Notice{To: to, Event: Opened, Seq: seq, At: c.Told, Incident: c.Incident, Alert: c.Alert, Remind: time.Minute, Outcome: "None."}
}

func TestStoresKeepTheirWord(t *testing.T) {
	require.Len(t, stores, 2)
	for name, make := range stores {
		t.Run(name, func(t *testing.T) {
			open := make(t)
			store := open()
			requireState(t, State{}, store)
			a, b := kept("a", 1), kept("", 2)
			notices := []Notice{notice(a, 2, alice), notice(a, 2, bob), notice(a, 10, alice), notice(b, 1, "Night <n@example.org>")}
			notices[3].Place, notices[3].With = 9, []Part{{Event: Worsened, Seq: 3, Incident: a.Incident, Alert: trouble()}}
			notes := map[string]json.RawMessage{"a b/c": json.RawMessage(`{"x":1}`)}
			change := Change{Number: 2, Conditions: map[Key]*Condition{"a": &a, "": &b}, Put: []Notice{notices[3], notices[2], notices[0], notices[1]}, Notes: notes}
			until := time.Date(2026, 11, 22, 2, 14, 7, 0, time.UTC)
			guests := []Guest{{To: guest, Nonce: "k3x9", Since: until.Add(-time.Hour), Until: until}}
			change.Guests = map[string]*Guest{guest: &guests[0], bob: nil}
			for range 2 { // the same change twice is the change once
				require.NoError(t, store.Commit(change))
				requireState(t, State{Number: 2, Conditions: []Condition{a, b}, Outbox: notices, Guests: guests, Notes: notes}, store)
				store = open()
				requireState(t, State{Number: 2, Conditions: []Condition{a, b}, Outbox: notices, Guests: guests, Notes: notes}, store)
			}
			a.Incident.Reminders = 7 // what was given is not shared
			requireState(t, State{Number: 2, Conditions: []Condition{kept("a", 1), b}, Outbox: notices, Guests: guests, Notes: notes}, store)

			require.NoError(t, store.Commit(Change{Number: 1, Conditions: map[Key]*Condition{"a": &a, "": nil, "nobody": nil}, Notes: map[string]json.RawMessage{"a b/c": nil, "none": nil},
				Put: notices[:1], Done: []NoticeID{notices[0].ID(), notices[3].ID(), {"none", 1, alice}}}))
			store = open()
			requireState(t, State{Number: 2, Conditions: []Condition{a}, Outbox: notices[1:3], Guests: guests}, store)
			require.NoError(t, store.Commit(Change{Guests: map[string]*Guest{guest: nil}}))
			guests = nil
			requireState(t, State{Number: 2, Conditions: []Condition{a}, Outbox: notices[1:3], Guests: guests}, store)
		})
	}
}

func TestFileIsOneProcessesAndPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.db")
	f, err := OpenFile(path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	_, err = OpenFile(path)
	require.ErrorContains(t, err, "another process has it open")
	require.NoError(t, f.Close())

	require.NoError(t, os.WriteFile(path, make([]byte, 1<<16), 0o600))
	_, err = OpenFile(path)
	require.ErrorContains(t, err, "move the file away to begin anew")
}

// A full disk must not keep the news of it away.
func TestAlertsGoOutThoughNothingCanBeStored(t *testing.T) {
	for name, apply := range map[string]bool{"not stored": false, "stored": true} {
		t.Run(name, func(t *testing.T) {
			var full atomic.Bool
			full.Store(true)
			store := &Memory{}
			store.Fail = func(Change) (bool, error) {
				if full.Load() {
					return apply, errors.New("no space left on device")
				}
				return true, nil
			}
			box := &letterbox{}
			desk := mustDesk(Config{Sender: box, Store: store, Recipients: []string{alice}})
			now := time.Now()
			desk.Bad(key, now, trouble())
			desk.Bad(key, now, trouble())
			require.Eventually(t, func() bool { return len(box.told(alice)) == 1 }, time.Minute, time.Millisecond)
			full.Store(false)
			require.NoError(t, desk.Close(t.Context()))
			require.Equal(t, []string{"#1 opened"}, box.told(alice))
			state, err := store.Load()
			require.NoError(t, err)
			require.Len(t, state.Conditions, 1, "what was owed is stored as soon as it can be")
			require.Empty(t, state.Outbox)
		})
	}
}
