package testnet

import (
	"regexp"
	"strings"
)

// Told is what a mail of our VSP says of one incident.
type Told struct {
	State     string // CRIT, STILL WARN, OK, ...
	Condition string // "wallet-2 is locked"
}

// Lines of such mails: a subject of one incident or of several, and a line of a body that lists them.
var (
	toldSubject = regexp.MustCompile(`^\[([A-Z ]+)\] (.*?)( and \d+ more)? \([^)]*\)( #\d+)?$`)
	toldLine    = regexp.MustCompile(`(?m)^([A-Z ]+) #\d+ (.*?)\r?$`)
)

// Told returns what the mail says of each incident; nothing of a mail that is not of our VSP.
func (m Mail) Told() []Told {
	subject := toldSubject.FindStringSubmatch(m.Subject)
	if subject == nil {
		return nil
	}
	_, body, _ := strings.Cut(string(m.Raw), "\r\n\r\n")
	lines := toldLine.FindAllStringSubmatch(body, -1)
	if subject[3] == "" || len(lines) == 0 {
		return []Told{{subject[1], subject[2]}}
	}
	var told []Told
	for _, line := range lines {
		told = append(told, Told{line[1], line[2]})
	}
	return told
}

// Tells reports whether the mail says that of a condition.
func (m Mail) Tells(text string) bool {
	for _, told := range m.Told() {
		if strings.Contains("["+told.State+"] "+told.Condition, text) {
			return true
		}
	}
	return false
}
