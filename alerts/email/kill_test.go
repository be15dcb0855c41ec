package email

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/alerts"
)

// The sender is a process of its own here, which is killed at random moments. It is this test program once more, told by
// the environment which store to go on from and which server to use.
const (
	storeVariable  = "ALERTS_TEST_STORE"
	serverVariable = "ALERTS_TEST_SERVER"
)

// killedIncidents is how many come and go while the sender is killed again and again.
const killedIncidents = 1000

var killedRecipients = []string{"a@example.org", "b@example.org"}

// sendUntilKilled has incidents come and go from where the store stands, until all are over and told.
func sendUntilKilled(store, server string) error {
	file, err := alerts.OpenFile(store)
	if err != nil {
		return err
	}
	sender, err := New(Config{Server: server, Encryption: Plain, From: "alerts@example.org", Site: "vsp.example.org"})
	if err != nil {
		return err
	}
	state, err := file.Load()
	if err != nil {
		return err
	}
	desk, err := alerts.NewDesk(alerts.Config{
		Sender: sender, Store: file, Recipients: killedRecipients, Rules: alerts.DefaultRules(), Log: slog.New(slog.DiscardHandler),
		Retry: alerts.Retry{Attempt: 20 * time.Second, First: 5 * time.Millisecond, Most: 40 * time.Millisecond},
	})
	if err != nil {
		return err
	}
	end := func(number int) { desk.Good(killedKey(number), time.Now(), "") }
	for number := range state.Number { // one that is over already stays so
		end(number + 1)
	}
	for number := state.Number + 1; number <= killedIncidents; number++ {
		alert := alerts.Alert{Subject: fmt.Sprintf("wallet-%d", number), Problem: "does not answer", Severity: alerts.Crit}
		desk.Bad(killedKey(number), time.Now(), alert)
		desk.Bad(killedKey(number), time.Now(), alert)
		end(number)
	}
	return desk.Close(context.Background())
}

func killedKey(number int) alerts.Key {
	return alerts.Key(fmt.Sprintf("wallet/wallet-%d/unreachable", number))
}

func TestNothingIsLostOrDoubledThoughTheSenderIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("not checked: 1,000 incidents of a sender that is killed")
	}
	server := (&server{}).start(t, loopback)
	store := filepath.Join(t.TempDir(), "alerts.db")
	kills := 0
	for done := false; !done; server.life.Add(1) {
		ctx, cancel := context.WithCancel(t.Context())
		child := exec.CommandContext(ctx, os.Args[0]) // cancel kills it with SIGKILL
		child.Env = append(os.Environ(), storeVariable+"="+store, serverVariable+"="+server.address)
		var complaint strings.Builder
		child.Stderr = &complaint
		require.NoError(t, child.Start())
		killer := time.AfterFunc(patience(kills), cancel)
		err := child.Wait()
		killer.Stop()
		switch {
		case err == nil:
			done = true
		case ctx.Err() != nil:
			kills++
		default:
			require.NoError(t, err, complaint.String())
		}
		cancel()
	}
	require.Greater(t, kills, 5, "the sender was hardly ever killed")
	copies := 0
	for _, to := range killedRecipients {
		copies += judge(t, server.kept(), to)
	}
	t.Logf("%d kills, %d mails that were taken as the sender died and came once more", kills, copies)
}

// patience is how long the sender lives before it is killed: at random, and longer from kill to kill, so that a machine that
// has little time for us comes to an end as well.
func patience(kills int) time.Duration {
	if kills >= 40 {
		return time.Hour
	}
	return time.Duration(rand.Int64N(int64(500+25*kills))) * time.Millisecond
}

// judge requires that a recipient got each incident's mails, in order, and none twice but what was its last in a life of the
// sender: that one the server had taken, and the sender had no time to note it. It returns how many these were.
func judge(t *testing.T, mails []received, to string) (copies int) {
	mails = slices.DeleteFunc(slices.Clone(mails), func(m received) bool { return m.to != to })
	last := map[int32]int{}      // in each life
	before := map[string]int{}   // by Message-ID
	got := map[string][]string{} // by incident
	for i, m := range mails {
		last[m.life] = i
	}
	for i, m := range mails {
		header, _ := readLetter(t, []byte(m.data))
		id, subject := header.Get("Message-Id"), header.Get("Subject")
		if earlier, known := before[id]; known {
			require.Equal(t, mails[earlier].data, m.data, "a copy is the same to the byte")
			require.Equal(t, last[mails[earlier].life], earlier, "%s came twice, though the sender lived on", subject)
			copies++
		} else {
			state, rest, _ := strings.Cut(subject, "] ")
			got[rest] = append(got[rest], state)
		}
		before[id] = i
	}
	require.Len(t, got, killedIncidents, "every incident is told")
	for number := 1; number <= killedIncidents; number++ {
		incident := fmt.Sprintf("wallet-%d does not answer (vsp.example.org) #%d", number, number)
		require.Equal(t, []string{"[CRIT", "[OK"}, got[incident], incident)
	}
	return copies
}
