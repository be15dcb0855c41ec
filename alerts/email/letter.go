package email

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"mime"
	"strings"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"

	"scrutineer/alerts"
)

// Widths, in characters. A phone held upright shows 35 to 50 characters of a subject, so what matters stands in the
// first of them; the rest keeps the whole within one header line.
const (
	coreWidth = 64 // a subject without the words in brackets
	siteWidth = 30
)

// NonceField is the header field with a guest's nonce.
const NonceField = "X-Scrutineer-Nonce"

// compose renders a notice as a mail. It is pure: the same notice gives the same bytes, its date being the event's, but for a signature.
func (s *Sender) compose(n alerts.Notice, to mailbox) ([]byte, error) {
	root := messageID(n.Incident.Thread(), 1, to, s.from.domain())
	fields := mail.Header{}
	// The library puts each new field on top.
	fields.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	fields.Set("Content-Transfer-Encoding", "quoted-printable")
	fields.Set("MIME-Version", "1.0")
	fields.Set("Auto-Submitted", "auto-generated") // RFC 3834: keeps vacation answers away
	if n.Nonce != "" {
		fields.Set(NonceField, n.Nonce)
	}
	if n.Seq > 1 || n.Incident.Thread() != n.Incident.ID {
		fields.SetMsgIDList("References", []string{root})
		fields.SetMsgIDList("In-Reply-To", []string{root})
	}
	fields.SetMessageID(messageID(n.Incident.ID, n.Seq, to, s.from.domain()))
	fields.SetDate(n.At.UTC())
	fields.AddRaw(subjectField(state(n), core(n, s.config.Site)))
	fields.SetAddressList("To", to.header())
	fields.SetAddressList("From", s.from.header())

	var letter bytes.Buffer
	w, err := message.CreateWriter(&letter, fields.Header)
	if err != nil {
		return nil, fmt.Errorf("compose mail header: %w", err)
	}
	if _, err := w.Write([]byte(strings.Join(s.lines(n), "\n") + "\n")); err != nil {
		return nil, fmt.Errorf("compose mail body: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compose mail body: %w", err)
	}
	if s.config.DKIM == nil {
		return letter.Bytes(), nil
	}
	return s.config.DKIM.sign(letter.Bytes())
}

// messageID names one event for one recipient, without the angle brackets. The recipient is part of it, so that no two
// mails that differ share an identity.
func messageID(incident string, seq int, to mailbox, domain string) string {
	sum := sha256.Sum256([]byte(to.address))
	return fmt.Sprintf("%s.%d.%x@%s", incident, seq, sum[:6], domain)
}

// subjectField writes the header field whole: the library would leave a subject that needs encoding on one line of any
// length, where RFC 2047, 2, wants short lines. The state is plain, and stays readable in any program.
func subjectField(state, core string) []byte {
	field := "Subject: [" + state + "]"
	encoded := mime.QEncoding.Encode("utf-8", core)
	if encoded == core && len(field)+1+len(core) <= 78 {
		return []byte(field + " " + core + "\r\n")
	}
	return []byte(field + "\r\n " + strings.ReplaceAll(encoded, "?= =?", "?=\r\n =?") + "\r\n")
}

// core is what follows the state in a subject. It is the same in all mails of an incident that tell of it alone: mail programs that thread by
// subject leave leading words in brackets out of account (RFC 5256, 2.1).
func core(n alerts.Notice, site string) string {
	tail := fmt.Sprintf(" (%s)", cut(clean(site), siteWidth))
	if len(n.With) > 0 {
		tail = fmt.Sprintf(" and %d more", len(n.With)) + tail
	}
	if n.Incident.Number > 0 {
		tail += fmt.Sprintf(" #%d", n.Incident.Number)
	}
	return cut(clean(n.Incident.Title), coreWidth-length(tail)) + tail
}

// state is how things are, in a word or two that tell the kinds of mail apart.
func state(n alerts.Notice) string {
	severity := strings.ToUpper(n.Incident.Severity.String())
	switch n.Event {
	case alerts.Resolved:
		if n.Incident.Gone {
			return "CLOSED"
		}
		return "OK"
	case alerts.Worsened:
		return "NOW " + severity
	case alerts.Reminded:
		return "STILL " + severity
	case alerts.Reopened:
		return severity + " AGAIN"
	case alerts.Escalated:
		return severity + " ESCALATED"
	case alerts.Acknowledged:
		return "ACK"
	case alerts.Tested:
		return "TEST"
	case alerts.Beat:
		return "ALIVE"
	case alerts.Began:
		return "BEGIN"
	case alerts.Ended:
		return "END"
	}
	return severity
}
