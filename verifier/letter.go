package verifier

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // bodies come in any
	"github.com/emersion/go-msgauth/dkim"
)

// Letter is what a mail says, and whether the domain that it should be from has signed that.
type Letter struct {
	Entry   int64
	At      time.Time // when it came, UTC
	Subject string    // decoded
	Unsaid  string    // why it does not count as the domain's; empty: it does
	Nonces  string    // all of the mail in which a nonce may stand, in lower case

	Recovery bool // it says that something is over
	Ignored  bool // it says nothing of faults
}

// maxSignatures is how many signatures of one mail are looked at.
const maxSignatures = 8

// Letters reads the mails of a demonstration, in the order in which they came.
func (d AlertDrill) Letters() []Letter {
	recovery, ignore := regexp.MustCompile(d.Plan.Recovery), regexp.MustCompile(d.Plan.Ignore)
	var all []Letter
	for _, s := range d.Steps {
		if s.Step != StepMail || s.Mail == nil {
			continue
		}
		l := Letter{Entry: s.Entry, At: s.At, Unsaid: s.Mail.unsigned(d.Plan, s.At)}
		l.Subject, l.Nonces = s.Mail.text()
		l.Recovery = recovery.MatchString(l.Subject)
		l.Ignored = d.Plan.Ignore != "" && ignore.MatchString(l.Subject)
		all = append(all, l)
	}
	return all
}

// About reports whether the mail has a fault's nonce in it.
func (l Letter) About(f AlertFault) bool { return strings.Contains(l.Nonces, strings.ToLower(f.Nonce)) }

// text returns the subject, and with it everything in which a nonce may stand: the addresses it was sent to, its header, its
// text. Addresses may have lost their case.
func (m AlertMail) text() (subject, all string) {
	var b strings.Builder
	b.WriteString(strings.Join(m.To, " "))
	entity, err := message.Read(bytes.NewReader(m.Raw))
	if entity == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		return "", strings.ToLower(b.String())
	}
	subject = entity.Header.Get("Subject")
	if decoded, err := new(mime.WordDecoder).DecodeHeader(subject); err == nil {
		subject = decoded
	}
	for fields := entity.Header.Fields(); fields.Next(); {
		b.WriteString("\n" + fields.Value())
	}
	b.WriteString("\n" + subject)
	_ = entity.Walk(func(_ []int, part *message.Entity, err error) error { // what can be read counts
		if err == nil && part.MultipartReader() == nil {
			b.WriteByte('\n')
			_, err = io.Copy(&b, part.Body)
		}
		return err
	})
	return subject, strings.ToLower(b.String())
}

// Verify looks up the keys of a mail's signatures, and verifies it as it comes in. What the journal then holds is enough to verify
// it again when the domain has other keys.
func (m *AlertMail) Verify(p AlertPlan, now time.Time, lookup func(name string) ([]string, error)) {
	m.Keys = make(map[string]string)
	checks, err := m.check(func(name string) ([]string, error) {
		if given, ok := p.given(name); ok {
			return []string{given}, nil
		}
		records, err := lookup(name)
		if err != nil {
			m.NoKey = err.Error()
		} else if len(records) == 1 {
			m.Keys[name] = records[0]
		}
		return records, err
	})
	if err != nil {
		return
	}
	for _, v := range checks {
		if v.Err == nil && p.owns(v.Domain) && !v.Expiration.IsZero() {
			end := v.Expiration.UTC()
			m.Verified, m.Clock = v.Domain, &end
		}
	}
}

// given returns a key that the plan has.
func (p AlertPlan) given(name string) (string, bool) {
	if record, ok := p.Keys[strings.ToLower(name)]; ok {
		return record, true
	}
	record, ok := p.Keys["*"]
	return record, ok && strings.HasSuffix(strings.ToLower(name), "._domainkey."+strings.ToLower(p.Domain))
}

// owns reports whether a signature by a domain counts: of the domain itself, or of one below it.
func (p AlertPlan) owns(domain string) bool {
	domain, own := strings.ToLower(domain), strings.ToLower(p.Domain)
	return domain == own || strings.HasSuffix(domain, "."+own)
}

func (m AlertMail) check(lookup func(name string) ([]string, error)) ([]*dkim.Verification, error) {
	checks, err := dkim.VerifyWithOptions(bytes.NewReader(m.Raw), &dkim.VerifyOptions{LookupTXT: lookup, MaxVerifications: maxSignatures})
	if errors.Is(err, dkim.ErrTooManySignatures) {
		err = nil
	}
	return checks, err
}

// unsigned says why no signature of the domain vouches for a mail, and is empty where one does. It verifies the mail anew, from
// what the journal holds. A signature that has an end can be verified up to then only, so of those the word of who received it
// is taken: that way the same journal says the same at any time.
func (m AlertMail) unsigned(p AlertPlan, at time.Time) string {
	if p.owns(m.Verified) && m.Clock != nil && !at.After(*m.Clock) {
		return ""
	}
	checks, err := m.check(func(name string) ([]string, error) {
		if record, ok := p.given(name); ok {
			return []string{record}, nil
		}
		if record, ok := m.Keys[name]; ok {
			return []string{record}, nil
		}
		return nil, errors.New("the journal has no such key")
	})
	if err != nil {
		return "it cannot be read"
	}
	why, others := "it is not signed", make(map[string]bool)
	for _, v := range checks {
		switch {
		case !p.owns(v.Domain):
			others[v.Domain] = true
		case !v.Expiration.IsZero():
			why = "its signature is not right, or had ended"
		case v.Err == nil:
			return ""
		case m.NoKey != "":
			why = "the key of its signature could not be looked up"
		default:
			why = "its signature is not right: " + strings.ReplaceAll(v.Err.Error(), "dkim: ", "")
		}
	}
	if len(others) == len(checks) && len(others) > 0 {
		return fmt.Sprintf("it is signed by %s, not by %s", strings.Join(slices.Sorted(maps.Keys(others)), ", "), p.Domain)
	}
	return why
}
