package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"
	"time"

	"scrutineer/verifier"
	"scrutineer/vsp/vspapi"
)

// apiVersion is the version of the protocol that a VSP must speak.
const apiVersion = 3

// info asks for the VSP's statement about itself, and checks all of it that can be checked at once.
func info(ctx context.Context, v *Vantage, own *verifier.NodeState) verifier.Observation {
	client := vspapi.Client{URL: v.Target.URL, PubKey: v.Target.PubKey, HTTP: v.HTTP}
	began := v.Now()
	said, answer, err := client.Info(ctx)
	o := verifier.Observation{Endpoint: vspapi.PathInfo, Node: own}
	if answer.Status != 0 {
		body := answer.Body
		o.Raw = &verifier.Raw{Status: answer.Status, Body: body[:min(len(body), verifier.MaxRaw)], Signature: answer.Signature}
	}
	if code, detail := failure(answer, err); code != verifier.OK {
		o.Code, o.Detail = code, detail
		return o
	}
	o.Code, o.Detail = v.judge(said, began, v.Now(), own)
	return o
}

// failure says how an exchange went wrong, or OK.
func failure(answer vspapi.Answer, err error) (verifier.Code, string) {
	switch {
	case answer.Status != 0 && answer.Status != http.StatusOK:
		return verifier.BadStatus, fmt.Sprintf("HTTP %d", answer.Status)
	case err == nil:
		return verifier.OK, ""
	case errors.Is(err, vspapi.ErrSignature):
		return verifier.BadSignature, err.Error()
	case answer.Status != 0 && !isTransport(err):
		return verifier.Garbage, err.Error()
	default:
		return transport(err), err.Error()
	}
}

// isTransport reports whether reading an answer was cut short, as opposed to its contents making no sense.
func isTransport(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF)
}

// transport tells apart how a connection fails, above all where the cause may be with us.
func transport(err error) verifier.Code {
	var dns *net.DNSError
	var verify *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	var alert *net.OpError // what crypto/tls wraps an alert in
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return verifier.NoName
	case errors.As(err, &dns):
		return verifier.NoResolver
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.ENETDOWN), errors.Is(err, syscall.EADDRNOTAVAIL),
		errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.EPERM):
		return verifier.NoRoute
	case errors.Is(err, syscall.ECONNREFUSED):
		return verifier.Refused
	case errors.As(err, &verify), errors.As(err, &authority), errors.As(err, &record),
		errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error"),
		errors.Is(err, http.ErrSchemeMismatch):
		return verifier.BadTLS
	default:
		return verifier.NoAnswer
	}
}

// timely reports whether a statement was stamped while we waited for it, give or take what clocks may differ.
func (v *Vantage) timely(stamp, began, ended time.Time) bool {
	return !stamp.Before(began.Add(-v.Policy.MaxSkew)) && !stamp.After(ended.Add(v.Policy.MaxSkew))
}

// strayed is how far our clock was set since we began.
func (v *Vantage) strayed() time.Duration {
	if v.Strayed == nil {
		return 0
	}
	return v.Strayed()
}

// judge checks a statement whose signature is right. Its height may be as old as a slot, besides the policy's lag: vspd renews
// what it says once a minute, and within one as many blocks as the lag come every few hours.
func (v *Vantage) judge(said vspapi.Info, began, ended time.Time, own *verifier.NodeState) (verifier.Code, string) {
	stamp := time.Unix(said.Timestamp, 0)
	took, slow := ended.Sub(began), verifier.SlowFactor*v.Policy.TargetLatency
	height := int64(said.BlockHeight)
	switch {
	case !bytes.Equal(said.PubKey, v.Target.PubKey):
		return verifier.WrongKey, fmt.Sprintf("key %x", said.PubKey)
	case said.Network != v.Target.Network.Name:
		return verifier.WrongNetwork, fmt.Sprintf("network %q", said.Network)
	case !slices.Contains(said.APIVersions, apiVersion):
		return verifier.NoVersion3, fmt.Sprintf("versions %v", said.APIVersions)
	case !v.timely(stamp, began, ended) && v.timely(stamp, began.Add(-v.strayed()), ended.Add(-v.strayed())):
		return verifier.OurClock, "stamped " + stamp.UTC().Format(time.RFC3339) + ", which fits our clock before it was set"
	case !v.timely(stamp, began, ended):
		return verifier.StaleAnswer, "stamped " + stamp.UTC().Format(time.RFC3339)
	case took > slow:
		return verifier.Slow, fmt.Sprintf("took %v, more than %v", took.Round(time.Millisecond), slow)
	case own == nil:
		return verifier.NodeNotKnown, ""
	case height < own.Height-v.Policy.MaxLagBlocks && v.before == nil:
		return verifier.NodeNotKnown, fmt.Sprintf("height %d, ours is %d, and was not seen a slot before", height, own.Height)
	case v.before != nil && height < min(v.before.Height, own.Height)-v.Policy.MaxLagBlocks:
		return verifier.StaleHeight, fmt.Sprintf("height %d, ours is %d, and was %d a slot before", height, own.Height, v.before.Height)
	case height > own.Height+v.Policy.MaxLagBlocks:
		return verifier.AheadOfUs, fmt.Sprintf("height %d, ours is %d", height, own.Height)
	default:
		return verifier.OK, ""
	}
}
