package vspapi

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
)

// TicketList is what a VSP says of its tickets at one time, for who reviews it. It is not part of the protocol.
//
// Its text is one line for each ticket, the hash first and the rest as a comment, so that whatever reads a list of hashes
// reads it too:
//
//	# scrutineer ticket list v1
//	# network: testnet3
//	# key: base64
//	# time: 2026-11-23T06:00:00Z
//	# height: 1043215
//	# tickets: 2
//	# hash # bought at, registered, fee, outcome, ended at
//	0e6c...1f # 1041100 2026-11-20T06:00:00Z confirmed voted 1042002
//	51aa...02 # - - received - -
//	# signature: base64
//
// The signature is Ed25519 by the VSP's key over all lines before its own. The first line is no JSON: no answer to a wallet
// can be taken for a list, nor a list for an answer. Each list has one text: tickets are ordered by their hashes' text,
// and a text that is spelled in another way is refused.
type TicketList struct {
	Network string
	Key     ed25519.PublicKey // that answers are signed with
	Time    time.Time         // UTC, in seconds
	Height  int64             // the block up to which outcomes are told
	Tickets []ListedTicket
}

// ListedTicket is one ticket of a list.
type ListedTicket struct {
	Hash           chainhash.Hash
	PurchaseHeight int64     // 0 if it is not confirmed
	Registered     time.Time // UTC, in seconds; zero if not known
	FeeStatus      string    // as in TicketStatusResponse
	Outcome        string    // "voted", "missed", "expired", or empty
	SpentHeight    int64     // the block in which it ended; 0 while Outcome is empty, and if not known
}

const (
	listTitle     = "# scrutineer ticket list v1"
	listColumns   = "# hash # bought at, registered, fee, outcome, ended at"
	listSignature = "# signature: "
	listFields    = 7 // of a ticket's line, "#" being one
	listUnknown   = "-"
)

// SignTicketList returns the text of a list of the key's VSP, signed. The list's own Key is that of the key, and its
// tickets are sorted.
func SignTicketList(key ed25519.PrivateKey, list TicketList) ([]byte, error) {
	list.Key = key.Public().(ed25519.PublicKey)
	text, err := list.MarshalText()
	if err != nil {
		return nil, err
	}
	signature := base64.StdEncoding.EncodeToString(ed25519.Sign(key, text))
	return append(text, listSignature+signature+"\n"...), nil
}

// ReadTicketList returns the list of a signed text, or an error, which is ErrSignature where the text is not signed by the
// key.
func ReadTicketList(signed []byte, key ed25519.PublicKey) (TicketList, error) {
	end := bytes.LastIndex(signed, []byte("\n"+listSignature)) + 1
	if end == 0 {
		return TicketList{}, fmt.Errorf("ticket list: %w: there is none", ErrSignature)
	}
	text, line := signed[:end], string(signed[end:])
	signature, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(line, listSignature), "\n"))
	if err != nil || listSignature+base64.StdEncoding.EncodeToString(signature)+"\n" != line {
		return TicketList{}, fmt.Errorf("ticket list: %w: its line is malformed", ErrSignature)
	}
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, text, signature) {
		return TicketList{}, fmt.Errorf("ticket list: %w: it is not signed by the expected key", ErrSignature)
	}
	list, err := parseTicketList(string(text))
	if err != nil {
		return TicketList{}, fmt.Errorf("ticket list: %w", err)
	}
	if !list.Key.Equal(key) {
		return TicketList{}, errors.New("ticket list: it names another key than it is signed by")
	}
	return list, nil
}

// MarshalText returns the list's text without a signature. What could not be read again is an error.
func (l TicketList) MarshalText() ([]byte, error) {
	l.Tickets = slices.Clone(l.Tickets)
	slices.SortFunc(l.Tickets, func(a, b ListedTicket) int { return strings.Compare(a.Hash.String(), b.Hash.String()) })
	text := l.text()
	if _, err := parseTicketList(text); err != nil {
		return nil, fmt.Errorf("write ticket list: %w", err)
	}
	return []byte(text), nil
}

func (l TicketList) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n# network: %s\n# key: %s\n# time: %s\n# height: %d\n# tickets: %d\n%s\n", listTitle, l.Network,
		base64.StdEncoding.EncodeToString(l.Key), l.Time.Format(time.RFC3339), l.Height, len(l.Tickets), listColumns)
	for _, t := range l.Tickets {
		registered := listUnknown
		if !t.Registered.IsZero() {
			registered = t.Registered.Format(time.RFC3339)
		}
		fmt.Fprintf(&b, "%s # %s %s %s %s %s\n", t.Hash, known(t.PurchaseHeight), registered, t.FeeStatus,
			cmp.Or(t.Outcome, listUnknown), known(t.SpentHeight))
	}
	return b.String()
}
