package main

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strings"

	"scrutineer/verifier"
)

// faultKind is a kind of fault that a demonstration can ask for.
type faultKind struct{ name, what, mend string }

// faultKinds are those that every VSP must tell its operators of. Each is about one wallet or machine, so that it can be made on
// any of them.
var faultKinds = []faultKind{
	{"wallet-killed", "Kill dcrwallet on one voting host (kill -9).", "Start it again, and unlock it."},
	{"wallet-hangs", "Halt dcrwallet on another voting host (kill -STOP).", "Let it go on (kill -CONT)."},
	{"wallet-locked", "Lock one voting wallet (walletlock).", "Unlock it (walletpassphrase)."},
	{"voting-off", "Start one voting wallet without --enablevoting.", "Start it with --enablevoting, and unlock it."},
	{"wallet-node", "Stop dcrd on one voting host.", "Start it again."},
	{"wallet-behind", "Cut dcrd on one voting host from all its peers.", "Give it its peers back."},
	{"two-wallets", "Kill dcrwallet on two voting hosts at once.", "Start both again, and unlock them."},
	{"all-wallets", "Kill dcrwallet on all voting hosts. Votes may be missed.", "Start all again, and unlock them."},
	{"front-node", "Stop dcrd on the front end.", "Start it again."},
	{"front-alone", "Cut dcrd on the front end from all its peers.", "Give it its peers back."},
	{"database", "Stop the database.", "Start it again."},
	{"service", "Stop the VSP's own service, as a crash does.", "Start it again."},
}

// faultsHelp lists them.
func faultsHelp() string {
	var b strings.Builder
	for _, k := range faultKinds {
		fmt.Fprintf(&b, "\n    %-14s  %s", k.name, k.what)
	}
	return b.String()
}

// chooseFaults returns what --faults names: kinds, parted by commas; or a file with a line NAME | WHAT TO BREAK | HOW TO MEND IT
// for each; or all kinds, where it names none.
func chooseFaults(text string) ([]verifier.AlertFault, error) {
	kinds := faultKinds
	if raw, err := os.ReadFile(text); text != "" && err == nil {
		if kinds, err = readFaults(string(raw)); err != nil {
			return nil, fmt.Errorf("--faults %s: %w", text, err)
		}
	} else if text != "" {
		kinds = nil
		for name := range strings.SplitSeq(text, ",") {
			i := slices.IndexFunc(faultKinds, func(k faultKind) bool { return k.name == strings.TrimSpace(name) })
			if i < 0 {
				return nil, fmt.Errorf("--faults: %q is neither a kind of fault nor a file; there are:%s", name, faultsHelp())
			}
			kinds = append(kinds, faultKinds[i])
		}
	}
	faults := make([]verifier.AlertFault, 0, len(kinds))
	for _, k := range kinds {
		if slices.ContainsFunc(faults, func(f verifier.AlertFault) bool { return f.Name == k.name }) {
			return nil, fmt.Errorf("--faults: %s is there twice", k.name)
		}
		faults = append(faults, verifier.AlertFault{Name: k.name, What: k.what, Mend: k.mend, Nonce: newNonce()})
	}
	return faults, nil
}

func readFaults(text string) ([]faultKind, error) {
	var kinds []faultKind
	for lines, n := bufio.NewScanner(strings.NewReader(text)), 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Split(line, "|")
		if len(parts) != 3 {
			return nil, fmt.Errorf("line %d: write NAME | WHAT TO BREAK | HOW TO MEND IT", n)
		}
		k := faultKind{strings.TrimSpace(parts[0]), strings.TrimSpace(parts[1]), strings.TrimSpace(parts[2])}
		if k.name == "" || strings.ContainsAny(k.name, " \t") || k.what == "" {
			return nil, fmt.Errorf("line %d: a name is one word, and what to break must be said", n)
		}
		kinds = append(kinds, k)
	}
	return kinds, nil
}

// newNonce returns one that nobody can guess, and that any address and header can hold: 60 bits, in lower case.
func newNonce() string { return strings.ToLower(rand.Text()[:12]) }
