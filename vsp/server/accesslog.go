package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/go-chi/chi/v5"

	"scrutineer/vsp/vspapi"
)

// entry is what is known of a request besides the obvious. Each request has its own.
type entry struct {
	client  netip.Addr // whom it is counted with; never logged
	limited bool       // the client's requests are limited
	ticket  string
	refused bool
	code    vspapi.Code // if refused
	err     error       // what lies behind a refusal
}

// Answer is what Config.Observe is told of a request that was answered.
type Answer struct {
	Endpoint string // the route's path; "none" for all paths that have no route
	Status   int
	Refused  bool
	Code     vspapi.Code // if Refused
	Took     time.Duration
}

type entryKey struct{}

func entryOf(r *http.Request) *entry {
	e, _ := r.Context().Value(entryKey{}).(*entry)
	return e
}

// observe logs every request in one line, tells Config.Observe of it, and answers for a handler that panics. The line has no
// client's address: tickets and addresses in one place would tell whose tickets they are. What stands before us can log them.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		e := new(entry)
		r = r.WithContext(context.WithValue(r.Context(), entryKey{}, e))
		seen := &recorder{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil {
				s.panicked(seen, r, p)
			}
			s.answered(r, e, seen.status, time.Since(start))
		}()
		next.ServeHTTP(seen, r)
	})
}

func (s *Server) answered(r *http.Request, e *entry, status int, took time.Duration) {
	if l := level(r, e); s.log.Enabled(r.Context(), l) {
		s.log.LogAttrs(r.Context(), l, "request", e.attributes(r, status, took)...)
	}
	if s.config.Observe != nil {
		s.config.Observe(Answer{Endpoint: endpoint(r), Status: status, Refused: e.refused, Code: e.code, Took: took})
	}
}

// panicked answers with an internal error where nothing was sent yet.
func (s *Server) panicked(w *recorder, r *http.Request, p any) {
	if p == http.ErrAbortHandler {
		panic(p)
	}
	s.log.ErrorContext(r.Context(), "panic", "value", fmt.Sprint(p), "stack", string(debug.Stack()))
	if w.status == 0 {
		s.reply(w, r, nil, errPanic)
	}
}

var errPanic = errors.New("panic")

func level(r *http.Request, e *entry) slog.Level {
	var away *turnedAway
	switch endpoint(r) {
	case noEndpoint, pathAlive, pathReady:
		return slog.LevelDebug // passers-by, and who comes every few seconds
	}
	switch {
	case errors.As(e.err, &away):
		return slog.LevelDebug // floods
	case e.refused && e.code == vspapi.InternalError && r.Context().Err() == nil:
		return slog.LevelError
	}
	return slog.LevelInfo
}

// maxErrText is how much of an error is logged, in characters: it may quote what was sent.
const maxErrText = 400

func (e *entry) attributes(r *http.Request, status int, took time.Duration) []slog.Attr {
	attributes := []slog.Attr{
		slog.String("method", r.Method),
		slog.String("endpoint", endpoint(r)),
		slog.Int("status", status),
		slog.Duration("took", took),
	}
	if e.ticket != "" {
		attributes = append(attributes, slog.String("ticket", e.ticket))
	}
	if e.refused {
		attributes = append(attributes, slog.Int("code", int(e.code)))
	}
	if e.err != nil {
		attributes = append(attributes, slog.String("err", fmt.Sprintf("%.*s", maxErrText, e.err)))
	}
	return attributes
}

// endpoint names the route, not what was asked for: that is anybody's text.
func endpoint(r *http.Request) string {
	if routes := chi.RouteContext(r.Context()); routes != nil && routes.RoutePattern() != "" {
		return routes.RoutePattern()
	}
	return noEndpoint
}

const noEndpoint = "none"

// recorder remembers the status that was sent; 0 before.
type recorder struct {
	http.ResponseWriter
	status int
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
