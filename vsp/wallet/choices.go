package wallet

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrjson/v4"

	"scrutineer/vsp/dcrrpc"
)

// abstain is the choice of whoever made none, on agendas (chaincfg params) and as a policy.
const abstain = "abstain"

// subject is what a choice is about.
type subject int

const (
	agenda subject = iota
	tspend
	treasuryKey
)

// change is a choice of one ticket that a wallet has to be told.
type change struct {
	subject    subject
	key, value string
}

// treasuryPolicies is what a wallet's tickets vote on treasury spends, by ticket, then by key in lower case.
type treasuryPolicies map[string]map[string]string

func (v *voter) treasuryPolicies(ctx context.Context) (treasuryPolicies, error) {
	list, err := v.rpc.TreasuryPolicies(ctx)
	if err != nil {
		return nil, err
	}
	all := make(treasuryPolicies)
	for _, p := range list {
		if all[p.Ticket] == nil {
			all[p.Ticket] = make(map[string]string)
		}
		all[p.Ticket][strings.ToLower(p.Key)] = p.Policy
	}
	return all, nil
}

// agendaChanges returns what must change of a ticket's choices on agendas. The wallet's own default counts where the ticket
// has none.
func (v *voter) agendaChanges(w want, choices []dcrrpc.Choice) []change {
	wanted := maps.Clone(w.Choices.Agendas)
	current := make(map[string]string)
	for _, c := range choices {
		current[c.AgendaID] = c.ChoiceID
		if wanted[c.AgendaID] == "" {
			wanted[c.AgendaID] = abstain
		}
	}
	return slices.DeleteFunc(differing(agenda, wanted, current), v.refused.has)
}

// differing returns the changes that turn one set of policies into another. A missing one is an abstention.
func differing(about subject, wanted, current map[string]string) []change {
	var changes []change
	for key, policy := range wanted {
		if now, ok := current[key]; now != policy && (ok || policy != abstain) {
			changes = append(changes, change{about, key, policy})
		}
	}
	for key := range current {
		if _, ok := wanted[key]; !ok {
			changes = append(changes, change{about, key, abstain})
		}
	}
	return changes
}

// policies returns policies in one spelling: keys in lower case, and one word for abstention, of which the protocol knows
// three.
func policies(given map[string]string) map[string]string {
	one := make(map[string]string, len(given))
	for key, policy := range given {
		if policy != "yes" && policy != "no" {
			policy = abstain
		}
		one[strings.ToLower(key)] = policy
	}
	return one
}

// policyChanges returns what must change of a ticket's policies. A wallet tells a policy on a treasury spend only when asked
// for it, and where there is none it tells the one for the key. So an abstention that does not show is insisted on once on
// each connection.
func (v *voter) policyChanges(ctx context.Context, w want, treasury treasuryPolicies) ([]change, error) {
	changes := differing(treasuryKey, policies(w.Choices.Treasury), treasury[w.Ticket.String()])
	wanted, current := policies(w.Choices.TSpends), make(map[string]string)
	for hash, policy := range wanted {
		if policy == abstain && v.withdrawn.has(withdrawal{w.Ticket, hash}) {
			delete(wanted, hash)
			continue
		}
		now, err := v.rpc.TSpendPolicy(ctx, hash, w.Ticket)
		if unknown(err) {
			v.refuse(change{tspend, hash, policy}, err)
			delete(wanted, hash)
			continue
		}
		if err != nil {
			return nil, err
		}
		current[hash] = now
	}
	changes = append(changes, differing(tspend, wanted, current)...)
	return slices.DeleteFunc(changes, v.refused.has), nil
}

// bringPolicies makes a ticket's policies what they should be, whether or not the wallet has the ticket.
func (v *voter) bringPolicies(ctx context.Context, w want, treasury treasuryPolicies) error {
	changes, err := v.policyChanges(ctx, w, treasury)
	if err != nil {
		return err
	}
	return v.carryOut(ctx, w, changes)
}

// carryOut tells the wallet some changes of one ticket, and notes those that it does not know.
func (v *voter) carryOut(ctx context.Context, w want, changes []change) error {
	for _, c := range changes {
		err := v.tell(ctx, w.Ticket, c)
		if unknown(err) {
			v.refuse(c, err)
			continue
		}
		if err != nil {
			return err
		}
		if c.subject == tspend && c.value == abstain {
			v.withdrawn.add(withdrawal{w.Ticket, c.key})
		} else if c.subject == tspend {
			v.withdrawn.remove(withdrawal{w.Ticket, c.key})
		}
	}
	return nil
}

// refuse notes a choice that the wallet does not know.
func (v *voter) refuse(c change, err error) {
	if v.refused.add(c) {
		v.log.Warn("wallet does not know a choice; its tickets abstain", "key", c.key, "value", c.value, "err", err)
	}
}

// tell carries out one change.
func (v *voter) tell(ctx context.Context, ticket chainhash.Hash, c change) error {
	switch c.subject {
	case tspend:
		return v.setPolicy(func() error { return v.rpc.SetTSpendPolicy(ctx, c.key, c.value, ticket) })
	case treasuryKey:
		return v.setPolicy(func() error { return v.rpc.SetTreasuryPolicy(ctx, c.key, c.value, ticket) })
	default:
		return v.rpc.SetVoteChoice(ctx, c.key, c.value, ticket)
	}
}

// setPolicy sets one policy at a time. While dcrwallet 2.1.6 casts a vote it reads its database and wants the lock on its
// policies; while it sets one it has that lock and writes the database. If the file has just to grow, the writer waits for
// the reader, and the wallet has locked up for good (wallet/wallet.go, SetTSpendPolicy; wallet/chainntfns.go,
// VoteOnOwnedTickets; go.etcd.io/bbolt, "Caveats"). That is rare on a database of the size that real networks' have, common
// on a small one, and the more so the more policies a vote has to wait for.
func (v *voter) setPolicy(set func() error) error {
	v.policies.Lock()
	defer v.policies.Unlock()
	return set()
}

// unknown reports whether the wallet said that there is no such choice (dcrwallet wallet/wallet.go, SetAgendaChoices, and
// internal/rpc/jsonrpc/methods.go). Asking again will not help until it is replaced by another version.
func unknown(err error) bool {
	switch code, ok := dcrrpc.Code(err); {
	case !ok:
		return false
	case code == dcrjson.ErrRPCInvalidParameter, code == dcrjson.ErrRPCDecodeHexString:
		return true
	}
	return strings.Contains(err.Error(), "no agenda with ID") || strings.Contains(err.Error(), "has no choice ID")
}

// withdrawal is a policy on a treasury spend that a ticket has no more.
type withdrawal struct {
	ticket chainhash.Hash
	tspend string
}

// memory is what we remember of a wallet while a connection lasts. It is safe for concurrent use.
type memory[K comparable] struct {
	mu   sync.Mutex
	seen map[K]bool
}

func (m *memory[K]) has(k K) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen[k]
}

// add reports whether k is new.
func (m *memory[K]) add(k K) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen[k] {
		return false
	}
	if m.seen == nil {
		m.seen = make(map[K]bool)
	}
	m.seen[k] = true
	return true
}

func (m *memory[K]) remove(k K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.seen, k)
}

func (m *memory[K]) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.seen)
}
