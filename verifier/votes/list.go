package votes

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/decred/dcrd/chaincfg/chainhash"
)

// ReadTickets reads a list of tickets: one hash per line, empty lines and what follows a # left out. Its errors name the
// line.
func ReadTickets(r io.Reader) ([]chainhash.Hash, error) {
	var tickets []chainhash.Hash
	lines := bufio.NewScanner(r)
	for number := 1; ; number++ {
		if !lines.Scan() {
			if err := lines.Err(); err != nil {
				return nil, fmt.Errorf("line %d: %w", number, err)
			}
			return tickets, nil
		}
		text, _, _ := strings.Cut(lines.Text(), "#")
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		ticket, err := parseHash(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		tickets = append(tickets, ticket)
	}
}

// parseHash is stricter than package chainhash, which fills up hashes that are too short.
func parseHash(text string) (chainhash.Hash, error) {
	var hash chainhash.Hash
	if len(text) != chainhash.MaxHashStringSize {
		return hash, fmt.Errorf("%.80q is not a ticket's hash: it has %d characters, a hash has %d", text, len(text), chainhash.MaxHashStringSize)
	}
	if err := chainhash.Decode(&hash, text); err != nil {
		return hash, fmt.Errorf("%.80q is not a ticket's hash: %w", text, err)
	}
	return hash, nil
}
