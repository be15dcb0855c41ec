package verifier

import (
	"maps"
	"slices"
)

// Presence is in which slots a vantage showed that it could see: up where it did, unknown where not.
type Presence struct {
	Vantage string
	States  []State
}

// Share counts the slots of the whole window; its coverage is the vantage's.
func (p Presence) Share() Share { return shareOf(p.States) }

// Presences returns the presence of each vantage that is named or has written anything, in the order of their names.
func Presences(w Window, seen []Observation, beats []Beat, names ...string) []Presence {
	slots, _ := rounds(w, seen, beats)
	all := make(map[string][]State)
	states := func(name string) []State {
		if all[name] == nil {
			all[name] = make([]State, w.Slots)
		}
		return all[name]
	}
	for _, name := range names {
		states(name)
	}
	for i, vantages := range slots {
		for name, r := range vantages {
			if of := states(name); r.alive() {
				of[i] = Up
			}
		}
	}
	presences := make([]Presence, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		presences = append(presences, Presence{name, all[name]})
	}
	return presences
}
