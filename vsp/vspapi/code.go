package vspapi

import (
	"fmt"
	"net/http"
)

// Code is the number by which wallets tell errors apart.
type Code int

// The codes of v3 (vspd types/errors.go).
const (
	BadRequest Code = iota
	InternalError
	VspClosed
	FeeAlreadyReceived
	InvalidFeeTx
	FeeTooSmall
	UnknownTicket
	TicketCannotVote
	FeeExpired
	InvalidVoteChoices
	BadSignature
	InvalidPrivKey
	FeeNotReceived
	InvalidTicket
	CannotBroadcastTicket
	CannotBroadcastFee
	CannotBroadcastFeeUnknownOutputs
	InvalidTimestamp
)

// codes has the HTTP status and the text of every code, in their order.
var codes = [...]struct {
	status  int
	message string
}{
	BadRequest:                       {http.StatusBadRequest, "bad request"},
	InternalError:                    {http.StatusInternalServerError, "internal error"},
	VspClosed:                        {http.StatusBadRequest, "vsp is closed"},
	FeeAlreadyReceived:               {http.StatusBadRequest, "fee tx already received for ticket"},
	InvalidFeeTx:                     {http.StatusBadRequest, "invalid fee tx"},
	FeeTooSmall:                      {http.StatusBadRequest, "fee too small"},
	UnknownTicket:                    {http.StatusBadRequest, "unknown ticket"},
	TicketCannotVote:                 {http.StatusBadRequest, "ticket not eligible to vote"},
	FeeExpired:                       {http.StatusBadRequest, "fee has expired"},
	InvalidVoteChoices:               {http.StatusBadRequest, "invalid vote choices"},
	BadSignature:                     {http.StatusBadRequest, "bad request signature"},
	InvalidPrivKey:                   {http.StatusBadRequest, "invalid private key"},
	FeeNotReceived:                   {http.StatusBadRequest, "no fee tx received for ticket"},
	InvalidTicket:                    {http.StatusBadRequest, "not a valid ticket tx"},
	CannotBroadcastTicket:            {http.StatusInternalServerError, "ticket transaction could not be broadcast"},
	CannotBroadcastFee:               {http.StatusInternalServerError, "fee transaction could not be broadcast"},
	CannotBroadcastFeeUnknownOutputs: {http.StatusPreconditionRequired, "fee transaction could not be broadcast due to unknown outputs"},
	InvalidTimestamp:                 {http.StatusBadRequest, "old or reused timestamp"},
}

func (c Code) known() bool { return c >= 0 && int(c) < len(codes) }

// Status returns the HTTP status that goes with the code.
func (c Code) Status() int {
	if !c.known() {
		return http.StatusInternalServerError
	}
	return codes[c].status
}

// Message returns the code's own text.
func (c Code) Message() string {
	if !c.known() {
		return fmt.Sprintf("unknown error code %d", int(c))
	}
	return codes[c].message
}

// Error is the body of every answer that is not a success. Wallets refuse it with any field more.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return fmt.Sprintf("%s (code %d)", e.Message, int(e.Code)) }
