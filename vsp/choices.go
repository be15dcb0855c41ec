package vsp

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"

	"scrutineer/vsp/network"
)

// maxPolicies is how many policies are kept of a ticket, of either kind. A request can bring vspapi.MaxPolicies, but a
// ticket lives through many requests.
const maxPolicies = 128

// publicKeySize is the size of a treasury key, in bytes: a compressed secp256k1 key.
const publicKeySize = 33

// checkAgendas says what is wrong with the choices on agendas, in vspd's words.
func checkAgendas(profile network.Profile, agendas map[string]string) error {
	deployments := profile.Params.Deployments[profile.VoteVersion]
	for _, id := range slices.Sorted(maps.Keys(agendas)) {
		i := slices.IndexFunc(deployments, func(d chaincfg.ConsensusDeployment) bool { return d.Vote.Id == id })
		if i < 0 {
			return fmt.Errorf("agenda %q not found for vote version %d", id, profile.VoteVersion)
		}
		known := func(c chaincfg.Choice) bool { return c.Id == agendas[id] }
		if !slices.ContainsFunc(deployments[i].Vote.Choices, known) {
			return fmt.Errorf("choice %q not found for agenda %q", agendas[id], id)
		}
	}
	return nil
}

// checkTreasury says what is wrong with the policies on treasury keys, in vspd's words.
func checkTreasury(policies map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(policies)) {
		raw, err := hex.DecodeString(key)
		if err != nil {
			return fmt.Errorf("error decoding treasury key %q: %w", key, err)
		}
		if len(raw) != publicKeySize {
			return fmt.Errorf("treasury key %q is not %d bytes", key, publicKeySize)
		}
		if err := checkPolicy(policies[key]); err != nil {
			return err
		}
	}
	return nil
}

// checkTSpends says what is wrong with the policies on treasury spends, in vspd's words.
func checkTSpends(policies map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(policies)) {
		if len(key) != chainhash.MaxHashStringSize {
			return fmt.Errorf("wrong tspend hash length, expected %d got %d", chainhash.MaxHashStringSize, len(key))
		}
		if _, err := chainhash.NewHashFromStr(key); err != nil {
			return fmt.Errorf("error decoding tspend hash %q: %w", key, err)
		}
		if err := checkPolicy(policies[key]); err != nil {
			return err
		}
	}
	return nil
}

// checkPolicy says whether a wallet takes a policy.
func checkPolicy(policy string) error {
	switch policy {
	case "yes", "no", "abstain", "invalid", "":
		return nil
	}
	return fmt.Errorf("%q is not a valid policy option", policy)
}

// check says what is wrong with a holder's choices, in the order of vspd.
func (c Choices) check(profile network.Profile) error {
	if err := checkAgendas(profile, c.Agendas); err != nil {
		return err
	}
	if err := checkTreasury(c.Treasury); err != nil {
		return err
	}
	return checkTSpends(c.TSpends)
}

// merge returns the choices with those of later put over them. Neither is changed.
func (c Choices) merge(later Choices) (Choices, error) {
	merged := Choices{
		Agendas:  merge(c.Agendas, later.Agendas),
		TSpends:  merge(c.TSpends, lowerKeys(later.TSpends)),
		Treasury: merge(c.Treasury, lowerKeys(later.Treasury)),
	}
	for name, policies := range map[string]map[string]string{"tspend": merged.TSpends, "treasury": merged.Treasury} {
		if len(policies) > maxPolicies {
			return Choices{}, fmt.Errorf("more than %d %s policies", maxPolicies, name)
		}
	}
	return merged, nil
}

// replace returns the choices with those kinds of later that are not nil instead of their own. A wallet that pays sends all
// that it has of a kind.
func (c Choices) replace(later Choices) Choices {
	if later.Agendas != nil {
		c.Agendas = later.Agendas
	}
	if later.TSpends != nil {
		c.TSpends = later.TSpends
	}
	if later.Treasury != nil {
		c.Treasury = later.Treasury
	}
	return c
}

func merge(m, later map[string]string) map[string]string {
	merged := make(map[string]string, len(m)+len(later))
	maps.Copy(merged, m)
	maps.Copy(merged, later)
	return merged
}

// lowerKeys gives every key its one spelling, so that a policy that is set again replaces the one set before. Of two
// spellings in one request the lower one counts.
func lowerKeys(policies map[string]string) map[string]string {
	if policies == nil {
		return nil
	}
	lower := make(map[string]string, len(policies))
	for _, key := range slices.Sorted(maps.Keys(policies)) { // capitals sort before small letters
		lower[strings.ToLower(key)] = policies[key]
	}
	return lower
}
