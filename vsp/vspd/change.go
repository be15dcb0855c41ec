package vspd

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
)

// maxAhead is how far behind its answer the timestamp of a request is believed to be, as in the service.
const maxAhead = 24 * time.Hour

// evidence is what one record says besides being a proof.
type evidence struct {
	timestamp int64  // that the holder gave the request
	feeTx     string // in hex, if the request paid a fee
	surplus   bool   // bytes came behind the message
}

// decodeChange decodes a record of what a holder asked for (vspd database/votechange.go).
func decodeChange(record []byte) (vsp.Change, evidence, []doubt, error) {
	var r struct {
		Request   string `json:"req"`
		Signature string `json:"reqs"`
		Answer    string `json:"rsp"`
	}
	if err := json.Unmarshal(record, &r); err != nil {
		return vsp.Change{}, evidence{}, nil, errors.New("it is no JSON object of texts") // it may hold a voting key
	}
	return readChange(r.Request, r.Signature, r.Answer)
}

// readChange returns a request as we keep it. Its answer is not kept, for it follows from the request and its time; where
// vspd's was another, a doubt says so.
func readChange(request, signature, answer string) (vsp.Change, evidence, []doubt, error) {
	var said vspapi.PayFeeResponse // all that are recorded have these fields
	if err := json.Unmarshal([]byte(answer), &said); err != nil {
		return vsp.Change{}, evidence{}, nil, fmt.Errorf("its answer: %w", err)
	}
	e, err := readRequest(request)
	if err != nil {
		return vsp.Change{}, evidence{}, nil, err
	}
	c := vsp.Change{Request: []byte(request), Signature: signature, Answered: said.Timestamp}
	again, err := json.Marshal(vspapi.PayFeeResponse{Timestamp: c.Answered, Request: c.Request})
	var doubts []doubt
	if err != nil || string(again) != answer {
		doubts = append(doubts, doubt{what: "has an answer that cannot be made again here: keep vspd's file as the proof"})
	}
	if e.surplus {
		doubts = append(doubts, doubt{what: "has bytes behind its message, which barred further choices in vspd"})
	}
	return c, e, doubts, nil
}

// readRequest never says what it has read: it may be a voting key.
func readRequest(request string) (evidence, error) {
	var asked struct {
		Timestamp int64  `json:"timestamp"`
		FeeTx     string `json:"feetx"`
	}
	decoder := json.NewDecoder(strings.NewReader(request))
	if err := decoder.Decode(&asked); err != nil {
		return evidence{}, errors.New("its request is no JSON object with a timestamp")
	}
	surplus := strings.TrimSpace(request[decoder.InputOffset():]) != ""
	return evidence{asked.Timestamp, asked.FeeTx, surplus}, nil
}

// apply tells a ticket what the record of a change of its says: until when choices were set, and when and how much of its
// fee was paid.
func (d *decoder) apply(t *vsp.Ticket, c vsp.Change, e evidence) {
	limit := time.Unix(c.Answered, 0).Add(maxAhead).Unix()
	t.ChoicesSetAt = max(t.ChoicesSetAt, min(e.timestamp, limit))
	if e.feeTx == "" {
		return
	}
	tx, err := decodeTransaction(e.feeTx)
	if err != nil || tx.TxHash() != t.Fee.TxHash {
		return // of a payment that failed
	}
	t.Fee.Received, t.Fee.Paid = time.Unix(c.Answered, 0).UTC(), d.paid(tx, t.Fee.Address)
}
