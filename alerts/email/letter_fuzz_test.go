package email

import (
	"bytes"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"scrutineer/alerts"
)

// parseLetter composes a notice and reads it back with the standard library, which shares nothing with what wrote it.
func parseLetter(t require.TestingT, s *Sender, n alerts.Notice, to mailbox) (mail.Header, string) {
	letter, err := s.compose(n, to)
	require.NoError(t, err)
	return readLetter(t, letter)
}

func readLetter(t require.TestingT, letter []byte) (mail.Header, string) {
	parsed, err := mail.ReadMessage(bytes.NewReader(letter))
	require.NoError(t, err)
	text, err := io.ReadAll(quotedprintable.NewReader(parsed.Body))
	require.NoError(t, err)
	return parsed.Header, string(text)
}

var subjectLines = regexp.MustCompile(`(?m)^Subject: .*\r(\n .*\r)*`)

// checkLetter requires what must hold of every mail, whatever texts it was made of.
func checkLetter(t require.TestingT, s *Sender, n alerts.Notice, letter []byte) {
	lines := strings.Split(string(letter), "\r\n")
	for _, line := range lines {
		require.LessOrEqual(t, len(line), 998, "RFC 5322, 2.1.1")
		for _, b := range []byte(line) {
			require.True(t, b == '\t' || b >= ' ' && b <= '~', "byte %#x in %q", b, line)
		}
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(subjectLines.FindString(string(letter)), "\r"), "\r\n") {
		require.LessOrEqual(t, len(line), 78, line)
	}
	header, text := readLetter(t, letter)
	expected := []string{"From", "To", "Subject", "Date", "Message-Id", "Auto-Submitted",
		"Mime-Version", "Content-Transfer-Encoding", "Content-Type"}
	if n.Seq > 1 {
		expected = append(expected, "In-Reply-To", "References")
	}
	if s.config.DKIM != nil {
		expected = append(expected, "Dkim-Signature")
	}
	if n.Nonce != "" {
		expected = append(expected, NonceField)
	}
	for _, field := range expected {
		require.Len(t, header[field], 1, field)
	}
	require.Len(t, header, len(expected), "a field that nobody asked for: %v", header)

	title, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, "["+state(n)+"] "+core(n, s.config.Site), title)
	require.LessOrEqual(t, length(title), 80)
	recipients, err := header.AddressList("To")
	require.NoError(t, err)
	require.Len(t, recipients, 1)
	require.Equal(t, "night@example.org", recipients[0].Address)

	body := strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n")
	require.LessOrEqual(t, rows(body), 15)
	for _, line := range append(body, title) {
		for _, r := range line {
			require.True(t, unicode.IsPrint(r), "%q in %q", r, line)
		}
	}
	require.NotEmpty(t, body[0], "the first line is the answer")
}

func FuzzLetter(f *testing.F) {
	f.Add("wallet-2", "does not answer", "What\r\nBcc: eve@example.org", "Impact\n.\nQUIT", "Action", "Seen", "Outcome", "vsp.example.org", "Night", uint8(0), uint32(17))
	f.Add("w\r\nBcc: eve@example.org\r\n\r\n", "=?utf-8?q?=0D=0ABcc:_eve?=", "", "\u202egnp.exe", "\x00", "\xff\xfe", "From here", "a\nb", "Eve <eve@example.org>,", uint8(3), uint32(1))
	f.Add(strings.Repeat("é", 300), strings.Repeat("=", 99), strings.Repeat("long ", 999), "", "", "", strings.Repeat("界", 99), strings.Repeat("s", 99), "bé\\é", uint8(4), uint32(1<<31))
	events := []alerts.Event{alerts.Opened, alerts.Worsened, alerts.Reminded, alerts.Resolved, alerts.Reopened,
		alerts.Escalated, alerts.Acknowledged, alerts.Tested}
	f.Fuzz(func(t *testing.T, thing, problem, what, impact, action, seen, outcome, site, name string, event uint8, number uint32) {
		s, err := New(Config{Server: "127.0.0.1:25", From: "alerts@example.org", Site: site, Acknowledge: "vsp alerts ack"})
		require.NoError(t, err)
		n := down()
		n.Event, n.Seq = events[int(event)%len(events)], 1+int(event)%len(events)
		n.Incident.Number, n.Incident.Title, n.Outcome = int(number), thing+" "+problem, outcome
		n.Alert = alerts.Alert{Subject: thing, Problem: problem, What: what, Impact: impact, Action: action, Seen: seen}
		to := mailbox{name: displayName(name), address: "night@example.org"}
		letter, err := s.compose(n, to)
		require.NoError(t, err)
		checkLetter(t, s, n, letter)
	})
}

func FuzzMailbox(f *testing.F) {
	f.Add("Night Watch <night@example.org>")
	f.Add(`"a> NOTIFY=NEVER"@example.org`)
	f.Add("a@example.org\r\nDATA")
	f.Add("=?utf-8?q?b=C3=A9=5C=C3=A9?= <a@example.org>")
	f.Add("=?utf-8?q?=0D=0ABcc:_eve=40example.org?= <a@example.org>")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseMailbox(text)
		if err != nil {
			return
		}
		require.NotContains(t, m.address, ">")
		require.NotRegexp(t, `[^!-~]`, m.address)
		again, err := parseMailbox(m.header()[0].String())
		require.NoError(t, err)
		require.Equal(t, m, again)
	})
}
