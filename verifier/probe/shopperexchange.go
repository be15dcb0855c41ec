package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"scrutineer/verifier"
	"scrutineer/vsp/vspapi"
)

// question is a request to the VSP about a ticket.
type question struct {
	path    string
	message any
	result  any
	echo    func() []byte // the request that the result says it is an answer to
	secret  string        // what must not be kept of it; empty if all may be
}

// ask signs a request as the ticket's owner and sends it. What comes back is an observation of that one exchange, and the
// refusal, if it was one. It is verified before it is sent that the VSP has no cause to find fault with the signature.
func (s *Shopper) ask(ctx context.Context, t ticket, q question) (verifier.Observation, *vspapi.Error) {
	o := verifier.Observation{At: s.Vantage.Now().UTC()}
	body, err := json.Marshal(q.message)
	var signature string
	if err == nil {
		signature, err = s.Keys.SignMessage(ctx, t.owner, string(body))
	}
	if err == nil {
		err = vspapi.VerifyRequest(t.owner, body, signature, s.Vantage.Target.Network.Params)
	}
	if err != nil {
		o.Code, o.Detail = verifier.WalletAway, fmt.Sprintf("sign a request: %v", err)
		return q.scrubbed(o), nil
	}
	limited, cancel := context.WithTimeout(ctx, exchangeTime)
	defer cancel()
	client := vspapi.Client{URL: s.Vantage.Target.URL, PubKey: s.Vantage.Target.PubKey, HTTP: s.Vantage.HTTP}
	began := s.Vantage.Now()
	answer, err := client.Post(limited, q.path, body, signature, q.result)
	o.Took = s.Vantage.Now().Sub(began)
	var refusal *vspapi.Error
	switch {
	case ctx.Err() != nil:
		o.Code = verifier.Interrupted
	case errors.As(err, &refusal):
		o.Code, o.Detail, o.Raw = s.declined(ctx, q.path, refusal), refusal.Error(), kept(answer)
	case err != nil:
		if o.Code, o.Detail = failure(answer, err); o.Code == verifier.Garbage {
			o.Code = verifier.WrongAnswer
		}
		o.Raw = kept(answer)
	case string(q.echo()) != string(body):
		o.Code, o.Detail = verifier.WrongAnswer, "it is an answer to another request"
		o.Exchange = exchanged(body, signature, answer)
	default:
		o.Code, o.Exchange = verifier.OK, exchanged(body, signature, answer)
	}
	return q.scrubbed(o), refusal
}

func exchanged(body []byte, signature string, answer vspapi.Answer) *verifier.Exchange {
	return &verifier.Exchange{Request: body, ClientSignature: signature, Answer: answer.Body, ServerSignature: answer.Signature}
}

// scrubbed takes out of an observation what must not be kept. A success echoes the whole request, and who knows what a
// refusal says.
func (q question) scrubbed(o verifier.Observation) verifier.Observation {
	if q.secret == "" {
		return o
	}
	o.Exchange = nil
	o.Detail = strings.ReplaceAll(o.Detail, q.secret, "...")
	if o.Raw != nil && (o.Raw.Status == 200 || strings.Contains(string(o.Raw.Body), q.secret)) {
		o.Raw = nil
	}
	return o
}

// declined says what a refusal tells. It is the VSP's to answer for only where nothing on our side can be its cause.
func (s *Shopper) declined(ctx context.Context, path string, refusal *vspapi.Error) verifier.Code {
	switch refusal.Code {
	case vspapi.VspClosed:
		said, o := s.info(ctx)
		switch {
		case o.Code != verifier.OK:
			return verifier.CannotTell
		case said.VspClosed:
			return verifier.Closed
		}
		return verifier.Declined
	case vspapi.CannotBroadcastTicket, vspapi.CannotBroadcastFee, vspapi.CannotBroadcastFeeUnknownOutputs, // its node may not have heard yet
		vspapi.FeeAlreadyReceived, vspapi.FeeExpired, vspapi.InvalidTimestamp: // an earlier answer may have been lost
		return verifier.CannotTell
	case vspapi.InvalidVoteChoices, vspapi.TicketCannotVote: // an agenda it does not know; a ticket that has voted
		if path == vspapi.PathSetVoteChoices {
			return verifier.CannotTell
		}
	}
	return verifier.Declined
}

// here returns what our own node says now.
func (s *Shopper) here(ctx context.Context) *verifier.NodeState {
	height, hash, err := s.Node.BestBlock(ctx)
	if err != nil {
		return nil
	}
	return &verifier.NodeState{Height: height, Hash: verifier.Hash(hash)}
}

// stamp is a request's timestamp.
func (s *Shopper) stamp() int64 { return s.Vantage.Now().Unix() }

// due reports whether a time has passed by the VSP's clock, which may be off by as much as is let pass.
func (s *Shopper) due(unix int64) bool {
	return !s.Vantage.Now().Add(s.Vantage.Policy.MaxSkew).Before(time.Unix(unix, 0))
}
