package alerting

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"strings"

	"github.com/spf13/cobra"

	"scrutineer/alerts/email"
	"scrutineer/cmd/configfile"
	"scrutineer/cmd/output"
	"scrutineer/cmd/program"
)

func (s *Settings) checkDKIM(file *configfile.File, a *Config) {
	const key = "alerts.dkim.key_file"
	d := &email.DKIM{Domain: a.DKIM.Domain, Selector: a.DKIM.Selector}
	if from, err := mail.ParseAddress(a.From); err == nil && !isUnder(from.Address, d.Domain) {
		file.Wrong("alerts.dkim.domain", "%q is not the domain of alerts.from, nor one above it: receivers compare them", d.Domain)
	}
	if file.Secret(key, a.DKIM.KeyFile) == "" {
		return
	}
	var err error
	if d.Key, err = email.ParseDKIMKey(file.Contents(key, a.DKIM.KeyFile)); err != nil {
		file.Wrong(key, "%s %v: %s alerts dkim --make makes one", file.Resolve(a.DKIM.KeyFile), err, s.Program.Name)
		return
	}
	if err := d.Check(); err != nil {
		file.Wrong("alerts.dkim.selector", "%v", err)
		return
	}
	s.dkim = d
}

// isUnder reports whether an address is at a domain or below it.
func isUnder(address, domain string) bool {
	host := strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
	domain = strings.ToLower(domain)
	return domain != "" && (host == domain || strings.HasSuffix(host, "."+domain))
}

// DKIM is the command that shows the DNS record of a key, and makes one.
func (m Commands) DKIM() *cobra.Command {
	c := &cobra.Command{
		Use:   "dkim",
		Short: "Show the DNS record by which mails are verified, or make the key",
		Long: `dkim shows the TXT record that belongs into the DNS before mails are signed with
the key that alerts.dkim.key_file names. With --make it makes that key first; one
that is there stays.

RSA is what every receiver verifies. Ed25519 makes a short record, but many large
receivers do not know it yet and take such a mail for one without a signature.`,
		Args: cobra.NoArgs,
	}
	path := m.Flag(c)
	asJSON := output.JSONFlag(c)
	make := c.Flags().Bool("make", false, "make the key")
	kind := c.Flags().String("kind", "rsa", "of a key that is made: rsa (2048 bits) or ed25519")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *make {
			if err := m.makeDKIMKey(*path, *kind); err != nil {
				return err
			}
		}
		s, err := m.settings(*path)
		if err != nil {
			return err
		}
		if s.dkim == nil {
			return fmt.Errorf("%s has no [alerts.dkim]: mails are not signed", *path)
		}
		record, err := s.dkim.Record()
		if err != nil {
			return err
		}
		if *asJSON {
			return output.WriteJSON(c.OutOrStdout(), dkimView{s.dkim.Name(), record})
		}
		return writeRecord(c.OutOrStdout(), s.dkim.Name(), record)
	}
	return c
}

// dkimView is a TXT record.
type dkimView struct {
	Name   string `json:"name"`
	Record string `json:"record"`
}

// writeRecord writes a TXT record as a zone file has it. A string in it has at most 255 bytes: a long record has several,
// which are read as one.
func writeRecord(out io.Writer, name, record string) error {
	const width = 64
	lines := []string{name + ". IN TXT ("}
	for ; len(record) > width; record = record[width:] {
		lines = append(lines, fmt.Sprintf("  %q", record[:width]))
	}
	lines = append(lines, fmt.Sprintf("  %q )", record), "", "A form that asks for name and text wants the strings joined, without quotes.")
	_, err := fmt.Fprintln(out, strings.Join(lines, "\n"))
	return err
}

// makeDKIMKey makes the key that a configuration names, of which nothing else needs to be in order.
func (m Commands) makeDKIMKey(path, kind string) error {
	file, a, err := m.Read(path)
	if err != nil {
		return err
	}
	if a == nil || a.DKIM == nil || a.DKIM.KeyFile == "" {
		return errors.New("alerts.dkim.key_file is missing: name the file that is to be made")
	}
	var key crypto.Signer
	switch kind {
	case "rsa":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		return program.Misuse(fmt.Errorf("--kind %q is unknown: use rsa or ed25519", kind))
	}
	if err != nil {
		return fmt.Errorf("make DKIM key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode DKIM key: %w", err)
	}
	if err := program.WriteNew(file.Resolve(a.DKIM.KeyFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return fmt.Errorf("write DKIM key: %w", err)
	}
	return nil
}
