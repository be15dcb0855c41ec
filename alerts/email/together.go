package email

import (
	"fmt"
	"strings"

	"scrutineer/alerts"
)

// named is how many incidents a mail of several lists.
const named = 5

// together is the body of a mail that tells several events: which, the worst first, and what the first of them means.
func (s *Sender) together(n alerts.Notice) []string {
	lines := []string{headline(n)}
	all := append([]alerts.Part{{Event: n.Event, Incident: n.Incident}}, n.With...)
	for i, p := range all {
		if i == named-1 && len(all) > named {
			lines = append(lines, fmt.Sprintf("and %d more%s", len(all)-i, s.list()))
			break
		}
		word := state(alerts.Notice{Event: p.Event, Incident: p.Incident})
		lines = append(lines, cut(fmt.Sprintf("%s #%d %s", word, p.Incident.Number, clean(p.Incident.Title)), lineWidth))
	}
	lines = append(lines, wrap(n.Alert.Impact, 2)...)
	lines = append(lines, paragraph("To do first: ", n.Alert.Action, 2)...)
	lines = append(lines, "", fmt.Sprintf("The first since %s.", stamp(n.Incident.Since)), fmt.Sprintf("Incident %d. %s", n.Incident.Number, next(n)))
	if s.config.Acknowledge != "" && n.Incident.Acked.IsZero() {
		lines = append(lines, cut(fmt.Sprintf("To take all on: %s --group %d", s.config.Acknowledge, n.Incident.Number), lineWidth))
	}
	return lines
}

// list says which command lists incidents: the one beside that which takes them on.
func (s *Sender) list() string {
	if group, ok := strings.CutSuffix(s.config.Acknowledge, " ack"); ok {
		return ": " + group + " list"
	}
	return ""
}

// headline says what has become of several incidents at once.
func headline(n alerts.Notice) string {
	count := len(n.With) + 1
	switch n.Event {
	case alerts.Reminded:
		return fmt.Sprintf("%d incidents are not over after %s:", count, span(n.At.Sub(n.Incident.Since)))
	case alerts.Escalated:
		return fmt.Sprintf("Nobody has taken %d incidents on for %s:", count, span(n.At.Sub(n.Incident.Called)))
	case alerts.Acknowledged:
		return fmt.Sprintf("%s has taken %d incidents on:", orSomebody(n.Incident.AckedBy), count)
	}
	return fmt.Sprintf("%d things went wrong together:", count)
}
