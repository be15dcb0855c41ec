package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/cmd/program"
	"scrutineer/verifier/mailbox"
	"scrutineer/vsp/vspapi"
)

// letters are mails that came.
type letters struct {
	mu  sync.Mutex
	all []*mail.Message
}

func (l *letters) keep(m mailbox.Mail) error {
	read, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, read)
	return err
}

// field returns a field of each.
func (l *letters) field(name string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for _, m := range l.all {
		all = append(all, m.Header.Get(name))
	}
	return all
}

// has reports whether one has a subject like this.
func (l *letters) has(subject string) bool {
	return slices.ContainsFunc(l.field("Subject"), regexp.MustCompile(subject).MatchString)
}

// goesDown is a VSP that is in order while it is up.
func goesDown(t *testing.T, height uint32) (url string, down *atomic.Bool) {
	down = new(atomic.Bool)
	vsp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case down.Load():
			http.Error(w, "down", http.StatusBadGateway)
		case r.URL.Path == "/":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<p>A VSP.")
		default:
			body, signature := info(height, 0)
			w.Header().Set(vspapi.ServerSignature, signature)
			_, _ = w.Write(body)
		}
	}))
	t.Cleanup(vsp.Close)
	return vsp.URL, down
}

// TestMailOfAnOutage is vspverify run as it is: the VSP goes down, a mail comes, somebody takes it on, the verifier is killed, the
// VSP comes back meanwhile, and the verifier, started again, mails that. A machine so slow that more goes wrong makes more
// mails, and none of them twice.
func TestMailOfAnOutage(t *testing.T) {
	const height = 20
	node := realNode(t, height)
	url, down := goesDown(t, height)
	path := writeTrial(t, url, node)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var got letters
	box, err := mailbox.Open(listener, mailbox.Config{Address: "reviewer@example.net", Keep: got.keep, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, box.Close()) })
	config, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = fmt.Fprintf(config, "[alerts]\nsmtp = %q\ntls = \"none\"\nfrom = \"vspverify@example.org\"\nto = [\"reviewer@example.net\"]\n", listener.Addr())
	require.NoError(t, err)
	require.NoError(t, config.Close())
	alerts := func(code int, args ...string) string {
		c, out, errs := vspverify(t, append(append([]string{"alerts"}, args...), "--config", path)...)
		_ = c.Run()
		require.Equal(t, code, c.ProcessState.ExitCode(), "%s%s", out, errs)
		return out.String() + errs.String()
	}

	require.Contains(t, alerts(program.Impossible, "list"), "which must run as vspverify run on this machine")
	first, _, errs := vspverify(t, "run", "--config", path)
	require.NoError(t, first.Start())
	asked := func() (ok bool) {
		c, _, _ := vspverify(t, "alerts", "list", "--config", path)
		return c.Run() == nil
	}
	eventually(t, "the verifier to answer", asked)
	require.Contains(t, alerts(program.Done, "test"), "reviewer@example.net: taken by "+listener.Addr().String())
	require.True(t, got.has(`^\[TEST\]`))

	down.Store(true)
	eventually(t, "a mail of the outage", func() bool { return got.has(`^\[CRIT\] .*cannot be used`) || got.has(`^\[CRIT\] .* and \d more`) })
	var listed struct {
		Incidents []struct {
			Number int
			Key    string
		}
		Waiting []any
	}
	number := 0
	eventually(t, "the outage to be open, and no mail to wait", func() bool {
		require.NoError(t, json.Unmarshal([]byte(alerts(program.Done, "list", "--json")), &listed))
		for _, i := range listed.Incidents {
			if i.Key == "vsp/down" {
				number = i.Number
			}
		}
		return number > 0 && len(listed.Waiting) == 0
	})
	require.Contains(t, alerts(program.Done, "ack", fmt.Sprint(number), "--by", "ann"), "is acknowledged")
	require.Contains(t, alerts(program.Done, "list"), "acknowledged by ann")
	alerts(program.No, "ack", "99")
	alerts(program.Misused, "ack", "x")

	require.NoError(t, first.Process.Signal(syscall.SIGKILL))
	require.Error(t, first.Wait(), "%s", errs)
	down.Store(false)
	again, _, errs := vspverify(t, "run", "--config", path)
	require.NoError(t, again.Start())
	over := fmt.Sprintf(`^\[OK\] .*cannot be used .*#%d$`, number)
	eventually(t, "a mail that it is over", func() bool { return got.has(over) })
	require.NoError(t, again.Process.Signal(syscall.SIGTERM))
	require.NoError(t, again.Wait(), "%s", errs)

	ids := got.field("Message-Id")
	slices.Sort(ids)
	require.Equal(t, slices.Compact(slices.Clone(ids)), ids, "a mail came twice: %s", strings.Join(got.field("Subject"), "\n"))
}
