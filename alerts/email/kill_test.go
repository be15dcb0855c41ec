package email

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/alerts"
)

// taskVariable tells this test program, by the environment, to be a sender that is killed at random moments.
const taskVariable = "ALERTS_TEST_TASK"

// mails is how many incidents come and go while the sender is killed and mail servers are in trouble.
var mails = flag.Int("mails", 40, "incidents that are mailed through troubled servers")

// task is what such a sender has to do.
type task struct {
	Store     string   // which it goes on from
	Server    string   // host:port
	CAFile    string   // who vouches for the server; no TLS if empty
	Incidents int      // that come and go
	To        []string // recipients
}

// sendUntilKilled has incidents come and go from where the store stands, until all are over and told.
func sendUntilKilled(text string) error {
	var todo task
	if err := json.Unmarshal([]byte(text), &todo); err != nil {
		return err
	}
	file, err := alerts.OpenFile(todo.Store)
	if err != nil {
		return err
	}
	sender, err := todo.sender()
	if err != nil {
		return err
	}
	state, err := file.Load()
	if err != nil {
		return err
	}
	desk, err := alerts.NewDesk(alerts.Config{
		Sender: sender, Store: file, Recipients: todo.To, Rules: alerts.DefaultRules(), Log: slog.New(slog.DiscardHandler),
		Retry: alerts.Retry{Attempt: 20 * time.Second, First: 5 * time.Millisecond, Most: 40 * time.Millisecond},
	})
	if err != nil {
		return err
	}
	end := func(number int) { desk.Good(killedKey(number), time.Now(), "") }
	for number := range state.Number { // one that is over already stays so
		end(number + 1)
	}
	for number := state.Number + 1; number <= todo.Incidents; number++ {
		alert := alerts.Alert{Subject: fmt.Sprintf("wallet-%d", number), Problem: "does not answer", Severity: alerts.Crit}
		desk.Bad(killedKey(number), time.Now(), alert)
		desk.Bad(killedKey(number), time.Now(), alert)
		end(number)
	}
	return desk.Close(context.Background())
}

func (w task) sender() (*Sender, error) {
	config := Config{Server: w.Server, Encryption: Plain, From: "alerts@example.org", Site: "vsp.example.org"}
	if w.CAFile != "" {
		ca, err := os.ReadFile(w.CAFile)
		if err != nil {
			return nil, err
		}
		config.Encryption, config.Roots = STARTTLS, x509.NewCertPool()
		config.Roots.AppendCertsFromPEM(ca)
	}
	return New(config)
}

func killedKey(number int) alerts.Key {
	return alerts.Key(fmt.Sprintf("wallet/wallet-%d/unreachable", number))
}

// killOften runs a task, kills it and runs it again until it is done, after at most so many kills; each is called after a kill.
// It returns when these were.
func (w task) killOften(t *testing.T, most int, each func()) (kills []time.Time) {
	text, err := json.Marshal(w)
	require.NoError(t, err)
	for {
		ctx, cancel := context.WithCancel(t.Context())
		child := exec.CommandContext(ctx, os.Args[0]) // cancel kills it with SIGKILL
		child.Env = append(os.Environ(), taskVariable+"="+string(text))
		child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		var complaint strings.Builder
		child.Stderr = &complaint
		require.NoError(t, child.Start())
		killer := time.AfterFunc(patience(len(kills), most), cancel)
		err := child.Wait()
		killer.Stop()
		dead := ctx.Err() != nil
		cancel()
		if err == nil {
			return kills
		}
		require.True(t, dead, "%v\n%s", err, &complaint)
		kills = append(kills, time.Now())
		each()
	}
}

// patience is how long the sender lives before it is killed: at random, and longer from kill to kill, so that a machine that
// has little time for us comes to an end as well.
func patience(kills, most int) time.Duration {
	if kills >= most {
		return time.Hour
	}
	return time.Duration(rand.Int64N(int64(500+25*kills))) * time.Millisecond
}

// writeCA writes a certificate of which its holder is the issuer.
func writeCA(t *testing.T, der []byte) (path string) {
	path = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	return path
}

// A thousand incidents are told through a server that is in trouble most of the time, by a sender that is killed again and
// again, in the long form; in the short one some dozens.
func TestNothingIsLostOrDoubledThoughTheSenderIsKilled(t *testing.T) {
	address := ownAddress()
	good, _ := certificate(t, address, time.Now().AddDate(0, 1, 0))
	expected := 4 * *mails
	server := startTroubled(t, &troubled{troubles: []string{greylisting, full, impostor, killed, slow, overQuota},
		well: 10, met: 3, quiet: expected * 3 / 4}, address, good)
	to := []string{"a@example.org", refusedRecipient, "c@example.org"}
	todo := task{Store: filepath.Join(t.TempDir(), "alerts.db"), Server: server.address, CAFile: writeCA(t, good.Certificate[0]),
		Incidents: *mails, To: to}
	kills := todo.killOften(t, *mails/10, func() {
		require.Eventually(t, func() bool { return server.sessions.Load() == 0 }, deadPatience, time.Millisecond, "it is still busy with the dead")
		server.life.Add(1)
	})
	require.NotEmpty(t, kills)
	server.requireAll(t)
	copies := 0
	for _, to := range []string{"a@example.org", "c@example.org"} {
		copies += judge(t, server.kept(), to, *mails)
	}
	_, refused := split(server.kept(), refusedRecipient)
	require.Empty(t, refused)
	t.Logf("%d kills of the sender, %d mails that were taken as one side died and came once more", len(kills), copies)
}

// split returns a recipient's mails, in their order, and how many others there are.
func split(mails []received, to string) (others int, own []received) {
	own = slices.DeleteFunc(slices.Clone(mails), func(m received) bool { return m.to != to })
	return len(mails) - len(own), own
}

// judge requires that a recipient got each incident's mails, in order, and none twice but what was its last in a life of the
// sender, or of the server: that one the server had taken, and the sender never learned of it. It returns how many these were.
func judge(t *testing.T, mails []received, to string, incidents int) (copies int) {
	_, mails = split(mails, to)
	lastOfSender, lastOfServer := map[int32]int{}, map[int32]int{}
	before := map[string]int{}   // by Message-ID
	got := map[string][]string{} // by incident
	for i, m := range mails {
		lastOfSender[m.life], lastOfServer[m.run] = i, i
	}
	for i, m := range mails {
		header, _ := readLetter(t, []byte(m.data))
		id, subject := header.Get("Message-Id"), header.Get("Subject")
		if earlier, known := before[id]; known {
			first := mails[earlier]
			require.Equal(t, first.data, m.data, "a copy is the same to the byte")
			require.True(t, lastOfSender[first.life] == earlier || lastOfServer[first.run] == earlier,
				"%s came twice, though sender and server lived on", subject)
			copies++
		} else {
			state, rest, _ := strings.Cut(subject, "] ")
			got[rest] = append(got[rest], state)
		}
		before[id] = i
	}
	require.Len(t, got, incidents, "every incident is told")
	for number := 1; number <= incidents; number++ {
		incident := fmt.Sprintf("wallet-%d does not answer (vsp.example.org) #%d", number, number)
		require.Equal(t, []string{"[CRIT", "[OK"}, got[incident], incident)
	}
	return copies
}
