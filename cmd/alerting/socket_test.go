package alerting

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"scrutineer/alerts"
	"scrutineer/cmd/output"
	"scrutineer/cmd/program"
)

// mailbox keeps what would be mailed.
type mailbox struct {
	mu      sync.Mutex
	notices []alerts.Notice
}

func (m *mailbox) Send(_ context.Context, n alerts.Notice) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.notices = append(m.notices, n)
	return nil
}

// take returns what has come since the last time, as event and key.
func (m *mailbox) take() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var seen []string
	for _, n := range m.notices {
		seen = append(seen, string(n.Event)+" "+string(n.Incident.Key))
	}
	m.notices = nil
	return seen
}

// fussy is a mailbox that refuses one address.
type fussy struct {
	mailbox
	refuses string
}

func (f *fussy) Send(ctx context.Context, n alerts.Notice) error {
	if n.To == f.refuses {
		return &alerts.Permanent{Err: errors.New("550 no such user")}
	}
	return f.mailbox.Send(ctx, n)
}

// onDuty runs the alerts of a service until the test ends, and returns the settings of who asks it.
func onDuty(t *testing.T, sender alerts.Sender) (*Duty, *Settings) {
	s := &Settings{Config: Config{SMTP: "mail.example.org:25"}, Path: filepath.Join(t.TempDir(), "alerts.db")}
	d, err := newDuty(s, alerts.Config{Sender: sender, Recipients: []string{"a@example.org"}, Escalation: []string{"b@example.org"},
		Rules: alerts.DefaultRules(), Retry: alerts.DefaultRetry(), Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() { require.NoError(t, d.Serve(ctx)) })
	t.Cleanup(func() {
		cancel()
		serving.Wait()
		d.Close()
	})
	return d, s
}

func TestEverybodyGetsTheTest(t *testing.T) {
	box := &fussy{}
	_, s := onDuty(t, box)
	var deliveries []alerts.Delivery
	require.NoError(t, s.ask(t.Context(), "POST", "/test", nil, &deliveries))
	var out strings.Builder
	require.NoError(t, writeDeliveries(&out, s.SMTP, deliveries))
	require.Equal(t, "a@example.org: taken by mail.example.org:25\nb@example.org: taken by mail.example.org:25\n", out.String())
	require.Equal(t, []string{"tested test", "tested test"}, box.take())
}

func TestWhoDoesNotGetTheTestIsNamed(t *testing.T) {
	_, s := onDuty(t, &fussy{refuses: "b@example.org"})
	var deliveries []alerts.Delivery
	require.NoError(t, s.ask(t.Context(), "POST", "/test", nil, &deliveries))
	var out strings.Builder
	err := writeDeliveries(&out, s.SMTP, deliveries)
	require.EqualError(t, err, "1 of 2 mails were not taken")
	var failure *program.Failure
	require.ErrorAs(t, err, &failure)
	require.Equal(t, program.No, failure.Code)
	require.Contains(t, out.String(), "b@example.org: NOT TAKEN: 550 no such user\n")
}

func TestAnAcknowledgementReachesTheDesk(t *testing.T) {
	d, s := onDuty(t, &fussy{})
	now := time.Now()
	for range 2 {
		d.Desk.Bad("wallet/wallet-2/unreachable", now, alerts.Alert{Subject: "wallet-2", Problem: "does not answer"})
	}
	ask := func(number, by string) error {
		return s.ask(t.Context(), "POST", "/incidents/"+number+"/ack", acknowledgement{By: by}, &struct{}{})
	}
	require.NoError(t, ask("1", "ann"))
	require.NoError(t, ask("1", "bob"))
	for _, wrong := range []string{"2", "0", "-1", "x"} {
		var refused *refusal
		require.ErrorAs(t, ask(wrong, "ann"), &refused, wrong)
	}
	var listed Standing
	require.NoError(t, s.ask(t.Context(), "GET", "/incidents", nil, &listed))
	require.Len(t, listed.Incidents, 1)
	require.Equal(t, "ann", listed.Incidents[0].AckedBy, "who came first has it")
}

func TestStandingFitsATerminal(t *testing.T) {
	since := time.Date(2026, 11, 22, 2, 14, 7, 0, time.UTC)
	var out strings.Builder
	require.NoError(t, writeStanding(&out, Standing{
		Incidents: []alerts.Incident{
			{Number: 17, Title: "wallet-2 does not answer", Severity: alerts.Crit, Since: since, Reminders: 2, Escalated: since.Add(15 * time.Minute),
				Acked: since.Add(20 * time.Minute), AckedBy: "ann"},
			{Number: 18, Title: "wallet-3 " + strings.Repeat("runs without a node ", 9), Since: since},
		},
		Waiting: []alerts.Waiting{
			{To: "a@example.org", Incident: 18, Event: alerts.Opened, At: since, Err: "reach mail server: " + strings.Repeat("connection refused ", 9)},
			{To: "b@example.org", Event: alerts.Tested, At: since},
		},
	}))
	require.Contains(t, out.String(), `2 incidents are open.

#17 CRIT wallet-2 does not answer
    since 2026-11-22 02:14:07, reminded 2 times, escalated 2026-11-22 02:29:07,
    acknowledged by ann 2026-11-22 02:34:07
`)
	require.Contains(t, out.String(), "\n2 mails wait:\n#18 opened, for a@example.org, since 2026-11-22 02:14:07: reach mail server:\n")
	require.Contains(t, out.String(), "\ntest, for b@example.org, since 2026-11-22 02:14:07\n")
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), output.Columns, line)
	}
	out.Reset()
	require.NoError(t, writeStanding(&out, Standing{}))
	require.Equal(t, "No incident is open.\n", out.String())
}

func TestGuestsComeAndGo(t *testing.T) {
	box := &fussy{}
	_, s := onDuty(t, box)
	to := "reviewer+k3x9@example.net"
	var g alerts.Guest
	require.NoError(t, s.ask(t.Context(), "POST", "/guests", invitation{to, "k3x9", time.Hour}, &g))
	require.Equal(t, to, g.To)
	var deliveries []alerts.Delivery
	require.NoError(t, s.ask(t.Context(), "POST", "/test", nil, &deliveries))
	require.Equal(t, []alerts.Delivery{{To: "a@example.org", Taken: true}, {To: "b@example.org", Taken: true}, {To: to, Taken: true}}, deliveries)
	var listed Standing
	require.NoError(t, s.ask(t.Context(), "GET", "/incidents", nil, &listed))
	require.Equal(t, []alerts.Guest{g}, listed.Guests)

	for _, wrong := range []invitation{{to, "", time.Second}, {to, "", 8000 * time.Hour}, {"nobody", "", time.Hour}, {"a@example.org", "", time.Hour}} {
		var refused *refusal
		require.ErrorAs(t, s.ask(t.Context(), "POST", "/guests", wrong, &g), &refused, "%v", wrong)
	}
	require.NoError(t, s.ask(t.Context(), "DELETE", "/guests/"+url.PathEscape(to), nil, &struct{}{}))
	var refused *refusal
	require.ErrorAs(t, s.ask(t.Context(), "DELETE", "/guests/"+url.PathEscape(to), nil, &struct{}{}), &refused)
}

func TestGuestsAreListed(t *testing.T) {
	until := time.Date(2026, 11, 22, 4, 14, 7, 0, time.UTC)
	var out strings.Builder
	require.NoError(t, writeStanding(&out, Standing{Guests: []alerts.Guest{{To: "reviewer@example.net", Nonce: "k3x9", Until: until}}}))
	require.Equal(t, `No incident is open.

1 guest gets every mail for a while:
reviewer@example.net gets every mail until 2026-11-22 04:14:07 UTC, with the
    nonce k3x9
`, out.String())
}

func TestAPingThatFailsDoesNotTellWhere(t *testing.T) {
	var status int
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer far.Close()
	status = 200
	require.NoError(t, pingOnce(t.Context(), far.Client(), far.URL+"/secret"))
	status = 404
	require.EqualError(t, pingOnce(t.Context(), far.Client(), far.URL+"/secret"), "status 404")
	far.Close()
	err := pingOnce(t.Context(), far.Client(), far.URL+"/secret")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
}
