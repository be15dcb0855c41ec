package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"scrutineer/cmd/configfile"
	"scrutineer/cmd/program"
)

func checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration, the database, the node and every wallet",
		Long: `check names every mistake in the configuration with its line, and then looks at
all that the configuration names: whether the database opens with this sealing
key and lets the account do what it must, and whether node and wallets are fit.
It changes nothing, and can be used while the service runs.

Exit code 1 says that something is wrong.`,
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	offline := c.Flags().Bool("offline", false, "look at the configuration only")
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		x := &examination{path: *path}
		if err := x.configuration(); err != nil {
			return err
		}
		if !*offline {
			x.database(c.Context())
			x.daemons(c.Context())
		}
		write := x.write
		if *asJSON {
			write = func(out io.Writer) error { return writeJSON(out, x.findings) }
		}
		return errors.Join(write(c.OutOrStdout()), x.verdict())
	}
	return c
}

// loadConfig is load with the exit code that mistakes have.
func loadConfig(path string) (*settings, error) {
	s, err := load(path)
	var mistakes *configfile.Mistakes
	if errors.As(err, &mistakes) {
		return nil, program.AnswerNo(fmt.Errorf("%s in the configuration:\n%w", plural(len(mistakes.List), "mistake"), err))
	}
	return s, err
}

// finding is what was found of one thing.
type finding struct {
	Subject string `json:"subject"` // a key of the configuration, "database", "node", or a wallet's name
	At      string `json:"at"`      // file and line, or address
	OK      bool   `json:"ok"`
	Text    string `json:"text"`

	mistake bool // in the file: its line comes first, as compilers write it
}

// examination is all that vsp check finds.
type examination struct {
	path     string
	settings *settings
	mistakes *configfile.Mistakes // nil if there are none
	findings []finding
}

func (x *examination) add(subject, at, good string, err error) {
	f := finding{Subject: subject, At: at, OK: err == nil, Text: good}
	if err != nil {
		f.Text = err.Error()
	}
	x.findings = append(x.findings, f)
}

// configuration returns an error only if there is none to read.
func (x *examination) configuration() (err error) {
	x.settings, err = load(x.path)
	switch {
	case errors.As(err, &x.mistakes):
		for _, m := range x.mistakes.List {
			at := x.path
			if m.Line > 0 {
				at = fmt.Sprintf("%s:%d", x.path, m.Line)
			}
			x.add(m.Key, at, "", errors.New(m.Text))
			x.findings[len(x.findings)-1].mistake = true
		}
	case err != nil:
		return err
	default:
		x.add("configuration", x.path, "in order", nil)
	}
	if key := x.settings.signingKey; key != nil {
		x.add("public key", "", base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey)), nil)
	}
	return nil
}

// sound reports whether nothing is wrong with any key that begins so: what depends on it can be looked at.
func (x *examination) sound(prefixes ...string) bool {
	if x.mistakes == nil {
		return true
	}
	for _, m := range x.mistakes.List {
		for _, prefix := range prefixes {
			if m.Key == "" || strings.HasPrefix(m.Key, prefix) {
				return false
			}
		}
	}
	return true
}

func (x *examination) write(out io.Writer) error {
	for _, f := range x.findings {
		text := f.Subject
		switch {
		case f.mistake && f.Subject == "":
			text = f.At
		case f.mistake:
			text = f.At + ": " + f.Subject
		case f.At != "":
			text += " (" + f.At + ")"
		}
		for i, line := range wrap(text+": "+f.Text, columns-2) {
			if i > 0 {
				line = "  " + line
			}
			if _, err := fmt.Fprintln(out, line); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *examination) verdict() error {
	wrong := 0
	for _, f := range x.findings {
		if !f.OK {
			wrong++
		}
	}
	if wrong == 0 {
		return nil
	}
	return program.AnswerNo(fmt.Errorf("%s wrong", pluralOf(wrong, "thing is", "things are")))
}
