package dcrrpc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// keyPair returns a certificate for 127.0.0.1 that nobody has issued, with changes.
func keyPair(t *testing.T, changes ...func(*x509.Certificate)) (tls.Certificate, []byte) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	for _, change := range changes {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func selfSigned(t *testing.T) []byte {
	_, cert := keyPair(t)
	return cert
}

// shaking is deafHTTPS with another certificate.
func shaking(t *testing.T, change func(*x509.Certificate)) (address string, cert []byte) {
	address, cert, _ = deafHTTPS(t, change)
	return address, cert
}

// deafHTTPS shakes hands on TLS and then only reads. End closes all its connections.
func deafHTTPS(t *testing.T, changes ...func(*x509.Certificate)) (address string, cert []byte, end func()) {
	pair, cert := keyPair(t, changes...)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	require.NoError(t, err)
	var conns sync.Map
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Store(conn, true)
			accepting.Go(func() {
				for buf := make([]byte, 1024); err == nil; {
					_, err = conn.Read(buf)
				}
			})
		}
	})
	end = func() {
		listener.Close()
		conns.Range(func(conn, _ any) bool { conn.(net.Conn).Close(); return true })
		accepting.Wait()
	}
	t.Cleanup(end)
	return listener.Addr().String(), cert, end
}
