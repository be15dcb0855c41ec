package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"scrutineer/verifier/journal"
)

// What a trial asks a vantage for, over a link. Every answer has the vantage's clock (RFC 3339).
const (
	pathTrial   = "/trial"   // POST: an assignment; 409 says why it is not carried out
	pathJournal = "/journal" // GET ?after=N: a piece of the journal
	headerClock = "Scrutineer-Clock"
)

// pieceSize is how many bytes of entries are sent at once: a slow line takes that in pullTime.
const pieceSize = 1 << 20

// maxTask bounds an assignment, in bytes; certificates are most of it.
const maxTask = 1 << 20

// handler answers the trial.
func (p *post) handler() http.Handler {
	var reading sync.Mutex // a piece takes going over the whole journal: one at a time
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathTrial, func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTask))
		var task assignment
		if err == nil {
			task, err = readAssignment(raw)
		}
		if err != nil {
			p.tell(w, http.StatusBadRequest, err.Error())
			return
		}
		switch err := p.assign(task); {
		case errors.Is(err, errOther):
			p.log.Warn("refused the trial", "err", err)
			p.tell(w, http.StatusConflict, err.Error())
		case err != nil:
			p.tell(w, http.StatusInternalServerError, err.Error())
		default:
			p.tell(w, http.StatusOK, "")
		}
	})
	mux.HandleFunc("GET "+pathJournal, func(w http.ResponseWriter, r *http.Request) {
		after, err := strconv.ParseInt(r.FormValue("after"), 10, 64)
		if err != nil || after < 0 {
			p.tell(w, http.StatusBadRequest, "after: give how many entries you have")
			return
		}
		reading.Lock()
		piece, err := journal.Tail(p.folder, p.key, after, pieceSize)
		reading.Unlock()
		if err != nil {
			p.log.Error("the journal cannot be sent", "err", err)
			p.tell(w, http.StatusInternalServerError, err.Error())
			return
		}
		p.tell(w, http.StatusOK, piece.Text())
	})
	return mux
}

func (p *post) tell(w http.ResponseWriter, status int, text string) {
	w.Header().Set(headerClock, p.now().UTC().Format(time.RFC3339Nano))
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // who is gone asks again
}

// serve answers the trial and watches, until ctx ends.
func (p *post) serve(ctx context.Context, listener net.Listener, config *tls.Config) error {
	server := &http.Server{Handler: p.handler(), ReadHeaderTimeout: pullTime, ReadTimeout: pullTime, WriteTimeout: 2 * pullTime,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelWarn)}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		failed <- server.Serve(tls.NewListener(listener, config))
		cancel()
	}()
	err := p.watch(ctx)
	closeErr := server.Close()
	if serveErr := <-failed; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve the journal on %s: %w", listener.Addr(), serveErr))
	}
	return errors.Join(err, closeErr, p.book.Close())
}
