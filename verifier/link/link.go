package link

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"time"
)

// ErrStranger says that whoever is at the other end holds another key than the one that was told.
var ErrStranger = errors.New("who is at the other end of the link is not whose key was told")

// Server returns how to listen for the holder of one key, and nobody else.
func (k Key) Server(peer PublicKey) (*tls.Config, error) {
	config, err := k.config(peer)
	if err == nil {
		config.ClientAuth = tls.RequireAnyClientCert // which one, VerifyConnection says
	}
	return config, err
}

// Client returns an HTTP client that speaks to the holder of one key, and to nobody else. Dial makes the connection below the link; nil: TCP.
func (k Key) Client(peer PublicKey, dial func(ctx context.Context, network, address string) (net.Conn, error)) (*http.Client, error) {
	config, err := k.config(peer)
	if err != nil {
		return nil, err
	}
	config.InsecureSkipVerify = true // there are no authorities and no names: VerifyConnection knows the key
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy, transport.TLSClientConfig = nil, config
	if dial != nil {
		transport.DialContext = dial
	}
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: transport, CheckRedirect: refuse}, nil
}

// config is what both sides have in common. That the other side holds the key of its certificate is proven by the handshake.
func (k Key) config(peer PublicKey) (*tls.Config, error) {
	certificate, err := k.certificate()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{certificate},
		SessionTicketsDisabled: true, // every connection proves both keys
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return ErrStranger
			}
			if key, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey); !ok || !bytes.Equal(key, peer.key) {
				return ErrStranger
			}
			return nil
		},
	}, nil
}

// certificate wraps the key as TLS wants it.
func (k Key) certificate() (tls.Certificate, error) {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0),
		NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)} // without expiry (RFC 5280)
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.private.Public(), k.private)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a link's certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k.private}, nil
}
