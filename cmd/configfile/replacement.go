package configfile

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Replaced returns the file's text with another value of a key, and everything else as it is. The value must be a string on
// the key's own line, which has no escapes.
func (f *File) Replaced(key, before, after string) ([]byte, error) {
	row, ok := f.lines[key]
	if !ok {
		return nil, fmt.Errorf("%s is not in %s", key, f.path)
	}
	lines := strings.SplitAfter(string(f.data), "\n")
	line := lines[row-1]
	if strings.ContainsAny(after, "\"'\\\r\n") || strings.Count(line, before) != 1 || before == "" {
		return nil, fmt.Errorf("%s in line %d of %s cannot be replaced by itself: edit the file", key, row, f.path)
	}
	lines[row-1] = strings.Replace(line, before, after, 1)
	text := []byte(strings.Join(lines, ""))
	if err := toml.NewDecoder(bytes.NewReader(text)).Decode(new(map[string]any)); err != nil {
		return nil, fmt.Errorf("replace %s in %s: %w", key, f.path, err)
	}
	return text, nil
}
