package verifier

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// ReadDrills reads a drill log, one JSON object a line. Its errors name the line.
func ReadDrills(text string) ([]Drill, error) {
	var drills []Drill
	for i, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		var d Drill
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&d); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		if decoder.More() {
			return nil, fmt.Errorf("line %d: more than one drill", i+1)
		}
		if mistake := d.Mistake(); mistake != "" {
			return nil, fmt.Errorf("line %d: %s", i+1, mistake)
		}
		drills = append(drills, d)
	}
	return drills, nil
}

// DrillLog is the faults that somebody made on purpose, as they were written down.
type DrillLog struct {
	Drills    []Drill // as the log has them last
	Withdrawn []Drill // that it had before; each with the entry that took it out
}

// next takes in the log after a change.
func (l *DrillLog) next(entry int64, drills []Drill) {
	before := slices.Clone(l.Drills)
	l.Drills = nil
	for _, d := range drills {
		d.Entry = entry
		same := func(other Drill) bool { other.Entry = entry; return other == d }
		if i := slices.IndexFunc(before, same); i >= 0 {
			d.Entry = before[i].Entry
			before = slices.Delete(before, i, i+1)
		}
		l.Drills = append(l.Drills, d)
	}
	for _, d := range before {
		d.Entry = entry
		l.Withdrawn = append(l.Withdrawn, d)
	}
}
