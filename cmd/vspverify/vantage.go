package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scrutineer/cmd/configfile"
	"scrutineer/cmd/program"
	"scrutineer/verifier/link"
)

func vantageCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "vantage",
		Short: "Watch the same VSP from another machine, for a trial",
		Long: `vantage watches a trial's VSP from another machine, with a node of its own, in the same
slots, and writes what it sees to a signed journal of its own. The trial's machine tells
it what to watch, and pulls that journal. It goes on by itself while the trial's machine
is away, and after a kill or a crash, until SIGINT or SIGTERM.

To set one up, and give each side the other's keys:

    trial's machine    vspverify vantage invite > vantage.toml   # copy it over
    this machine       fill in vantage.toml, then
                       vspverify vantage key                     # prints [[vantages]]
    trial's machine    put that into trial.toml, start vspverify run again
    this machine       vspverify vantage

The clocks of both must be right: what a vantage sees does not count while its clock is
off by more than a slot, or the policy's max_skew.
` + postHelp,
		Args: cobra.NoArgs,
	}
	path := postFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		s, err := loadPost(*path, true)
		if err != nil {
			return program.Misuse(err)
		}
		own, key, err := s.keys()
		if errors.Is(err, os.ErrNotExist) {
			return program.Misuse(fmt.Errorf("%w: vspverify vantage key makes it", err))
		} else if err != nil {
			return err
		}
		config, err := own.Server(s.peer)
		if err != nil {
			return err
		}
		listener, err := net.Listen("tcp", s.Listen)
		if err != nil {
			return fmt.Errorf("listen for the trial: %w", err)
		}
		log := slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil))
		p, err := openPost(s, key, log, time.Now)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		log.Info("vantage", "name", s.Name, "trial", s.Trial, "listen", listener.Addr(), "key", own.Public(), "journal_key", key.Public())
		return explainFull(p.serve(c.Context(), listener, config), s.Journal)
	}
	c.AddCommand(vantageKeyCommand(), inviteCommand())
	return c
}

// postFlag adds the flag of the commands that are about a vantage.
func postFlag(c *cobra.Command) *string {
	return c.Flags().String("config", "vantage.toml", "the vantage's configuration `FILE`")
}

func vantageKeyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "key",
		Short: "Make this vantage's keys, and print what to put into trial.toml",
		Long: `key makes the vantage's two keys if they are not there: one proves to the trial's machine
who it is, the other one signs its journal. It prints what to put into trial.toml. A
vantage that has lost its journal needs another name and other keys: two journals of one
key look as if one of them were a forgery.`,
		Args: cobra.NoArgs,
	}
	path := postFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		s, err := loadPost(*path, false)
		if err != nil {
			return program.Misuse(err)
		}
		own, key, err := s.makeKeys()
		if err != nil {
			return err
		}
		_, port, err := net.SplitHostPort(s.Listen)
		if err != nil {
			return program.Misuse(fmt.Errorf("listen: %w", err))
		}
		return writeText(c.OutOrStdout(), fmt.Sprintf(`[[vantages]]
name = %q
address = "HOST:%s"  # where the trial's machine reaches this one
key = %q
journal_key = %q
`, s.Name, port, own.Public(), key.Public()))
	}
	return c
}

func inviteCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "invite",
		Short: "On the trial's machine: print a vantage.toml to fill in",
		Long: `invite makes the key that proves to vantages who we are, if it is not there, and prints a
vantage.toml with that key's public half, to be filled in on the vantage's machine.`,
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		name, keyFile, err := inviting(*path)
		if err != nil {
			return program.Misuse(err)
		}
		key, err := link.ReadKey(keyFile)
		if errors.Is(err, os.ErrNotExist) {
			key, err = link.CreateKey(keyFile)
		}
		if err != nil {
			return err
		}
		_, text, _ := strings.Cut(postHelp, "\n\n")
		return writeText(c.OutOrStdout(), strings.NewReplacer("\n    ", "\n", "    name ", "name ",
			`"vsp.example.org"`, fmt.Sprintf("%q", name), `"BASE64"`, fmt.Sprintf("%q", key.Public())).Replace(text)+"\n")
	}
	return c
}

// inviting returns the trial's name and the file of its link's key. Whatever else is wrong in the configuration may be that
// there is no such key yet.
func inviting(path string) (name, keyFile string, err error) {
	t := &trial{config: defaults(), path: path}
	file, err := configfile.Read(path, &t.config)
	if err != nil {
		return "", "", err
	}
	t.Vantages = nil
	t.checkTarget(file)
	return t.Name, file.Resolve(t.LinkKey), file.Err()
}
