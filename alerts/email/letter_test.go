package email

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/alerts"
)

var update = flag.Bool("update", false, "write testdata/*.eml anew")

func sender(t testing.TB) *Sender {
	s, err := New(Config{Server: "127.0.0.1:25", From: "Scrutineer <alerts@example.org>", Site: "vsp.example.org", Acknowledge: "vsp alerts ack"})
	require.NoError(t, err)
	return s
}

func at(clock string) time.Time {
	t, err := time.Parse(time.DateTime, "2026-11-22 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

// down is the notice that a wallet is away, as it opens an incident.
func down() alerts.Notice {
	return alerts.Notice{
		To: "Night Watch <night@example.org>", Event: alerts.Opened, Seq: 1, At: at("02:14:13"), Remind: 30 * time.Minute,
		Incident: alerts.Incident{
			ID: "20261122T021407-0a1b2c3d4e5f", Number: 17, Key: "wallet/wallet-2/unreachable",
			Title: "wallet-2 does not answer", Severity: alerts.Crit,
			First: at("02:14:07"), Since: at("02:14:07"), LastBad: at("02:14:13"), Spells: 1,
		},
		Alert: alerts.Alert{
			Subject: "wallet-2", Problem: "does not answer", Severity: alerts.Crit,
			What:   "The RPC of wallet-2 refuses connections at 10.0.0.12:9110.",
			Impact: "Votes are still cast by wallet-1 and wallet-3. Nothing was missed. If nothing is done, one more failure leaves one wallet.",
			Action: "on wallet-2, `systemctl status dcrwallet`; then the runbook, \"A wallet is gone\".",
			Seen:   "front, 3 calls in 6 s",
		},
	}
}

// changed returns the notice of a later event of the same incident.
func changed(event alerts.Event, seq int, clock string, change func(n *alerts.Notice)) alerts.Notice {
	n := down()
	n.Event, n.Seq, n.At = event, seq, at(clock)
	change(&n)
	return n
}

// companions are so many incidents that opened with the first.
func companions(event alerts.Event, number int) (all []alerts.Part) {
	for i := range number {
		p := down()
		p.Incident.Number, p.Incident.Title, p.Incident.Lane = 18+i, fmt.Sprintf("wallet-%d does not answer", 3+i), p.Incident.ID
		if i > 0 {
			p.Incident.Severity = alerts.Warn
		}
		all = append(all, alerts.Part{Event: event, Seq: 1, Incident: p.Incident, Alert: p.Alert})
	}
	return all
}

func TestCompanionsAreInTheThreadOfTheFirst(t *testing.T) {
	s := sender(t)
	to := mailbox{address: "night@example.org"}
	together, _ := parseLetter(t, s, notices()["together"], to)
	later, _ := parseLetter(t, s, notices()["companion-resolved"], to)
	require.Equal(t, together.Get("Message-Id"), later.Get("In-Reply-To"))
	require.Equal(t, "[CRIT] wallet-2 does not answer and 2 more (vsp.example.org) #17", together.Get("Subject"))
	require.Equal(t, "[OK] wallet-3 does not answer (vsp.example.org) #18", later.Get("Subject"))
}

func notices() map[string]alerts.Notice {
	return map[string]alerts.Notice{
		"opened": down(),
		"worsened": changed(alerts.Worsened, 2, "02:20:00", func(n *alerts.Notice) {
			n.Incident.LastBad = n.At
			n.Alert.Impact = "Only wallet-3 still votes. Nothing was missed."
		}),
		"reminded": changed(alerts.Reminded, 2, "02:44:13", func(n *alerts.Notice) {
			n.Incident.LastBad = at("02:44:12")
			n.Incident.Reminders = 1
		}),
		"escalated": changed(alerts.Escalated, 2, "02:29:13", func(n *alerts.Notice) {
			n.Incident.LastBad, n.Incident.Called, n.Incident.Escalated = at("02:29:12"), at("02:14:13"), n.At
		}),
		"acknowledged": changed(alerts.Acknowledged, 2, "02:20:00", func(n *alerts.Notice) {
			n.Incident.LastBad, n.Incident.Acked, n.Incident.AckedBy, n.Remind = at("02:19:58"), n.At, "ann", 0
		}),
		"guest":    changed(alerts.Opened, 1, "02:14:13", func(n *alerts.Notice) { n.Nonce = "k3x9" }),
		"callable": changed(alerts.Opened, 1, "02:14:13", func(n *alerts.Notice) { n.Escalate = 15 * time.Minute }),
		"tested": changed(alerts.Tested, 1, "12:00:00", func(n *alerts.Notice) {
			n.Incident = alerts.Incident{ID: "20261122T120000-0a1b2c3d4e5f", Key: "test", Title: "Alerts work"}
			n.Alert = alerts.Alert{Subject: "Alerts", Problem: "work", What: "This is a test. Nothing is wrong.", Impact: "It came on the way."}
		}),
		"resolved": changed(alerts.Resolved, 3, "03:17:31", func(n *alerts.Notice) {
			n.Incident.LastBad, n.Incident.Resolved = at("03:17:30"), n.At
			n.Outcome, n.Remind = "Nothing was missed.", 0
		}),
		"withdrawn": changed(alerts.Resolved, 3, "03:17:31", func(n *alerts.Notice) {
			n.Incident.LastBad, n.Incident.Resolved, n.Incident.Gone = at("03:17:30"), n.At, true
			n.Outcome, n.Remind = "wallet-2 is not in the configuration any more.", 0
		}),
		"reopened": changed(alerts.Reopened, 4, "03:20:02", func(n *alerts.Notice) {
			n.Incident.Since, n.Incident.LastBad, n.Incident.Spells = at("03:20:01"), n.At, 2
		}),
		"resolved-again": changed(alerts.Resolved, 5, "03:31:00", func(n *alerts.Notice) {
			n.Incident.Since, n.Incident.Resolved, n.Incident.Spells = at("03:20:01"), at("03:30:28"), 5
			n.Outcome = "2 of 9 won votes were missed while no wallet could vote."
		}),
		"bare": changed(alerts.Opened, 1, "02:14:13", func(n *alerts.Notice) {
			n.Alert = alerts.Alert{Subject: "wallet-2", Problem: "does not answer"}
			n.Incident.Severity, n.Remind = alerts.Warn, 0
		}),
		"together": changed(alerts.Opened, 1, "02:14:13", func(n *alerts.Notice) { n.With, n.Escalate = companions(n.Event, 2), 15*time.Minute }),
		"together-reminded": changed(alerts.Reminded, 2, "02:44:13", func(n *alerts.Notice) {
			n.With, n.Incident.Reminders, n.Incident.LastBad = companions(n.Event, 9), 1, n.At
		}),
		"together-acknowledged": changed(alerts.Acknowledged, 2, "02:20:00", func(n *alerts.Notice) {
			n.With, n.Incident.Acked, n.Incident.AckedBy = companions(n.Event, 2), n.At, "ann"
		}),
		"companion-resolved": changed(alerts.Resolved, 2, "03:17:31", func(n *alerts.Notice) {
			n.Incident.Lane, n.Incident.ID, n.Incident.Number, n.Incident.Title = n.Incident.ID, "20261122T021407-5f4e3d2c1b0a", 18, "wallet-3 does not answer"
			n.Incident.LastBad, n.Incident.Resolved, n.Alert.Subject = at("03:17:30"), n.At, "wallet-3"
		}),
		"began": changed(alerts.Began, 1, "12:00:00", func(n *alerts.Notice) {
			n.Incident = alerts.Incident{ID: "20261122T120000-0a1b2c3d4e5f", Key: "began", Title: "Maintenance of wallet-2"}
			n.Alert = alerts.Alert{What: "Until 22 Nov 14:00 UTC nobody is told what goes wrong with wallet-2. Reason: new disk (ann)",
				Impact: "It is noted all the same, and told when this ends if it is still so then. What is graver than that is told at once."}
		}),
		"long": changed(alerts.Reopened, 4, "03:20:02", func(n *alerts.Notice) {
			n.Incident.Title = "wallet-2 " + strings.Repeat("répond très mal ", 20)
			long := strings.Repeat("So much could be said about this that nobody would read it. ", 20)
			n.Alert.What, n.Alert.Impact, n.Alert.Action, n.Alert.Seen = long, long, strings.Repeat("x", 500), long
		}),
	}
}

func TestLettersReadAsTheyShould(t *testing.T) {
	s := sender(t)
	for name, n := range notices() {
		t.Run(name, func(t *testing.T) {
			to, err := parseMailbox(n.To)
			require.NoError(t, err)
			letter, err := s.compose(n, to)
			require.NoError(t, err)
			file := filepath.Join("testdata", name+".eml")
			if *update {
				require.NoError(t, os.WriteFile(file, letter, 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), string(letter))
			checkLetter(t, s, n, letter)
		})
	}
}

func TestOneThreadForAnIncident(t *testing.T) {
	s := sender(t)
	to, other := mailbox{address: "night@example.org"}, mailbox{address: "day@example.org"}
	opened, _ := parseLetter(t, s, notices()["opened"], to)
	resolved, _ := parseLetter(t, s, notices()["resolved"], to)
	require.Empty(t, opened.Get("In-Reply-To"))
	require.Equal(t, opened.Get("Message-Id"), resolved.Get("In-Reply-To"))
	require.Equal(t, opened.Get("Message-Id"), resolved.Get("References"))
	require.NotEqual(t, opened.Get("Message-Id"), resolved.Get("Message-Id"))
	elsewhere, _ := parseLetter(t, s, notices()["opened"], other)
	require.NotEqual(t, opened.Get("Message-Id"), elsewhere.Get("Message-Id"))

	_, core, _ := strings.Cut(opened.Get("Subject"), "] ")
	for name, n := range notices() {
		if name == "long" || name == "tested" || name == "began" || strings.HasPrefix(name, "together") || strings.HasPrefix(name, "companion") {
			continue
		}
		header, _ := parseLetter(t, s, n, to)
		require.True(t, strings.HasSuffix(header.Get("Subject"), "] "+core), "%s: %s", name, header.Get("Subject"))
	}
}

func TestSpans(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour:                            "0 s",
		400 * time.Millisecond:                "0 s",
		59*time.Second + 700*time.Millisecond: "1 min",
		204 * time.Second:                     "3 min 24 s",
		30 * time.Minute:                      "30 min",
		2*time.Hour + 5*time.Minute:           "2 h 5 min",
		75 * time.Hour:                        "3 d 3 h",
	} {
		require.Equal(t, want, span(d))
	}
}

func TestWhatIsWrongWithAConfigurationIsSaidAtOnce(t *testing.T) {
	_, err := New(Config{Server: "mail.example.org", Encryption: Plain, Username: "us", Password: "hush", From: "alerts"})
	require.ErrorContains(t, err, `mail server "mail.example.org": address mail.example.org: missing port`)
	require.ErrorContains(t, err, `sender address: address "alerts"`)
	require.ErrorContains(t, err, "a password is never sent without TLS")
	require.NotContains(t, err.Error(), "hush")
	_, err = New(Config{Server: "mail.example.org:25", Encryption: "ssl", From: "alerts@example.org"})
	require.EqualError(t, err, `encryption "ssl": use starttls or none`)
}

func TestOnlyPlainAddresses(t *testing.T) {
	for _, good := range []string{"a@example.org", "Night Watch <a.b+c@mail.example.org>", "\"Ünal\" <a@localhost>"} {
		require.NoError(t, CheckRecipient(good), good)
	}
	for _, bad := range []string{
		"", "a", "a@", "a@example.org, b@example.org", "a@example.org\r\nRCPT TO:<b@example.org>",
		`"a> NOTIFY=NEVER"@example.org`, `"a b"@example.org`, "ä@example.org", "a@[127.0.0.1]", "a@ex_ample.org ",
	} {
		require.Error(t, CheckRecipient(bad), bad)
	}
}
