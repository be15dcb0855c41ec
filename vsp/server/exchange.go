package server

import (
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

// info answers GET vspinfo.
func (s *Server) info(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), actTimeout)
	defer cancel()
	answer, err := s.currentInfo(ctx)
	s.reply(w, r, answer, err)
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
		request := read(r)
		if hash, ok := request.Ticket(); ok {
			entryOf(r).ticket = hash.String()
		}
		answer, err := act(ctx, request)
		s.reply(w, r, answer, err)
	}
}

func read(r *http.Request) vsp.Request {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return vsp.Unreadable("request body could not be read", err)
	}
	if len(body) > maxBody {
		_, err := io.CopyN(io.Discard, r.Body, maxDrain)
		return vsp.Unreadable(fmt.Sprintf("request body is larger than %d bytes", maxBody), err)
	}
	return vsp.NewRequest(body, r.Header.Get(vspapi.ClientSignature))
}

// reply signs and writes an answer, or a refusal.
func (s *Server) reply(w http.ResponseWriter, r *http.Request, answer any, err error) {
	status := http.StatusOK
	if err != nil {
		refusal := refusalFor(err)
		entry := entryOf(r)
		entry.err, entry.refused, entry.code = err, true, refusal.Code
		answer, status = refusal, refusal.Code.Status()
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", answer, err)) // our own types always encode
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set(vspapi.ServerSignature, vspapi.Sign(s.config.Key, body))
	w.WriteHeader(status)
	_, _ = w.Write(body) // who is gone asks again
}

// refusalFor is what is told of an error. What is not a refusal is nobody's business but the log's.
func refusalFor(err error) vspapi.Error {
	var refusal *vsp.Error
	if !errors.As(err, &refusal) {
		return vspapi.Error{Code: vspapi.InternalError, Message: vspapi.InternalError.Message()}
	}
	return vspapi.Error{Code: refusal.Code, Message: refusal.Text()}
}
