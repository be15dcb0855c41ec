package deployment

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Read reads a description as it is written down. It is strict: a key that nobody knows, and each of its Mistakes, is in the
// error.
func Read(text string) (Deployment, error) {
	var d Deployment
	if err := toml.NewDecoder(strings.NewReader(text)).DisallowUnknownFields().Decode(&d); err != nil {
		return d, explain(err)
	}
	var wrong []error
	for _, m := range d.Mistakes() {
		wrong = append(wrong, fmt.Errorf("%s: %s", m.Key, m.Text))
	}
	return d, errors.Join(wrong...)
}

// explain names the place of what is no TOML, or not what is asked for.
func explain(err error) error {
	var unknown *toml.StrictMissingError
	var wrong *toml.DecodeError
	switch {
	case errors.As(err, &unknown) && len(unknown.Errors) > 0:
		row, _ := unknown.Errors[0].Position()
		return fmt.Errorf("line %d: %s: unknown key", row, strings.Join(unknown.Errors[0].Key(), "."))
	case errors.As(err, &wrong):
		row, _ := wrong.Position()
		return fmt.Errorf("line %d: %s", row, strings.TrimPrefix(wrong.Error(), "toml: "))
	}
	return err
}
