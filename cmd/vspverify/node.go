package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/decred/dcrd/rpcclient/v8"
	"github.com/spf13/cobra"

	"scrutineer/vsp/dcrrpc"
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

// nodeFlags say which node a command asks.
type nodeFlags struct{ node, cert, user, passFile string }

func (r *nodeFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&r.node, "node", "", "the node's RPC server: host:port or wss://host:port (`URL`)")
	c.Flags().StringVar(&r.cert, "cert", "", "`FILE` with the node's certificate (rpc.cert)")
	c.Flags().StringVar(&r.user, "user", "", "user `NAME` at the node")
	c.Flags().StringVar(&r.passFile, "pass-file", "", "`FILE` with the password at the node")
	for _, name := range []string{"node", "cert", "user", "pass-file"} {
		_ = c.MarkFlagRequired(name) // it fails only for a flag that is not there
	}
}

// config returns how to reach the node.
func (r *nodeFlags) config() (dcrrpc.Config, error) {
	address := r.node
	if strings.Contains(address, "://") {
		parsed, err := url.Parse(address)
		if err != nil || parsed.Scheme != "wss" && parsed.Scheme != "https" {
			return dcrrpc.Config{}, fmt.Errorf("--node: %q is neither host:port nor wss://host:port nor https://host:port", address)
		}
		address = parsed.Host
	}
	if err := checkHostPort(address); err != nil {
		return dcrrpc.Config{}, err
	}
	cert, err := os.ReadFile(r.cert)
	if err != nil {
		return dcrrpc.Config{}, fmt.Errorf("--cert: %w", err)
	}
	if err := checkPEM(cert); err != nil {
		return dcrrpc.Config{}, fmt.Errorf("--cert: %s: %w", r.cert, err)
	}
	password, err := os.ReadFile(r.passFile)
	if err != nil {
		return dcrrpc.Config{}, fmt.Errorf("--pass-file: %w", err)
	}
	return dcrrpc.Config{Address: address, User: r.user, Password: strings.TrimRight(string(password), "\r\n"), CertPEM: cert}, nil
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
