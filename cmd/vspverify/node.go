package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"

	"github.com/decred/dcrd/rpcclient/v8"
)

// explain adds to an error of talking to a node what to look at.
func explain(err error) error {
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		plain     tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, rpcclient.ErrInvalidAuth):
		return fmt.Errorf("%w\nthe node does not know this user with this password: look at --user and --pass-file", err)
	case errors.As(err, &authority), errors.As(err, &host), errors.As(err, &invalid):
		return fmt.Errorf("%w\n--cert is not the certificate of what answers there", err)
	case errors.As(err, &plain):
		return fmt.Errorf("%w\nwhat answers there does not speak TLS: is this the RPC port, and TLS not turned off?", err)
	}
	return err
}

// checkHostPort makes sure of an address, so that a port left out is not taken for a node that is down.
func checkHostPort(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" {
		return fmt.Errorf("--node: %q is not host:port (dcrd's ports: 9109 mainnet, 19109 testnet3, 19556 simnet)", address)
	}
	return nil
}

// checkPEM makes sure that there is a certificate, because without one no node would ever be believed.
func checkPEM(raw []byte) error {
	block, _ := pem.Decode(raw)
	if block == nil || block.Type != "CERTIFICATE" {
		return errors.New("no certificate in it (PEM)")
	}
	if _, err := x509.ParseCertificate(block.Bytes); err != nil {
		return err
	}
	return nil
}
