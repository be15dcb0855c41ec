package vsp

import (
	"errors"
	"fmt"

	"scrutineer/vsp/vspapi"
)

// Error is a refusal: what is told to who asked, and why it came about. Every error of the Service that is not an Error
// is internal: logged whole, and told as "internal error" only.
type Error struct {
	Code    vspapi.Code
	Message string // the code's own text if empty
	Err     error  // the cause, for the log; may be nil
}

func (e *Error) Error() string {
	text := e.Text()
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// Text is what the one who asked is told.
func (e *Error) Text() string {
	if e.Message != "" {
		return e.Message
	}
	return e.Code.Message()
}

// refuse returns an Error with the code's own text.
func refuse(code vspapi.Code, cause error) *Error { return &Error{Code: code, Err: cause} }

// refusef returns an Error with a text of its own.
func refusef(code vspapi.Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// isRefusal reports whether an error says no, rather than that something could not be done.
func isRefusal(err error) bool {
	var refusal *Error
	return errors.As(err, &refusal)
}

// What Store and Chain answer where it decides what happens next. Everything else they return means that they could not
// say.
var (
	ErrNoTicket        = errors.New("no such ticket")
	ErrTicketExists    = errors.New("ticket exists already")
	ErrMoved           = errors.New("another process has scanned on")
	ErrNoAltSigner     = errors.New("no alternate signing address")
	ErrAltSignerExists = errors.New("alternate signing address exists already")
	ErrNoTransaction   = errors.New("no such transaction")
	ErrNoBlock         = errors.New("no block at that height")
	ErrRefused         = errors.New("transaction refused")                // it will never be taken as it is
	ErrOrphan          = errors.New("transaction spends unknown outputs") // it may be taken once they are known
)
