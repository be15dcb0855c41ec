package email

import (
	"fmt"
	"time"

	"scrutineer/alerts"
)

// body returns the lines of a mail: on a screen of 72 characters at most 15, whatever the notice says. The parts' limits add
// up to 15: first what the reader must know, last what only helps to find it again.
func (s *Sender) body(n alerts.Notice) []string {
	switch n.Event {
	case alerts.Resolved:
		return recovery(n)
	case alerts.Tested, alerts.Beat, alerts.Began, alerts.Ended:
		return append(append(wrap(what(n), 4), wrap(n.Alert.Impact, 5)...), paragraph("", n.Alert.Action, 4)...)
	}
	if len(n.With) > 0 {
		return s.together(n)
	}
	lines := lead(n)
	lines = append(lines, wrap(what(n), 3-len(lines))...)
	lines = append(lines, wrap(n.Alert.Impact, 3)...)
	lines = append(lines, paragraph("To do: ", n.Alert.Action, 3)...)
	lines = append(lines, "", fmt.Sprintf("Since %s, last seen so %s.", stamp(n.Incident.Since), stamp(n.Incident.LastBad)))
	if seen := clean(n.Alert.Seen); seen != "" {
		lines = append(lines, wrap("Seen by: "+seen, 1)...)
	}
	return append(lines, s.closing(n)...)
}

// bodyLines is how many lines a body has at most.
const bodyLines = 15

// lines returns the body and, for a guest, its nonce. Where there is no room for that it takes the place of the last line, which
// says how to take the incident on: no guest can.
func (s *Sender) lines(n alerts.Notice) []string {
	lines := s.body(n)
	if n.Nonce == "" {
		return lines
	}
	if rows(lines) == bodyLines {
		lines = lines[:len(lines)-1]
	}
	return append(lines, "Nonce: "+cut(clean(n.Nonce), lineWidth-len("Nonce: ")))
}

// what is the trouble in the caller's words, or at least its title.
func what(n alerts.Notice) string {
	if clean(n.Alert.What) == "" {
		return n.Incident.Title + "."
	}
	return n.Alert.What
}

// lead says in one line what is new, where that is not the trouble itself.
func lead(n alerts.Notice) []string {
	i := n.Incident
	switch n.Event {
	case alerts.Worsened:
		return []string{"Worse than before: this is critical now."}
	case alerts.Reminded:
		return []string{fmt.Sprintf("Not over after %s: reminder %d.", span(n.At.Sub(i.Since)), i.Reminders)}
	case alerts.Reopened:
		return []string{fmt.Sprintf("It is back: spell %d since %s.", i.Spells, stamp(i.First))}
	case alerts.Escalated:
		return []string{fmt.Sprintf("Nobody has taken this on for %s: others are told now.", span(n.At.Sub(i.Called)))}
	case alerts.Acknowledged:
		return []string{fmt.Sprintf("%s has taken this on at %s.", orSomebody(i.AckedBy), stamp(i.Acked))}
	}
	return nil
}

func orSomebody(name string) string {
	if name = clean(name); name == "" {
		return "Somebody"
	}
	return cut(name, 30)
}

// next says what comes next from us.
func next(n alerts.Notice) string {
	switch {
	case !n.Incident.Acked.IsZero():
		return "The next mail comes when it is worse or over."
	case n.Remind > 0 && n.Escalate > 0:
		return fmt.Sprintf("Reminder in %s, others called in %s.", span(n.Remind), span(n.Escalate))
	case n.Remind > 0:
		return fmt.Sprintf("Reminder in %s if it is not over.", span(n.Remind))
	case n.Escalate > 0:
		return fmt.Sprintf("Others are called in %s.", span(n.Escalate))
	}
	return "The next mail comes when it is over."
}

// closing says what comes next from us, and how to keep it away.
func (s *Sender) closing(n alerts.Notice) []string {
	lines := []string{fmt.Sprintf("Incident %d. %s", n.Incident.Number, next(n))}
	if s.config.Acknowledge != "" && n.Incident.Acked.IsZero() {
		lines = append(lines, cut(fmt.Sprintf("To take it on: %s %d", s.config.Acknowledge, n.Incident.Number), lineWidth))
	}
	return lines
}

// recovery is the body of an incident's end.
func recovery(n alerts.Notice) []string {
	i := n.Incident
	end := "all well since"
	if i.Gone {
		end = "not watched any more since"
	}
	lines := wrap(fmt.Sprintf("%s: %s %s. It lasted %s.",
		cut(clean(n.Alert.Subject), 40), end, stamp(i.Resolved), span(i.Resolved.Sub(i.Since))), 2)
	lines = append(lines, wrap(n.Outcome, 3)...)
	lines = append(lines, paragraph("It was: ", what(n), 3)...)
	lines = append(lines, "", fmt.Sprintf("From %s to %s.", stamp(i.Since), stamp(i.Resolved)))
	if i.Spells > 1 {
		lines = append(lines, fmt.Sprintf("It came and went %d times since %s.", i.Spells, stamp(i.First)))
	}
	return append(lines, fmt.Sprintf("Incident %d is over. It keeps its number if it returns soon.", i.Number))
}

// stamp writes a time to the second, in UTC. The year stands in the mail's date.
func stamp(t time.Time) string { return t.UTC().Format("2 Jan 15:04:05 UTC") }

// span writes a duration in its two largest units.
func span(d time.Duration) string {
	d = max(d.Round(time.Second), 0)
	seconds, minutes, hours := int(d.Seconds()), int(d.Minutes()), int(d.Hours())
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", seconds)
	case d < time.Hour:
		return units(minutes, "min", seconds%60, "s")
	case d < 24*time.Hour:
		return units(hours, "h", minutes%60, "min")
	}
	return units(hours/24, "d", hours%24, "h")
}

func units(large int, name string, small int, smallName string) string {
	if small == 0 {
		return fmt.Sprintf("%d %s", large, name)
	}
	return fmt.Sprintf("%d %s %d %s", large, name, small, smallName)
}
