package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"scrutineer/cmd/configfile"
	"scrutineer/cmd/program"
	"scrutineer/vsp/deployment"
)

const monitHelp = `monit writes the control file of monit for each host of a deployment into
DIR: HOST.monitrc, readable by you alone. On each host it belongs to
/etc/monit/monitrc, owned by root, mode 0600; then monit -t && monit reload.

Voting hosts: dcrd and dcrwallet run and answer, the wallet is unlocked and
votes (dcrctl). Front ends: dcrd, vsp and nginx run, /healthz and /readyz
answer, the certificate is good for three weeks, backups are made. Database
hosts: MariaDB runs and answers. Everywhere: disks, memory, load, the clock.
Mail goes out over verified TLS, waits for a mail server that is away, and is
repeated every half hour until all is well, which is told too.

The deployment needs a section more than a reviewer asks for:

    [monitoring]
    mail_server = "mail.example.org:587"   # 25, 587: STARTTLS; others: TLS
    mail_user = "monit@example.org"
    mail_password_file = "mail.password"
    from = "monit@example.org"
    to = ["operator@example.org"]
    site = "vsp.example.org"

and has defaults for the rest: every = 30 (seconds), mail_tls = "none" (for a
mail server on the host itself), ca_file, state, disks, clock, vsp, backups,
node_rpc, wallet_rpc, wallet_info, database.

monit is no replacement for [alerts]: it sees one host, and mails from there.`

func monitCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "monit --deployment FILE DIR",
		Short: "Write monit's control file for each machine",
		Long:  monitHelp,
		Args:  cobra.ExactArgs(1),
	}
	path := c.Flags().String("deployment", "", "the description of the machines, a `FILE`")
	_ = c.MarkFlagRequired("deployment") // it fails only for a flag that is not there
	c.RunE = func(c *cobra.Command, args []string) error {
		files, err := renderMonit(*path)
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := writePrivately(filepath.Join(args[0], f.Name), f.Text); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is for /etc/monit/monitrc on %s.\n", filepath.Join(args[0], f.Name), f.Host)
		}
		return nil
	}
	return c
}

// renderMonit reads a deployment and renders its control files.
func renderMonit(path string) ([]deployment.File, error) {
	var d deployment.Deployment
	file, err := configfile.Read(path, &d)
	if err != nil {
		return nil, program.Misuse(fmt.Errorf("--deployment: %w", err))
	}
	if file.Err() == nil {
		for _, m := range d.Mistakes() {
			file.Wrong(m.Key, "%s", m.Text)
		}
	}
	password := ""
	switch {
	case d.Monitoring == nil:
		file.Wrong("monitoring", "is missing: see vsp monit --help")
	case d.Monitoring.MailUser != "":
		password = file.Secret("monitoring.mail_password_file", d.Monitoring.MailPasswordFile)
	}
	if err := file.Err(); err != nil {
		return nil, program.AnswerNo(err)
	}
	return d.Monit(password)
}

// writePrivately writes a file that nobody else may read, whole or not at all, and makes its folder.
func writePrivately(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make %s: %w", filepath.Dir(path), err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
