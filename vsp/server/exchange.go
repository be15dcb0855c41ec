package server

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
)

const (
	maxBody  = 1 << 20 // of a request, in bytes
	maxDrain = 4 << 20 // what is read on beyond that, so that the one who still sends gets to read the answer
)

// told is an answer with its signature.
type told struct {
	body      []byte
	signature string
}

// info answers GET vspinfo. What it tells stays the same for a second at least, and need not be signed again: signing would
// take most of the time.
func (s *Server) info(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), actTimeout)
	defer cancel()
	info, err := s.currentInfo(ctx)
	if err != nil {
		s.reply(w, r, nil, err)
		return
	}
	body, last := encode(info), s.lastInfo.Load()
	if last == nil || !bytes.Equal(last.body, body) {
		last = &told{body, vspapi.Sign(s.config.Key, body)}
		s.lastInfo.Store(last)
	}
	last.write(w, http.StatusOK)
}

func (s *Server) currentInfo(ctx context.Context) (vspapi.Info, error) {
	info, err := s.config.Service.Info(ctx)
	info.PubKey = s.config.Key.Public().(ed25519.PublicKey)
	return info, err
}

// post answers requests with an act of the protocol.
func post[A any](s *Server, act func(context.Context, vsp.Request) (A, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), actTimeout)
		defer cancel()
		request, done, err := s.read(r)
		if err != nil {
			s.reply(w, r, nil, err)
			return
		}
		defer done()
		if hash, ok := request.Ticket(); ok {
			entryOf(r).ticket = hash.String()
		}
		answer, err := act(ctx, request)
		s.reply(w, r, answer, err)
	}
}

// read returns a request, even one that cannot be read: which of its faults is told first is for the act to say. Its memory
// is spoken for until done is called. The error is that there is none for a large body.
func (s *Server) read(r *http.Request) (request vsp.Request, done func(), err error) {
	done = func() {}
	var body bytes.Buffer
	body.Grow(int(min(max(r.ContentLength, 0), smallBody)) + bytes.MinRead)
	_, err = body.ReadFrom(io.LimitReader(r.Body, smallBody+1))
	if err == nil && body.Len() > smallBody {
		select {
		case s.large <- struct{}{}:
			done = func() { <-s.large }
		default:
			return vsp.Request{}, nil, errBusy
		}
		_, err = body.ReadFrom(io.LimitReader(r.Body, maxBody-smallBody))
	}
	switch {
	case err != nil:
		return vsp.Unreadable("request body could not be read", err), done, nil
	case body.Len() > maxBody:
		_, err := io.CopyN(io.Discard, r.Body, maxDrain)
		return vsp.Unreadable(fmt.Sprintf("request body is larger than %d bytes", maxBody), err), done, nil
	}
	return vsp.NewRequest(body.Bytes(), r.Header.Get(vspapi.ClientSignature)), done, nil
}

// reply signs and writes an answer, or a refusal.
func (s *Server) reply(w http.ResponseWriter, r *http.Request, answer any, err error) {
	status := http.StatusOK
	if err != nil {
		var refusal vspapi.Error
		status, refusal = refusalFor(err)
		entry := entryOf(r)
		entry.err, entry.refused, entry.code = err, true, refusal.Code
		answer = refusal
		var away *turnedAway
		if errors.As(err, &away) {
			away.setAfter(w)
		}
	}
	body := encode(answer)
	told{body, vspapi.Sign(s.config.Key, body)}.write(w, status)
}

func encode(answer any) []byte {
	body, err := json.Marshal(answer)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", answer, err)) // our own types always encode
	}
	return body
}

func (t told) write(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set(vspapi.ServerSignature, t.signature)
	w.WriteHeader(status)
	_, _ = w.Write(t.body) // who is gone asks again
}

// refusalFor is what is told of an error. What is not a refusal is nobody's business but the log's.
func refusalFor(err error) (status int, told vspapi.Error) {
	var refusal *vsp.Error
	var away *turnedAway
	switch {
	case errors.As(err, &refusal):
		return refusal.Code.Status(), vspapi.Error{Code: refusal.Code, Message: refusal.Text()}
	case errors.As(err, &away):
		return away.status, vspapi.Error{Code: away.code, Message: away.text}
	}
	internal := vspapi.InternalError
	return internal.Status(), vspapi.Error{Code: internal, Message: internal.Message()}
}
