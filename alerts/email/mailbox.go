package email

import (
	"fmt"
	"net/mail"
	"regexp"
	"strings"
)

// plainAddress is what this package sends to and from: a local part of dots and atoms (RFC 5322, 3.2.3) at a host name.
// Quoted local parts are left out because they could carry SMTP parameters into a command, and other than ASCII because
// few servers take it.
var plainAddress = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?$")

// nameWidth bounds the name beside an address, in characters, so that its field keeps within what a line may be.
const nameWidth = 40

// mailbox is an address that can do no harm in a command or a header.
type mailbox struct {
	name    string // cleaned and cut; may be empty
	address string // local@domain
}

func parseMailbox(text string) (mailbox, error) {
	parsed, err := mail.ParseAddress(text)
	if err != nil {
		return mailbox{}, fmt.Errorf("address %q: %w", text, err)
	}
	if !plainAddress.MatchString(parsed.Address) {
		return mailbox{}, fmt.Errorf("address %q: only plain ASCII addresses such as name@example.org can be used", text)
	}
	return mailbox{name: displayName(parsed.Name), address: parsed.Address}, nil
}

// displayName makes any text fit to stand beside an address. The standard library leaves a backslash among encoded words,
// where its own parser, among others, refuses it.
func displayName(text string) string {
	return cut(clean(strings.ReplaceAll(text, `\`, " ")), nameWidth)
}

// domain returns what follows the @.
func (m mailbox) domain() string { return m.address[strings.LastIndexByte(m.address, '@')+1:] }

// header returns the mailbox as a From or To field has it.
func (m mailbox) header() []*mail.Address { return []*mail.Address{{Name: m.name, Address: m.address}} }
