package email

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/emersion/go-msgauth/dkim"
)

// DKIM (RFC 6376) says with which key letters are signed, and where the world finds its public half.
type DKIM struct {
	Domain   string        // of the From address, or one above it: receivers compare them
	Selector string        // names the key among the domain's: the record is at SELECTOR._domainkey.DOMAIN
	Key      crypto.Signer // Ed25519 (RFC 8463) or RSA of at least 2048 bits
}

// signedFields are the header fields that a signature covers, all that a reader or a mail program goes by. Those that a
// letter lacks are covered as lacking: nobody can add one. From comes twice, so that no second one can be added.
var signedFields = []string{"From", "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version",
	"Content-Type", "Content-Transfer-Encoding", "Auto-Submitted", NonceField, "Reply-To", "Cc"}

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

// sign puts a DKIM-Signature on top of a letter, which has CRLF line ends. It carries the time of signing: a letter that is
// composed again differs in it, and in nothing else.
func (d *DKIM) sign(letter []byte) ([]byte, error) {
	var signed bytes.Buffer
	err := dkim.Sign(&signed, bytes.NewReader(letter), &dkim.SignOptions{Domain: d.Domain, Selector: d.Selector, Signer: d.Key,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed, HeaderKeys: signedFields})
	if err != nil {
		return nil, fmt.Errorf("sign letter: %w", err)
	}
	return signed.Bytes(), nil
}
