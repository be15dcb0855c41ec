package email

import (
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/alerts/email/postfixtest"
)

// writeKey writes the key of a certificate.
func writeKey(t *testing.T, key any) (path string) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	return path
}

// secured returns a postfix's settings for encryption with a certificate it can show, that verifies the next server's.
func secured(t *testing.T, certFile, keyFile, nextCAFile string) map[string]string {
	for _, path := range []string{certFile, nextCAFile} {
		for _, folder := range []string{filepath.Dir(path), filepath.Dir(filepath.Dir(path))} {
			require.NoError(t, os.Chmod(folder, 0o755))
		}
	}
	return map[string]string{
		"smtpd_tls_security_level": "encrypt", "smtpd_tls_cert_file": certFile, "smtpd_tls_key_file": keyFile,
		"smtp_tls_security_level": "verify", "smtp_tls_verify_cert_match": "mail.example.org", "smtp_tls_CAfile": nextCAFile,
	}
}

// As an operator has it who trusts a mail server on the same machine: we hand to a postfix, and that to a mailbox which is in
// trouble most of the time. The sender is killed again and again, and in the long form the postfix as well.
//
// What holds: all mails arrive, each once for each time that postfix has taken it, and postfix has taken each once but for
// the sender's last of a life. Mails of an incident are handed over in order. In which order postfix hands them on is not for
// us to say: what it has put off it tries again by a clock of its own. Whoever reads them has the dates, which are the
// events', and the thread, which every mail names.
func TestThroughPostfix(t *testing.T) {
	const mailHost = "mail.example.org"
	mailCert, _ := certificate(t, mailHost, time.Now().AddDate(0, 1, 0))
	expected := 4 * *mails
	mailbox := startTroubled(t, &troubled{troubles: []string{greylisting, full, impostor, killed, slow},
		well: 10, met: 3, quiet: expected * 3 / 4}, ownAddress(), mailCert)
	address := postfixtest.Address(t)
	ours, key := postfixCertificate(t, address)
	postfix := postfixtest.Start(t, address, mailbox.address, secured(t, ours, key, writeCA(t, mailCert.Certificate[0])))

	todo := task{Store: filepath.Join(t.TempDir(), "alerts.db"), Server: postfix.Address, CAFile: ours,
		Incidents: *mails, To: []string{"a@example.org", refusedRecipient, "c@example.org"}}
	restarts := 0
	kills := todo.killOften(t, *mails/10, func() {
		if restarts++; restarts%3 == 0 && *mails >= 200 { // what it was at work on it may leave alone for a minute
			postfix.Kill()
			mailbox.life.Add(1)
			postfix.Run(t)
		}
	})
	require.NotEmpty(t, kills)
	bounced := awaitAll(t, mailbox, *mails)
	mailbox.requireAll(t)
	require.Len(t, bounced, 2**mails, "each mail that nobody takes comes back to who sent it")

	taken := handedOver(t, mailbox.kept(), kills)
	copies, inverted := 0, 0
	for _, to := range []string{todo.To[0], todo.To[2]} {
		copies += judge(t, taken, to, *mails)
		inverted += inversions(t, mailbox.kept(), to)
	}
	t.Logf("%d kills of the sender, %d mails that were taken as it died and came once more; of %d incidents' mails %d have arrived in another order",
		len(kills), copies, 2**mails, inverted)
}

// postfixCertificate returns files with a certificate for an address, and with its key.
func postfixCertificate(t *testing.T, address string) (certFile, keyFile string) {
	host, _, err := net.SplitHostPort(address)
	require.NoError(t, err)
	c, _ := certificate(t, host, time.Now().AddDate(0, 1, 0))
	return writeCA(t, c.Certificate[0]), writeKey(t, c.PrivateKey)
}

// awaitAll waits until everything has arrived, and returns which mails have come back.
func awaitAll(t *testing.T, mailbox *troubled, incidents int) (bounced map[string]bool) {
	deadline := time.Now().Add(5 * time.Minute)
	for {
		arrived := map[string]bool{}
		bounced = map[string]bool{}
		for _, m := range mailbox.kept() {
			if m.from != "" {
				arrived[m.to+identity(t, m)] = true
			} else {
				bounced[returned(t, m)] = true
			}
		}
		if len(arrived) == 4*incidents && len(bounced) == 2*incidents {
			return bounced
		}
		require.True(t, time.Now().Before(deadline), "%d mails have arrived, %d have come back", len(arrived), len(bounced))
		time.Sleep(50 * time.Millisecond)
	}
}

func identity(t *testing.T, m received) string {
	header, _ := readLetter(t, []byte(m.data))
	return header.Get("Message-Id")
}

// returned is the identity of the mail that comes back with another one.
func returned(t *testing.T, m received) string {
	_, original, found := strings.Cut(m.data, "Content-Type: message/rfc822")
	require.True(t, found, m.data)
	_, rest, found := strings.Cut(original, "Message-Id: ")
	require.True(t, found, original)
	id, _, _ := strings.Cut(rest, "\r\n")
	return id
}

// handedOver returns the mails in the order in which postfix was given them, without what it has added, each with the life of
// the sender in which that was. One that arrived twice under one name is there once: the mailbox was killed before it answered,
// or postfix before it noted the answer.
func handedOver(t *testing.T, arrived []received, kills []time.Time) (mails []received) {
	type handed struct {
		received
		at time.Time
	}
	lives := map[string][2]int32{} // of mailbox and postfix
	var all []handed
	for _, m := range arrived {
		if m.from == "" {
			continue // it has come back
		}
		require.True(t, m.tls)
		name, at, err := postfixtest.Queued(m.data)
		require.NoError(t, err)
		if of, twice := lives[name]; twice {
			require.NotEqual(t, of, [2]int32{m.run, m.life}, "%s came twice from postfix, though it and the mailbox lived on", name)
			continue
		}
		lives[name] = [2]int32{m.run, m.life}
		m.life = int32(len(kills))
		for i, kill := range kills {
			if at.Before(kill) {
				m.life = int32(i)
				break
			}
		}
		m.data = m.data[strings.Index(m.data, "From: "):] // as we have written it
		m.run = 0
		all = append(all, handed{m, at})
	}
	slices.SortStableFunc(all, func(a, b handed) int { return a.at.Compare(b.at) })
	for _, h := range all {
		mails = append(mails, h.received)
	}
	return mails
}

// inversions counts the incidents whose end has arrived before their beginning.
func inversions(t *testing.T, arrived []received, to string) (count int) {
	begun := map[string]bool{}
	_, own := split(arrived, to)
	for _, m := range own {
		header, _ := readLetter(t, []byte(m.data))
		if header.Get("References") == "" {
			begun[header.Get("Message-Id")] = true
		} else if !begun[header.Get("References")] {
			count++
		}
	}
	return count
}
