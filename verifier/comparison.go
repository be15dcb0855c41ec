package verifier

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Difference is one place where two things are not the same.
type Difference struct {
	Path string // such as "rows[18].numbers[2].value"
	A, B string // as JSON; empty where there is nothing
}

// Compare names every place where two values differ, by what they are in JSON, in the order of their names.
func Compare(a, b any) ([]Difference, error) {
	left, err := tree(a)
	if err != nil {
		return nil, err
	}
	right, err := tree(b)
	if err != nil {
		return nil, err
	}
	var all []Difference
	differ("", left, right, &all)
	return all, nil
}

// tree returns a value as JSON has it, with numbers as they are written.
func tree(value any) (any, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	var t any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&t); err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	return t, nil
}

// absent stands for what only one side has.
type absent struct{}

func differ(path string, a, b any, all *[]Difference) {
	switch left := a.(type) {
	case map[string]any:
		if right, ok := b.(map[string]any); ok {
			differInside(path, left, right, all)
			return
		}
	case []any:
		if right, ok := b.([]any); ok {
			for i := range max(len(left), len(right)) {
				differ(fmt.Sprintf("%s[%d]", path, i), element(left, i), element(right, i), all)
			}
			return
		}
	default:
		if a == b {
			return
		}
	}
	*all = append(*all, Difference{path, written(a), written(b)})
}

func differInside(path string, left, right map[string]any, all *[]Difference) {
	names := make(map[string]bool)
	for _, side := range []map[string]any{left, right} {
		for name := range side {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		inner := name
		if path != "" {
			inner = path + "." + name
		}
		differ(inner, field(left, name), field(right, name), all)
	}
}

func element(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return absent{}
}

func field(object map[string]any, name string) any {
	if value, ok := object[name]; ok {
		return value
	}
	return absent{}
}

func written(value any) string {
	if value == (absent{}) {
		return ""
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return err.Error() // it came from JSON
	}
	return string(raw)
}
