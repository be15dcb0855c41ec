package email

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func keys(t testing.TB) map[string]crypto.Signer {
	_, short, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return map[string]crypto.Signer{"ed25519": short, "rsa": long}
}

func signing(t testing.TB, key crypto.Signer) *Sender {
	s, err := New(Config{Server: "127.0.0.1:25", From: "Scrutineer <alerts@example.org>", Site: "vsp.example.org",
		DKIM: &DKIM{Domain: "example.org", Selector: "vsp", Key: key}})
	require.NoError(t, err)
	return s
}

// verified is what a receiver says of a letter.
func verified(t require.TestingT, s *Sender, letter []byte) error {
	record, err := s.config.DKIM.Record()
	require.NoError(t, err)
	all, err := dkim.VerifyWithOptions(bytes.NewReader(letter), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
		if name != "vsp._domainkey.example.org" {
			return nil, fmt.Errorf("%s is asked for", name)
		}
		return []string{record}, nil
	}})
	if err != nil {
		return err
	}
	if len(all) != 1 || all[0].Domain != "example.org" {
		return fmt.Errorf("%d signatures", len(all))
	}
	return all[0].Err
}

// unsigned is a letter without its signature, which is its first field.
func unsigned(t testing.TB, letter []byte) string {
	require.True(t, bytes.HasPrefix(letter, []byte("DKIM-Signature: ")), "%s", letter)
	end := regexp.MustCompile(`\r\n[^ \t]`).FindIndex(letter)
	require.NotNil(t, end)
	return string(letter[end[0]+2:])
}

func TestReceiversVerifyEveryLetter(t *testing.T) {
	for kind, key := range keys(t) {
		t.Run(kind, func(t *testing.T) {
			s := signing(t, key)
			for name, n := range notices() {
				to, err := parseMailbox(n.To)
				require.NoError(t, err)
				letter, err := s.compose(n, to)
				require.NoError(t, err)
				require.NoError(t, verified(t, s, letter), name)
				again, err := s.compose(n, to)
				require.NoError(t, err)
				require.Equal(t, unsigned(t, letter), unsigned(t, again), "the same notice gives the same letter")
				checkLetter(t, s, n, letter)
				for line := range strings.SplitSeq(string(letter), "\r\n") {
					require.LessOrEqual(t, len(line), 998, "RFC 5322, 2.1.1")
				}
			}
		})
	}
}

// What a mail program shows or files by is covered: nothing of it can be changed, left out or added.
func TestASignatureCoversWhatIsRead(t *testing.T) {
	s := signing(t, keys(t)["ed25519"])
	n := notices()["resolved"]
	to, err := parseMailbox(n.To)
	require.NoError(t, err)
	letter, err := s.compose(n, to)
	require.NoError(t, err)
	text := string(letter)
	require.NoError(t, verified(t, s, []byte(strings.Replace(text, "Subject: ", "Subject:   ", 1))), "a relay may do this")
	for _, field := range []string{"From", "To", "Subject", "Date", "Message-Id", "In-Reply-To", "References", "Mime-Version", "Content-Type",
		"Content-Transfer-Encoding", "Auto-Submitted"} {
		require.Contains(t, text, "\r\n"+field+": ", field)
		require.Error(t, verified(t, s, []byte(strings.Replace(text, "\r\n"+field+": ", "\r\n"+field+": x", 1))), field)
	}
	for _, field := range []string{"From: mallory@example.org", "Reply-To: mallory@example.org", "Cc: mallory@example.org"} {
		require.Error(t, verified(t, s, []byte(field+"\r\n"+text)), field)
	}
	rapid.Check(t, func(rt *rapid.T) {
		changed := bytes.Clone(letter)
		end := bytes.Index(changed, []byte("\r\n\r\n"))
		i := rapid.IntRange(end+4, len(changed)-1).Draw(rt, "byte of the body")
		changed[i] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		if changed[i] > ' ' && letter[i] > ' ' && verified(rt, s, changed) == nil { // relays may change blanks
			rt.Fatalf("bit of byte %d does not matter", i)
		}
	})
}

func TestKeysAreRead(t *testing.T) {
	for _, key := range keys(t) {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(t, err)
		read, err := ParseDKIMKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
		require.NoError(t, err)
		require.Equal(t, key, read)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	_, err = ParseDKIMKey(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(weak)}))
	require.ErrorContains(t, err, "RSA of 1024 bits, at least 2048 are needed")
	_, err = ParseDKIMKey([]byte("hush"))
	require.EqualError(t, err, "holds no PEM private key")
	err = (&DKIM{Domain: "localhost", Selector: "a b"}).Check()
	require.ErrorContains(t, err, `DKIM domain "localhost"`)
	require.ErrorContains(t, err, `DKIM selector "a b"`)
	require.ErrorContains(t, err, "DKIM key")
}
