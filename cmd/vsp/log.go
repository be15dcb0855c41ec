package main

import (
	"fmt"
	"io"
	"log/slog"
)

func logLevel(name string) (slog.Level, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return 0, fmt.Errorf("%q is unknown: use debug, info, warn or error", name)
	}
	return level, nil
}

// newLog returns the log that a configuration asks for, and what changes its level.
func newLog(w io.Writer, s *settings) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	at, _ := logLevel(s.Log.Level) // it was checked when the configuration was loaded
	level.Set(at)
	options := &slog.HandlerOptions{Level: level}
	if s.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options)), level
	}
	return slog.New(slog.NewTextHandler(w, options)), level
}
