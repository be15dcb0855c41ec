package probe

import (
	"bufio"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp/vspapi"
)

// A fleet is many VSPs in a process of its own, so that what serving costs is not counted as the prober's. Each has a key of
// its own, and they share 16 addresses; the path tells them apart.

// fleetEnv has a process of this test binary serve instead, and says over what.
const fleetEnv = "SCRUTINEER_FLEET"

// Ways to serve.
const (
	overHTTP    = "http"
	overP256    = "https-p256" // a certificate of ECDSA P-256, as most are
	overEd25519 = "https-ed25519"
)

// silentEach is which VSPs of a fleet take a request and never answer: each of so many.
const silentEach = 10

func silent(target int) bool { return target%silentEach == silentEach-1 }

func TestMain(m *testing.M) {
	if way := os.Getenv(fleetEnv); way != "" {
		if err := serveFleet(way); err != nil {
			log.Fatal(err)
		}
		return
	}
	os.Exit(m.Run())
}

// fleet is what the prober has to know.
type fleet struct {
	Scheme    string
	Addresses []string
	CA        []byte // DER
}

func (f fleet) url(target int) string {
	return fmt.Sprintf("%s://%s/%d", f.Scheme, f.Addresses[target%len(f.Addresses)], target)
}

func fleetKey(target int) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(strconv.Itoa(target)))
	return ed25519.NewKeyFromSeed(seed[:])
}

// startFleet runs the VSPs until the test ends.
func startFleet(t testing.TB, way string) fleet {
	t.Helper()
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), fleetEnv+"="+way)
	process.Stderr = os.Stderr
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := process.StdinPipe()
	require.NoError(t, err)
	stdout, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	t.Cleanup(func() {
		require.NoError(t, stdin.Close())
		require.NoError(t, process.Wait())
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	require.NoError(t, err)
	var f fleet
	require.NoError(t, json.Unmarshal(line, &f))
	return f
}

// serveFleet serves until standard input ends.
func serveFleet(way string) error {
	f := fleet{Scheme: "http"}
	server := &http.Server{Handler: http.HandlerFunc(serveTarget), ErrorLog: log.New(io.Discard, "", 0)}
	var listeners []net.Listener
	for i := range 16 {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.77.0.%d:0", i+1))
		if err != nil {
			return err
		}
		listeners = append(listeners, listener)
		f.Addresses = append(f.Addresses, listener.Addr().String())
	}
	if way != overHTTP {
		pair, err := fleetCertificate(way, f.Addresses)
		if err != nil {
			return err
		}
		f.Scheme, f.CA = "https", pair.Certificate[1]
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	for _, listener := range listeners {
		if f.Scheme == "https" {
			go func() { _ = server.ServeTLS(listener, "", "") }()
		} else {
			go func() { _ = server.Serve(listener) }()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(f); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func serveTarget(w http.ResponseWriter, r *http.Request) {
	number, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	target, err := strconv.Atoi(number)
	switch {
	case err != nil:
		http.NotFound(w, r)
	case silent(target):
		<-r.Context().Done()
	case "/"+path == vspapi.PathInfo:
		key := fleetKey(target)
		info := said()
		info.PubKey = key.Public().(ed25519.PublicKey)
		body, _ := json.Marshal(info)
		w.Header().Set(vspapi.ServerSignature, vspapi.Sign(key, body))
		_, _ = w.Write(body)
	default:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<p>Welcome")
	}
}

// fleetCertificate makes a certificate for the addresses, and the authority's that signed it, as a public site has them.
func fleetCertificate(way string, addresses []string) (tls.Certificate, error) {
	authority, err := fleetSigner(way)
	if err != nil {
		return tls.Certificate{}, err
	}
	own, err := fleetSigner(way)
	if err != nil {
		return tls.Certificate{}, err
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: root.NotAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, address := range addresses {
		host, _, _ := net.SplitHostPort(address)
		leaf.IPAddresses = append(leaf.IPAddresses, net.ParseIP(host))
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, authority.Public(), authority)
	if err != nil {
		return tls.Certificate{}, err
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, own.Public(), authority)
	return tls.Certificate{Certificate: [][]byte{leafDER, rootDER}, PrivateKey: own}, err
}

func fleetSigner(way string) (crypto.Signer, error) {
	if way == overEd25519 {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}
