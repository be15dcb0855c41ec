package vspd

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/decred/dcrd/chaincfg/v3"

	"scrutineer/vsp"
)

// choices decodes how a ticket is to vote.
func (d *decoder) choices(t *vsp.Ticket, get fields) ([]doubt, error) {
	for key, into := range map[string]*map[string]string{
		"VoteChoices": &t.Choices.Agendas, "TSpendPolicy": &t.Choices.TSpends, "TreasuryPolicy": &t.Choices.Treasury,
	} {
		value := get(key)
		if value == nil {
			continue // older than the key
		}
		if err := json.Unmarshal(value, into); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	var doubts []doubt
	if t.Outcome == vsp.NoOutcome {
		doubts = d.dropChoices(t)
	}
	doubts = append(doubts, lowerKeys(t.Choices.TSpends)...)
	doubts = append(doubts, lowerKeys(t.Choices.Treasury)...)
	for _, m := range []*map[string]string{&t.Choices.Agendas, &t.Choices.TSpends, &t.Choices.Treasury} {
		if len(*m) == 0 {
			*m = nil
		}
	}
	return doubts, nil
}

// dropChoices drops the choices on agendas that no wallet knows any more: vspd drops them as well, once a wallet refuses
// them.
func (d *decoder) dropChoices(t *vsp.Ticket) (doubts []doubt) {
	for _, agenda := range slices.Sorted(maps.Keys(t.Choices.Agendas)) {
		if !d.votable(agenda, t.Choices.Agendas[agenda]) {
			doubts = append(doubts, doubt{"has a choice that cannot be voted any more: it was left out", agenda})
			delete(t.Choices.Agendas, agenda)
		}
	}
	return doubts
}

// votable reports whether the newest votes can carry a choice.
func (d *decoder) votable(agenda, choice string) bool {
	return slices.ContainsFunc(d.network.Params.Deployments[d.network.VoteVersion], func(c chaincfg.ConsensusDeployment) bool {
		return c.Vote.Id == agenda && slices.ContainsFunc(c.Vote.Choices, func(c chaincfg.Choice) bool { return c.Id == choice })
	})
}

// lowerKeys gives the keys of policies their one spelling. Of two spellings the lower one counts, as in requests.
func lowerKeys(policies map[string]string) (doubts []doubt) {
	for _, key := range slices.Sorted(maps.Keys(policies)) {
		lower := strings.ToLower(key)
		if lower == key {
			continue
		}
		if kept, twice := policies[lower]; !twice {
			policies[lower] = policies[key]
		} else if kept != policies[key] {
			doubts = append(doubts, doubt{"has two policies for one key: the one in lower case was taken", lower})
		}
		delete(policies, key)
	}
	return doubts
}
