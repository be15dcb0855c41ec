package configfile

import (
	"fmt"
	"time"
)

// Duration is a time.Duration that is written as "5s", "30m" or "168h".
type Duration time.Duration

// UnmarshalText is for the decoder.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is no duration: write it like 5s, 30m or 168h", text)
	}
	*d = Duration(v)
	return nil
}

// MarshalText is for the encoder.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }
