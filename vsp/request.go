package vsp

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp/vspapi"
)

// Request is one signed request as it came in. What is wrong with it is found by the act it is for, because some acts
// refuse before they look.
type Request struct {
	body      []byte
	signature string
	ticket    string
	err       error
}

// NewRequest returns the request with an exact body and the ClientSignature header that came with it, empty if none
// did.
func NewRequest(body []byte, signature string) Request {
	r := Request{body: body, signature: signature}
	var named struct {
		TicketHash string `json:"tickethash"`
	}
	r.err = r.decode(&named)
	r.ticket = named.TicketHash
	return r
}

// Unreadable returns the request whose body could not be read, with what its sender is told. The cause may be nil.
func Unreadable(text string, cause error) Request {
	return Request{err: &Error{Code: vspapi.BadRequest, Message: text, Err: cause}}
}

// Ticket returns the hash of the ticket that the request names, if it is one. Nothing says that it is true.
func (r Request) Ticket() (chainhash.Hash, bool) {
	if len(r.ticket) != chainhash.MaxHashStringSize {
		return chainhash.Hash{}, false
	}
	hash, err := chainhash.NewHashFromStr(r.ticket)
	if err != nil {
		return chainhash.Hash{}, false
	}
	return *hash, true
}

// decode reads the body. Keys are compared without regard to case, unknown ones are passed over, and the last of two
// counts; bytes after the message are refused.
func (r Request) decode(message any) error {
	if err := json.Unmarshal(r.body, message); err != nil {
		return refusef(vspapi.BadRequest, "%v", err)
	}
	return nil
}

// rule is what a field of a message must be, by the name of vspd's validator for it.
type rule struct {
	key  string // message and field
	tag  string // "required": not zero, nor null; "max": at most MaxPolicies entries
	kept bool
}

// check refuses a message that breaks a rule, in the words of vspd's validator.
func check(rules ...rule) error {
	var broken []string
	for _, r := range rules {
		if !r.kept {
			field := r.key[strings.LastIndexByte(r.key, '.')+1:]
			broken = append(broken, fmt.Sprintf("Key: '%s' Error:Field validation for '%s' failed on the '%s' tag",
				r.key, field, r.tag))
		}
	}
	if broken != nil {
		return refusef(vspapi.BadRequest, "%s", strings.Join(broken, "\n"))
	}
	return nil
}
