package main

import (
	"github.com/spf13/cobra"

	"scrutineer/cmd/alerting"
	"scrutineer/cmd/configfile"
)

func alertsCommand() *cobra.Command {
	m := alerting.Commands{Program: alertsProgram, Flag: configFlag, Read: readAlerts,
		Load: func(path string) (*alerting.Settings, error) {
			s, err := loadConfig(path)
			if err != nil {
				return nil, err
			}
			return s.alerting, nil
		}}
	return m.Group(m.List(), m.Ack(), m.Test(), m.Maintenance(subjects), m.Guest(), m.DKIM())
}

// readAlerts reads the section as it is written.
func readAlerts(path string) (*configfile.File, *alerting.Config, error) {
	c := defaults()
	file, err := configfile.Read(path, &c)
	if err != nil || c.Alerts == nil {
		return file, nil, err
	}
	return file, &c.Alerts.Config, nil
}

// subjects is all that maintenance can be announced for, by the parts of keys.
func subjects(path string) ([]string, error) {
	s, err := loadConfig(path)
	if err != nil {
		return nil, err
	}
	names := []string{"node", "database", "fees", "backup", "disk", "certificate", "heartbeat"}
	for _, w := range s.Wallet {
		names = append(names, w.Name)
	}
	return names, nil
}
