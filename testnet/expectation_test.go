package testnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/vspapi"
)

// frontEnd returns a front end that we have left alone.
func (p *play) frontEnd() (*FrontEnd, error) {
	for _, front := range p.vsp.FrontEnds {
		if front.fit() {
			return front, nil
		}
	}
	return nil, errors.New("no front end runs")
}

// voted is the command. What has voted must have voted as chosen.
func voted(_ context.Context, p *play, args []string) error {
	if len(args) > 1 || len(args) == 1 && args[0] != "all" {
		return errUsage
	}
	given, paid := p.witness.given(), p.paid()
	if err := some(paid, "acknowledged tickets"); err != nil {
		return err
	}
	votes := 0
	var errs []error
	for _, ticket := range paid {
		fate, spent := p.fates.Of(ticket)
		switch {
		case spent && fate.Voted:
			votes++
			errs = append(errs, p.asChosen(ticket, fate, given[ticket].chosen))
		case len(args) == 0:
		case spent:
			errs = append(errs, fmt.Errorf("ticket %s was acknowledged, and revoked in block %d", ticket, fate.Height))
		default:
			errs = append(errs, fmt.Errorf("ticket %s was acknowledged, and has not voted yet", ticket))
		}
	}
	p.say("%d of %d acknowledged tickets have voted", votes, len(paid))
	return errors.Join(errs...)
}

// choiceGrace is how many blocks after choices were acknowledged a vote may still be by those before: the wallets need to
// be told.
const choiceGrace = 6

// asChosen says what of a vote is not as its holder has chosen.
func (p *play) asChosen(ticket chainhash.Hash, fate Fate, history []chosen) error {
	var wrong error
	for _, c := range slices.Backward(history) {
		if c.from >= fate.Height {
			continue // acknowledged after the vote
		}
		err := p.matches(fate, c.choices)
		if err == nil {
			return nil
		}
		wrong = errors.Join(wrong, fmt.Errorf("ticket %s voted in block %d: %w", ticket, fate.Height, err))
		if c.from+choiceGrace < fate.Height {
			break
		}
	}
	return wrong
}

// matches holds a vote against choices.
func (p *play) matches(fate Fate, c choices) error {
	if want := voteBits(c); fate.Bits != want {
		return fmt.Errorf("its bits are %#x, not %#x for %v", fate.Bits, want, c.Agendas)
	}
	cast := make(map[chainhash.Hash]string)
	for _, vote := range fate.TSpends {
		cast[vote.Hash] = map[stake.TreasuryVoteT]string{stake.TreasuryVoteYes: "yes", stake.TreasuryVoteNo: "no"}[vote.Vote]
	}
	if want := p.tspendVotes(c, fate.Height-1); !maps.Equal(want, cast) {
		return fmt.Errorf("its votes on treasury spends are %v, not %v", cast, want)
	}
	return nil
}

// missed is the command.
func missed(_ context.Context, p *play, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	want, err := number(args[0])
	if err != nil {
		return err
	}
	var lost []string
	for _, ticket := range p.paid() {
		if fate, spent := p.fates.Of(ticket); spent && !fate.Voted {
			lost = append(lost, fmt.Sprintf("%s in block %d", ticket, fate.Height))
		}
	}
	if len(lost) != want {
		return fmt.Errorf("%d acknowledged tickets were missed, there must be %d: %s", len(lost), want, strings.Join(lost, ", "))
	}
	return nil
}

// held is the command: every voting wallet that can vote has every ticket, and would vote with it as its holder has chosen.
func held(ctx context.Context, p *play, args []string) error {
	if len(args) != 0 {
		return errUsage
	}
	given, tickets := p.witness.given(), p.unspent(p.paid())
	if err := some(tickets, "tickets to hold"); err != nil {
		return err
	}
	for _, host := range p.network.Voting {
		if !host.Wallet.votes() {
			continue
		}
		for i, ticket := range tickets {
			what := fmt.Sprintf("%s to hold all %d tickets", host.Wallet.Name(), len(tickets))
			err := waitUntil(ctx, what, func(ctx context.Context) (bool, string) {
				err := p.holds(ctx, host.Wallet, ticket, promiseOf(given, ticket))
				return err == nil, fmt.Sprintf("%d held; ticket %s: %v", i, ticket, err)
			})
			if err != nil {
				return err
			}
		}
	}
	return settle(ctx)
}

// settle lets the VSP do what it does after it has brought tickets to wallets: it asks their nodes for the winners once more,
// when the tip has stood for two looks. A block that came just then would go without the vote: see Chain.Between. Where blocks
// are minutes apart that hardly happens; here they follow on what was waited for.
func settle(ctx context.Context) error { return pause(ctx, 4*trialCheck) }

func promiseOf(given map[chainhash.Hash]promise, ticket chainhash.Hash) choices {
	p := given[ticket]
	return p.choices()
}

// holds says what a wallet lacks to vote with a ticket as chosen. It asks for one ticket at a time: a list of all can lock a
// dcrwallet up that votes meanwhile.
func (p *play) holds(ctx context.Context, wallet *Wallet, ticket chainhash.Hash, c choices) error {
	agendas, has, err := wallet.RPC.VoteChoices(ctx, ticket)
	if err != nil {
		return err
	}
	if !has {
		return errors.New("not there")
	}
	for _, a := range agendas {
		if want := orAbstain(c.Agendas[a.AgendaID]); a.ChoiceID != want {
			return fmt.Errorf("would vote %s on %s, not %s", a.ChoiceID, a.AgendaID, want)
		}
	}
	for hash, policy := range c.TSpends {
		got, err := wallet.RPC.TSpendPolicy(ctx, hash, ticket)
		if err != nil || got != orAbstain(policy) {
			return fmt.Errorf("would vote %s on treasury spend %s, not %s: %w", got, hash, orAbstain(policy), err)
		}
	}
	for key, policy := range c.Treasury {
		got, err := treasuryPolicy(ctx, wallet.RPC, key, ticket)
		if err != nil || got != orAbstain(policy) {
			return fmt.Errorf("would vote %s on treasury key %s, not %s: %w", got, key, orAbstain(policy), err)
		}
	}
	return nil
}

func orAbstain(choice string) string {
	if choice == "yes" || choice == "no" {
		return choice
	}
	return "abstain"
}

func treasuryPolicy(ctx context.Context, wallet *dcrrpc.Wallet, key string, ticket chainhash.Hash) (string, error) {
	var answer struct {
		Policy string `json:"policy"`
	}
	err := wallet.Call(ctx, &answer, "treasurypolicy", key, ticket)
	return answer.Policy, err
}

// vspinfo is the command.
func vspinfo(ctx context.Context, p *play, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	want, err := options(args, infoFields...)
	agrees := slices.Equal(args, []string{"agrees"})
	if err != nil && !agrees {
		return err
	}
	for _, front := range p.vsp.FrontEnds {
		if !front.fit() {
			continue
		}
		err := p.until(ctx, front.Name()+" to say "+strings.Join(args, " "), func(ctx context.Context) (bool, string) {
			info, err := front.info(ctx)
			if err != nil {
				return false, err.Error()
			}
			if agrees {
				if want, err = p.count(ctx); err != nil {
					return false, err.Error()
				}
			}
			return says(info, want)
		})
		if err != nil {
			return err
		}
	}
	p.say("vspinfo says %v", want)
	return nil
}

// infoFields is what of vspinfo a script may ask for.
var infoFields = []string{"voting", "voted", "missed", "expired", "totalvotingwallets", "votingwalletsonline", "vspclosed"}

// says reports whether vspinfo has these values.
func says(info vspapi.Info, want map[string]string) (bool, string) {
	raw, err := json.Marshal(info)
	if err != nil {
		return false, err.Error()
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		return false, err.Error()
	}
	var seen []string
	same := true
	for _, field := range slices.Sorted(maps.Keys(want)) {
		got := fmt.Sprint(fields[field])
		same = same && got == want[field]
		seen = append(seen, fmt.Sprintf("%s=%s, not %s", field, got, want[field]))
	}
	return same, strings.Join(seen, "; ")
}

// count is what vspinfo must say of the tickets that have paid, counted on the chain alone.
func (p *play) count(ctx context.Context) (map[string]string, error) {
	payments, err := p.payments(ctx)
	if err != nil {
		return nil, err
	}
	counts := map[string]int{"voting": 0, "voted": 0, "missed": 0, "expired": 0}
	for ticket, promise := range p.witness.given() {
		if len(payments.to(promise.addresses)) == 0 {
			continue
		}
		switch fate, spent := p.fates.Of(ticket); {
		case !spent:
			counts["voting"]++
		case fate.Voted:
			counts["voted"]++
		case fate.Expired:
			counts["expired"]++
		default:
			counts["missed"]++
		}
	}
	texts := make(map[string]string)
	for name, n := range counts {
		texts[name] = fmt.Sprint(n)
	}
	return texts, nil
}

// refusals is the command. That a fee was received already is what every wallet is told that asks twice.
func refusals(_ context.Context, p *play, args []string) error {
	var allowed []vspapi.Code
	for _, arg := range args {
		code, err := number(arg)
		if err != nil {
			return err
		}
		allowed = append(allowed, vspapi.Code(code))
	}
	seen := p.witness.refused()
	p.say("refusals by code: %v", seen)
	for code, n := range seen {
		if code != vspapi.FeeAlreadyReceived && !slices.Contains(allowed, code) {
			return fmt.Errorf("%d requests were refused with code %d, %s", n, code, code.Message())
		}
	}
	return nil
}
