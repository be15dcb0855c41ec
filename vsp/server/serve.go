package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Time limits. A request is small, but may come through Tor. An answer may have to wait for a ticket's parent, and for
// the node; actTimeout ends before writeTimeout, so that there is an answer.
const (
	headerTimeout   = 5 * time.Second
	readTimeout     = 15 * time.Second
	actTimeout      = 45 * time.Second
	writeTimeout    = 75 * time.Second
	idleTimeout     = 2 * time.Minute
	shutdownTimeout = 10 * time.Second
)

// Serve answers the public's requests from a listener until the context ends, and then finishes what it has begun. How many
// connections there are at once is left to the system's limit of open files.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	return s.serve(ctx, listener, s)
}

// ServePrivate is Serve for Private.
func (s *Server) ServePrivate(ctx context.Context, listener net.Listener) error {
	return s.serve(ctx, listener, s.Private())
}

func (s *Server) serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve on %v: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := server.Shutdown(ending)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	<-served
	if err != nil {
		return fmt.Errorf("stop serving on %v: %w", listener.Addr(), err)
	}
	return nil
}
