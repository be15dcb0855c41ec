package testnet

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

// long is the condition [long] of scenarios.
var long = flag.Bool("long", false, "play the scenarios in their long forms, which take the better part of an hour")

// TestScenarios plays every drill of testdata/scenarios on a network of its own. README.md there is the language.
func TestScenarios(t *testing.T) {
	t.Parallel()
	daemons, programs := testDaemons(t), testPrograms(t, "vsp", "vspverify")
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/scenarios",
		Cmds: scriptCommands(),
		Setup: func(env *testscript.Env) error {
			p := newPlay(env.T().(testing.TB), env.WorkDir, daemons, programs)
			env.Values[playKey{}] = p
			env.Defer(p.close)
			return nil
		},
		Condition: func(condition string) (bool, error) {
			if condition != "long" {
				return false, fmt.Errorf("unknown condition %q: there is only [long]", condition)
			}
			return *long, nil
		},
	})
}

// TestScenarioLanguage makes sure that the language is told of in full where its readers look.
func TestScenarioLanguage(t *testing.T) {
	text, err := os.ReadFile("testdata/scenarios/README.md")
	require.NoError(t, err)
	require.NotEmpty(t, commands)
	for name, c := range commands {
		require.True(t, strings.HasPrefix(c.usage, name), "%s: its usage is %q", name, c.usage)
		require.Contains(t, string(text), "\n    "+c.usage+"\n", "%s is not told of", name)
	}
}

// playKey is where a script keeps its play.
type playKey struct{}

// command is a word of the language.
type command struct {
	usage string // NAME ARGUMENTS, in upper case what stands for something
	do    func(ctx context.Context, p *play, args []string) error
}

// commands is the language.
var commands = map[string]command{
	"network":  {"network [hosts=N] [tickets=N] [patience=TIME] [seed=N]", startNetwork},
	"vsp":      {"vsp [database=mariadb] [frontends=N]", startService},
	"verifier": {"verifier [uptime=SHARE] [latency=TIME] [shopper=N]", startWatch},

	"buy":     {"buy N [unregistered]", buy},
	"process": {"process", processUnmanaged},
	"choose":  {"choose SUBJECT POLICY", choose},
	"tspend":  {"tspend NAME", publishTSpend},
	"offer":   {"offer N [while crashing NAME]", offerTickets},
	"batter":  {"batter NAME N times", batter},
	"load":    {"load N clients M tickets|ends", putUnderLoad},

	"mine":  {"mine N|until EVENT", mine},
	"run":   {"run PACE", run},
	"pause": {"pause", pauseChain},

	"crash":      {"crash NAME...", crash},
	"halt":       {"halt NAME...", onMachines(machine.Stop)},
	"start":      {"start NAME...", onMachines(machine.Start)},
	"freeze":     {"freeze NAME...", onMachines(machine.freeze)},
	"thaw":       {"thaw NAME...", onMachines(machine.thaw)},
	"lock":       {"lock WALLET...", onWallets((*Wallet).Lock)},
	"unlock":     {"unlock WALLET...", onWallets((*Wallet).Unlock)},
	"wipe":       {"wipe WALLET...", onWallets((*Wallet).Wipe)},
	"cut":        {"cut NODE...|verifier|sites|watch-node", cut},
	"join":       {"join NODE...|verifier|sites|watch-node", join},
	"front":      {"front FAULT [for N slots]", watching(front)},
	"record":     {"record", watching(record)},
	"reorganise": {"reorganise N", watching(reorganise)},

	"voted":    {"voted [all]", voted},
	"missed":   {"missed N", missed},
	"held":     {"held", held},
	"fees":     {"fees once", feesOnce},
	"heard":    {"heard", heard},
	"vspinfo":  {"vspinfo FIELD=VALUE...|agrees", vspinfo},
	"answers":  {"answers", answersKnown},
	"refused":  {"refused CODE TEXT", refused},
	"accepted": {"accepted", accepted},
	"working":  {"working", working},
	"rounds":   {"rounds N [blind]", watching(rounds)},
	"report":   {"report [ROW=VERDICT...]", watching(expectReport)},
	"slots":    {"slots ENDPOINT [CAUSE=N...]", watching(slots)},
	"misses":   {"misses WHOSE=N|all...", watching(misses)},
	"shopped":  {"shopped N", watching(shopped)},
	"override": {"override AGENDA CHOICE", override},
	"says":     {"says ROW TEXT", watching(rowSays)},
	"tamper":   {"tamper N", watching(tamper)},
	"refusals": {"refusals [CODE...]", refusals},

	"machines": {"machines [apart=KM] NAME=CITY[,really=CITY][,padding=TIME][,jitter=TIME][,twin=NAME]...", startMachines},
	"survey":   {"survey [without=CITY]", surveyPlaces},
	"places":   {"places ROW=VERDICT...", expectPlaces},
	"told":     {"told ROW|signs|hindered TEXT", placesSay},
}

// watching is a command that needs the verifier.
func watching(do func(context.Context, *play, []string) error) func(context.Context, *play, []string) error {
	return func(ctx context.Context, p *play, args []string) error {
		if p.watch == nil {
			return errors.New("there is no verifier")
		}
		return do(ctx, p, args)
	}
}

// commandTime bounds a command that does not say "within TIME".
const commandTime = 2 * time.Minute

// scriptCommands returns the language as testscript wants it. Any command may end with "within TIME".
func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	all := make(map[string]func(*testscript.TestScript, bool, []string))
	for name := range commands {
		all[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			p := ts.Value(playKey{}).(*play)
			if neg {
				ts.Fatalf("%s cannot be negated", name)
			}
			if err := p.command(name, args); err != nil {
				ts.Fatalf("%v%s", err, p.evidence())
			}
		}
	}
	return all
}

// command carries out a command.
func (p *play) command(name string, args []string) error {
	c, ok := commands[name]
	if !ok {
		return fmt.Errorf("there is no command %s", name)
	}
	limit := commandTime
	if n := len(args); n >= 2 && args[n-2] == "within" {
		var err error
		if limit, err = time.ParseDuration(args[n-1]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		args = args[:n-2]
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	begin := time.Now()
	err := c.do(ctx, p, args)
	if errors.Is(err, errUsage) {
		return fmt.Errorf("usage: %s", c.usage)
	}
	p.say("%s: %.1f s", strings.Join(append([]string{name}, args...), " "), time.Since(begin).Seconds())
	return err
}

// do carries out a line, whose words are parted by blanks.
func (p *play) do(format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	words := strings.Fields(line)
	if err := p.command(words[0], words[1:]); err != nil {
		return fmt.Errorf("%s: %w%s", line, err, p.evidence())
	}
	return nil
}

// errUsage says that a command was given what it does not understand.
var errUsage = errors.New("used wrongly")
