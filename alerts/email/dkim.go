package email

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// DKIM (RFC 6376) says with which key letters are signed, and where the world finds its public half. A signature is a
// function of the letter alone, its time being the letter's, so that a second copy is the same to the byte: that is why it
// is not made by the library that verifies it in tests, which stamps the time of signing.
type DKIM struct {
	Domain   string        // of the From address, or one above it: receivers compare them
	Selector string        // names the key among the domain's: the record is at SELECTOR._domainkey.DOMAIN
	Key      crypto.Signer // Ed25519 (RFC 8463) or RSA of at least 2048 bits
}

// signedFields are the header fields that a signature covers, all that a reader or a mail program goes by. Those that a
// letter lacks are covered as lacking: nobody can add one. From comes twice, so that no second one can be added.
var signedFields = []string{"From", "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version",
	"Content-Type", "Content-Transfer-Encoding", "Auto-Submitted", "Reply-To", "Cc"}

// domainName is what a domain or selector may be: labels of a host name (RFC 6376, 3.1).
var domainName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)

// leastRSA is the shortest RSA key, in bits, that RFC 8301 lets a signer use, rounded up to what it recommends.
const leastRSA = 2048

// Check returns all that is wrong with it, or nil.
func (d *DKIM) Check() error {
	var errs []error
	if !domainName.MatchString(d.Domain) || !strings.Contains(d.Domain, ".") {
		errs = append(errs, fmt.Errorf("DKIM domain %q is no domain, such as example.org", d.Domain))
	}
	if !domainName.MatchString(d.Selector) {
		errs = append(errs, fmt.Errorf("DKIM selector %q is no name, such as vsp", d.Selector))
	}
	if err := checkDKIMKey(d.Key); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func checkDKIMKey(key crypto.Signer) error {
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return nil
	case *rsa.PrivateKey:
		if key.N.BitLen() < leastRSA {
			return fmt.Errorf("DKIM key: RSA of %d bits, at least %d are needed", key.N.BitLen(), leastRSA)
		}
		return nil
	}
	return fmt.Errorf("DKIM key: %T can not be used: Ed25519 or RSA", key)
}

// ParseDKIMKey reads a private key, PKCS#8 or, of RSA, PKCS#1, in PEM.
func ParseDKIMKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("holds no PEM private key")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, checkDKIMKey(key)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("holds no PKCS#8 private key")
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("holds %T: Ed25519 or RSA is needed", parsed)
	}
	return key, checkDKIMKey(key)
}

// Name is where the record belongs in the DNS.
func (d *DKIM) Name() string { return d.Selector + "._domainkey." + d.Domain }

// Record is the text of the TXT record by which receivers verify.
func (d *DKIM) Record() (string, error) {
	switch key := d.Key.Public().(type) {
	case ed25519.PublicKey:
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(key), nil
	default:
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			return "", fmt.Errorf("encode DKIM key: %w", err)
		}
		return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der), nil
	}
}

// sign puts a DKIM-Signature on top of a letter, which has CRLF line ends.
func (d *DKIM) sign(letter []byte, at time.Time) ([]byte, error) {
	head, body, found := bytes.Cut(letter, []byte("\r\n\r\n"))
	if !found {
		return nil, errors.New("sign letter: it has no body")
	}
	bodyHash := sha256.Sum256(relaxedBody(body))
	algorithm, hash := "rsa-sha256", crypto.SHA256
	if _, is := d.Key.(ed25519.PrivateKey); is {
		algorithm, hash = "ed25519-sha256", crypto.Hash(0) // it signs the digest as a message
	}
	// Folded by hand: each line stays below what a header line may be.
	field := fmt.Sprintf("DKIM-Signature: v=1; a=%s; c=relaxed/relaxed; t=%d;\r\n d=%s; s=%s;\r\n h=%s;\r\n bh=%s;\r\n b=",
		algorithm, at.Unix(), d.Domain, d.Selector, fold(strings.Join(signedFields, ":"), ":"),
		base64.StdEncoding.EncodeToString(bodyHash[:]))
	digest := sha256.New()
	fields := headerFields(string(head))
	for _, name := range signedFields {
		digest.Write([]byte(fields.take(name)))
	}
	digest.Write([]byte(strings.TrimSuffix(relaxedField(field), "\r\n")))
	signature, err := d.Key.Sign(nil, digest.Sum(nil), hash)
	if err != nil {
		return nil, fmt.Errorf("sign letter: %w", err)
	}
	field += fold(base64.StdEncoding.EncodeToString(signature), "") + "\r\n"
	return append([]byte(field), letter...), nil
}

// fold breaks a value into header lines, after a separator if there is one and else anywhere.
func fold(value, separator string) string {
	const width = 70
	var lines []string
	for len(value) > width {
		end := width
		if separator != "" {
			end = strings.LastIndex(value[:width], separator) + 1
		}
		lines, value = append(lines, value[:end]), value[end:]
	}
	return strings.Join(append(lines, value), "\r\n  ")
}

// fieldList is the header fields that are not signed yet, in the canonical form.
type fieldList []string

func headerFields(head string) *fieldList {
	var list fieldList
	for line := range strings.SplitSeq(head, "\r\n") {
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			list[len(list)-1] += "\r\n" + line
		} else {
			list = append(list, line)
		}
	}
	for i := range list {
		list[i] = relaxedField(list[i])
	}
	return &list
}

// take removes the lowest field of a name and returns it, or nothing if there is none (RFC 6376, 5.4.2).
func (l *fieldList) take(name string) string {
	for i := len(*l) - 1; i >= 0; i-- {
		field := (*l)[i]
		if strings.HasPrefix(field, strings.ToLower(name)+":") {
			*l = append((*l)[:i], (*l)[i+1:]...)
			return field
		}
	}
	return ""
}

var blanks = regexp.MustCompile(`[ \t]+`)

// relaxedField is a field in the relaxed form (RFC 6376, 3.4.2), which relays that fold lines anew do not break.
func relaxedField(field string) string {
	name, value, _ := strings.Cut(strings.ReplaceAll(field, "\r\n", ""), ":")
	return strings.ToLower(strings.TrimSpace(name)) + ":" + strings.Trim(blanks.ReplaceAllString(value, " "), " ") + "\r\n"
}

// relaxedBody is a body in the relaxed form (RFC 6376, 3.4.4).
func relaxedBody(body []byte) []byte {
	var lines []string
	for line := range strings.SplitSeq(string(body), "\r\n") {
		lines = append(lines, strings.TrimRight(blanks.ReplaceAllString(line, " "), " "))
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	if len(lines) == 0 {
		return nil
	}
	return []byte(strings.Join(lines, "\r\n") + "\r\n")
}
