package testnet

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"scrutineer/vsp/vspapi"
)

// relay stands between the verifier and the VSP, as nginx does before a front end, and fails as one may, or lies as an
// operator would who has the VSP's key.
type relay struct {
	URL    string
	CAFile string // of the certificate that it shows when all is well

	vsp, address string
	key          ed25519.PrivateKey // the VSP's
	good, other  tls.Certificate

	mu       sync.Mutex // owns what follows
	fault    fault
	recorded []byte // a vspinfo of earlier
	server   *http.Server
}

// startRelay returns a relay that passes everything on to the VSP, which is reached at url. Its certificates are made in folders of dir.
func startRelay(v *VSP, url, address, dir string) (*relay, error) {
	r := &relay{URL: "https://" + address, CAFile: filepath.Join(dir, "good", "rpc.cert"), vsp: url, address: address,
		fault: faults[well]}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	for name, into := range map[string]*tls.Certificate{"good": &r.good, "other": &r.other} {
		folder := filepath.Join(dir, name)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
		made, err := newCertificate(folder, time.Now(), []string{host})
		if err != nil {
			return nil, err
		}
		if *into, err = tls.LoadX509KeyPair(made.certFile, made.keyFile); err != nil {
			return nil, err
		}
	}
	if r.key, err = signingKey(filepath.Join(v.dir, "signing.key")); err != nil {
		return nil, err
	}
	return r, r.open()
}

func signingKey(path string) (ed25519.PrivateKey, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("%s is no PEM", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	return key.(ed25519.PrivateKey), nil
}

// open takes connections. Must be called with mu held, or before anybody else has the relay.
func (r *relay) open() error {
	listener, err := net.Listen("tcp", r.address)
	if err != nil {
		return err
	}
	r.server = &http.Server{Handler: r, ErrorLog: log.New(io.Discard, "", 0), TLSConfig: &tls.Config{GetCertificate: r.certificate}}
	go func() { _ = r.server.ServeTLS(listener, "", "") }() // it ends with the server
	return nil
}

// close takes no more connections, and breaks off those there are.
func (r *relay) close() error {
	if r.server == nil {
		return nil
	}
	err := r.server.Close()
	r.server = nil
	return err
}

func (r *relay) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fault.otherCertificate {
		return &r.other, nil
	}
	return &r.good, nil
}

// set makes the relay fail in a way, or not any more. That must not be while somebody asks.
func (r *relay) set(f fault) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = f
	switch {
	case f.gone:
		return r.close()
	case r.server == nil:
		return r.open()
	default:
		return nil
	}
}

// record keeps what the VSP says of itself, to be repeated later.
func (r *relay) record(ctx context.Context) error {
	_, answer, err := (&vspapi.Client{URL: r.vsp, PubKey: r.key.Public().(ed25519.PublicKey), HTTP: patient}).Info(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recorded = answer.Body
	return err
}

// ServeHTTP passes the VSP's answer on, or what the fault makes of it.
func (r *relay) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	f := r.fault
	r.mu.Unlock()
	if f.delay > 0 {
		if pause(request.Context(), f.delay) != nil {
			return
		}
	}
	if f.status != 0 {
		http.Error(w, http.StatusText(f.status), f.status)
		return
	}
	status, header, body, err := r.ask(request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if change := f.change[request.URL.Path]; change != nil && status == http.StatusOK {
		if body, err = change(r, header, body); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	for _, name := range []string{"Content-Type", vspapi.ServerSignature} {
		w.Header().Set(name, header.Get(name))
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// ask lets the VSP answer.
func (r *relay) ask(request *http.Request) (int, http.Header, []byte, error) {
	ahead, err := http.NewRequestWithContext(request.Context(), request.Method, r.vsp+request.URL.Path, request.Body)
	if err != nil {
		return 0, nil, nil, err
	}
	ahead.Header.Set(vspapi.ClientSignature, request.Header.Get(vspapi.ClientSignature))
	answer, err := patient.Do(ahead)
	if err != nil {
		return 0, nil, nil, err
	}
	body, err := io.ReadAll(answer.Body)
	return answer.StatusCode, answer.Header, body, errors.Join(err, answer.Body.Close())
}
