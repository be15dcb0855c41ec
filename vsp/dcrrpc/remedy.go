package dcrrpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"syscall"
)

// Remedy returns what the error of a call says is the matter with the daemon, and what to do about it, for people. It is
// empty where the error itself says it as well.
func Remedy(err error) string {
	var (
		strange  x509.UnknownAuthorityError
		misnamed x509.HostnameError
		invalid  x509.CertificateInvalidError
		notTLS   tls.RecordHeaderError
		refusal  net.Error
		dialling *net.OpError
	)
	switch {
	case !errors.Is(err, ErrUnreachable):
		return ""
	case errors.Is(err, ErrCredentials):
		return "it does not take this user and password: compare them with its configuration"
	case errors.As(err, &strange):
		return "it shows another certificate than the one that is trusted here: copy its rpc.cert here once more"
	case errors.As(err, &misnamed):
		return "its certificate is not for this address: make one that is, with gencerts -H"
	case errors.As(err, &invalid):
		return "its certificate is not valid now: see when it ends, and whether both clocks are right"
	case errors.As(err, &notTLS):
		return "what answers there does not speak TLS: see that it runs without --notls or --noservertls"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: see whether it runs, and whether it listens at this address"
	case errors.As(err, &dialling) && dialling.Op == "dial":
		return "no way leads there: see whether its machine is up, and what is on the way"
	case errors.Is(err, ErrSilent), errors.Is(err, context.DeadlineExceeded), errors.As(err, &refusal) && refusal.Timeout():
		return "it takes connections, but does not answer: if that lasts, start it anew"
	}
	return ""
}
