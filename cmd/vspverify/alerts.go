package main

import (
	"github.com/spf13/cobra"

	"scrutineer/cmd/alerting"
	"scrutineer/cmd/configfile"
	"scrutineer/cmd/program"
)

// alertsHelp is its part of the configuration's help.
const alertsHelp = `
    [alerts]                  # mails what vspverify run sees, of the VSP and of itself;
                              # left out: nobody is told
    smtp = "mail.example.org:587"
    tls = "starttls"          # "none" only for a mail server on this machine
    ca_file = ""              # who vouches for its certificate; the system's roots
    user = ""                 # with password_file, where the server asks for one
    password_file = ""
    from = "vspverify@example.org"
    to = ["first@example.org"]
    remind_every = "30m"      # while nobody acknowledges (vspverify alerts ack)
    escalate_to = []          # who is called when nobody acknowledges what is critical
    escalate_after = "15m"
    heartbeat_every = "24h"   # a mail that alerts work, so that silence is noticed
    heartbeat_to = []         # who gets it; left out: to
    heartbeat_url = ""        # is asked each minute while mail goes out
    store = "alerts.db"       # keeps incidents across restarts

    [alerts.dkim]             # signs mails; vspverify alerts dkim makes the key
    domain = "example.org"
    selector = "vspverify"
    key_file = "dkim.key"`

// alertsProgram is whose alerts they are.
var alertsProgram = alerting.Program{Name: "vspverify", Service: "vspverify run"}

func (t *trial) checkAlerts(file *configfile.File) {
	if t.Alerts != nil {
		t.alerting = alerting.Check(file, t.Alerts, alertsProgram, t.Name)
	}
}

func alertsCommand() *cobra.Command {
	m := alerting.Commands{Program: alertsProgram, Flag: configFlag,
		Load: func(path string) (*alerting.Settings, error) {
			t, err := load(path)
			if err != nil {
				return nil, program.Misuse(err)
			}
			return t.alerting, nil
		},
		Read: func(path string) (*configfile.File, *alerting.Config, error) {
			c := defaults()
			file, err := configfile.Read(path, &c)
			return file, c.Alerts, err
		}}
	return m.Group(m.List(), m.Ack(), m.Test(), m.DKIM())
}
