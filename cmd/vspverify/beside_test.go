package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/cmd/configfile"
	"scrutineer/verifier"
	"scrutineer/verifier/journal"
)

const (
	oneTicket   = "0006fd6a80d8748800000000000000000000000000000000000000000000000a\n"
	otherTicket = "0006fd6a80d8748800000000000000000000000000000000000000000000000b\n"
	oneDrill    = `{"kind":"wallets-down","count":1,"from":5,"to":9,"note":"one"}` + "\n"
)

// TestFilesBesideAreFollowed: what is written into them while a trial runs is in the journal, once, and a run that goes on knows
// what the one before it has seen.
func TestFilesBesideAreFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trial := testTrial(t, time.Minute, time.Hour)
		trial.Tickets, trial.Drills = filepath.Join(t.TempDir(), "tickets"), filepath.Join(t.TempDir(), "drills")
		healthy := &world{vspDown: never, nodeDown: never}
		watch := func(minutes time.Duration) *verifier.Record {
			ctx, cancel := context.WithTimeout(t.Context(), minutes*time.Minute)
			defer cancel()
			watchIn(ctx, t, trial, healthy)
			record, err := trial.readJournal()
			require.NoError(t, err)
			return record
		}
		require.Empty(t, watch(5).Listing.Entries, "there are no files yet")
		write := func(path, text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
		write(trial.Tickets, oneTicket)
		write(trial.Drills, oneDrill)
		record := watch(5)
		require.Len(t, record.Listing.Tickets, 1)
		require.Len(t, record.Drills.Drills, 1)
		require.Len(t, record.Listing.Entries, 1)

		write(trial.Tickets, oneTicket+"half a tick")
		require.Len(t, watch(5).Listing.Entries, 1, "what is half written is left for later")
		require.NoError(t, os.Remove(trial.Tickets))
		require.Len(t, watch(5).Listing.Entries, 1, "what is gone was still seen")
		write(trial.Tickets, oneTicket+otherTicket)
		record = watch(5)
		require.Len(t, record.Listing.Entries, 2)
		require.Len(t, record.Listing.Tickets, 2)
		require.Empty(t, record.Listing.Removed())
		write(trial.Tickets, otherTicket)
		record = watch(5)
		require.Len(t, record.Listing.Tickets, 2)
		require.Len(t, record.Listing.Removed(), 1)
		require.Len(t, record.Drills.Drills, 1)
	})
}

// TestAMistakeIsLoggedOnce and not in each slot.
func TestAMistakeIsLoggedOnce(t *testing.T) {
	trial := testTrial(t, time.Minute, time.Hour)
	trial.Tickets = filepath.Join(t.TempDir(), "tickets")
	require.NoError(t, os.WriteFile(trial.Tickets, []byte("hello\n"), 0o600))
	book, _, err := trial.openJournal()
	require.NoError(t, err)
	defer book.Close()
	record, err := trial.begin(book)
	require.NoError(t, err)
	var logged bytes.Buffer
	files := trial.follow(record)
	for range 3 {
		require.NoError(t, followAll(files, book, slog.New(slog.NewTextHandler(&logged, nil))))
	}
	require.Equal(t, 1, strings.Count(logged.String(), "not taken up"), logged.String())
}

// TestAnUnchangedFileIsNotRead again, once it is old enough that its time tells.
func TestAnUnchangedFileIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tickets")
	require.NoError(t, os.WriteFile(path, []byte(oneTicket), 0o600))
	looked := 0
	b := &beside{name: verifier.FileTickets, path: path, history: new(verifier.History), mistake: func(string) error { looked++; return nil }}
	read := func(want bool) {
		_, changed, err := b.read()
		require.NoError(t, err)
		require.Equal(t, want, changed)
	}
	read(true)
	read(true) // it is too young
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(path, old, old))
	read(true)
	read(false)
	require.Equal(t, 3, looked)
	require.NoError(t, os.Chtimes(path, old, old.Add(1)))
	read(true)
}

// TestPlanOfASecondRun: what the configuration says otherwise becomes an entry, and nothing else does.
func TestPlanOfASecondRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trial := testTrial(t, time.Minute, 10*time.Minute)
		healthy := &world{vspDown: never, nodeDown: never}
		watchIn(t.Context(), t, trial, healthy)
		watchIn(t.Context(), t, trial, healthy)
		trial.policy.Uptime, trial.Duration = 0.5, configfile.Duration(20*time.Minute)
		watchIn(t.Context(), t, trial, healthy)
		record, err := trial.readJournal()
		require.NoError(t, err)
		require.Len(t, record.Changes, 2)
		require.Equal(t, 10, record.Changes[1].Slots)
		require.InDelta(t, 0.5, record.Evidence().Policy.Uptime, 0)
		require.Equal(t, 20, record.Window().Planned)
		all := readKinds(t, trial)
		require.Equal(t, [2]int{1, 1}, [2]int{all[verifier.EntryStart], all[verifier.EntryPlan]})
	})
}

// readKinds counts the kinds of a journal's entries.
func readKinds(t *testing.T, trial *trial) map[string]int {
	kinds := make(map[string]int)
	s, err := trial.source()
	require.NoError(t, err)
	_, err = journal.Read(s.folder, s.key, func(e journal.Entry) error {
		kinds[e.Kind]++
		return nil
	})
	require.NoError(t, err)
	return kinds
}
