package probe

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"time"

	"scrutineer/verifier"
)

// secure makes a TLS connection of its own and writes down what was agreed on. A target without TLS has nothing to see.
func secure(ctx context.Context, v *Vantage, _ *verifier.NodeState) []verifier.Observation {
	target, err := url.Parse(v.Target.URL)
	if err != nil || target.Scheme != "https" {
		return nil
	}
	port := target.Port()
	if port == "" {
		port = "443"
	}
	o := verifier.Observation{Endpoint: "TLS"}
	dialer := tls.Dialer{Config: &tls.Config{ServerName: target.Hostname(), RootCAs: v.Roots, MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(target.Hostname(), port))
	if err != nil {
		o.Code, o.Detail = transport(err), err.Error()
		return []verifier.Observation{o}
	}
	defer conn.Close()
	state := conn.(*tls.Conn).ConnectionState()
	o.Code = verifier.OK
	o.TLS = &verifier.TLSState{Version: tls.VersionName(state.Version), NotAfter: state.PeerCertificates[0].NotAfter.UTC().Truncate(time.Second)}
	return []verifier.Observation{o}
}
