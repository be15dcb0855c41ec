package vspapi

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
)

// What a ticket's line may say.
var (
	listedFees     = []string{"none", "received", "broadcast", "confirmed", "error"}
	listedOutcomes = []string{listUnknown, "voted", "missed", "expired"}
)

// parseTicketList reads the text of a list without its signature. Only the one spelling that a list has is taken.
func parseTicketList(text string) (TicketList, error) {
	head, rest, found := strings.Cut(text, listColumns+"\n")
	if !found {
		return TicketList{}, errors.New("it has no head")
	}
	list, err := parseListHead(head)
	if err != nil {
		return TicketList{}, err
	}
	before := ""
	for line := range strings.Lines(rest) {
		t, err := parseListLine(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return TicketList{}, fmt.Errorf("ticket %d: %w", len(list.Tickets)+1, err)
		}
		hash := t.Hash.String()
		if hash <= before {
			return TicketList{}, fmt.Errorf("ticket %d: it comes twice, or is out of order", len(list.Tickets)+1)
		}
		before = hash
		list.Tickets = append(list.Tickets, t)
	}
	if list.text() != text {
		return TicketList{}, errors.New("it is spelled in another way than lists are")
	}
	return list, nil
}

// parseListHead reads the lines above the columns' names. What does not fit together shows when the text is made anew.
func parseListHead(head string) (list TicketList, err error) {
	fields := map[string]string{}
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "# ")), ": ")
		fields[name] = value
	}
	list.Network = fields["network"]
	if list.Network == "" || strings.ContainsFunc(list.Network, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return list, errors.New("it names no network")
	}
	if list.Key, err = base64.StdEncoding.DecodeString(fields["key"]); err != nil || len(list.Key) == 0 {
		return list, errors.New("its key is not base64")
	}
	if list.Time, err = parseListTime(fields["time"]); err != nil {
		return list, err
	}
	list.Height, err = strconv.ParseInt(fields["height"], 10, 64)
	if err != nil || list.Height < 0 {
		return list, errors.New("its height is no number")
	}
	return list, nil
}

func parseListLine(line string) (t ListedTicket, err error) {
	fields := strings.Split(line, " ")
	if len(fields) != listFields {
		return t, fmt.Errorf("%d fields where %d should be", len(fields), listFields)
	}
	if err := chainhash.Decode(&t.Hash, fields[0]); err != nil {
		return t, fmt.Errorf("its hash: %w", err)
	}
	if t.PurchaseHeight, err = parseKnown(fields[2]); err != nil {
		return t, err
	}
	if fields[3] != listUnknown {
		if t.Registered, err = parseListTime(fields[3]); err != nil {
			return t, err
		}
	}
	t.FeeStatus, t.Outcome = fields[4], fields[5]
	if !slices.Contains(listedFees, t.FeeStatus) {
		return t, errors.New("its fee's status is unknown")
	}
	if !slices.Contains(listedOutcomes, t.Outcome) {
		return t, errors.New("its outcome is unknown")
	}
	if t.SpentHeight, err = parseKnown(fields[6]); err != nil {
		return t, err
	}
	if t.Outcome == listUnknown {
		t.Outcome = ""
	}
	if t.Outcome == "" && t.SpentHeight != 0 {
		return t, errors.New("it has ended in no way")
	}
	return t, nil
}

func parseListTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, errors.New("a time is not RFC 3339")
	}
	return t.UTC(), nil
}

// known writes a height of which 0 says that it is not known.
func known(height int64) string {
	if height == 0 {
		return listUnknown
	}
	return strconv.FormatInt(height, 10)
}

func parseKnown(text string) (int64, error) {
	if text == listUnknown {
		return 0, nil
	}
	height, err := strconv.ParseInt(text, 10, 64)
	if err != nil || height < 1 {
		return 0, errors.New("a height is no number")
	}
	return height, nil
}
