package deployment_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/testnet"
)

// patience bounds each wait: ten times what a loaded machine takes.
const patience = 90 * time.Second

// stand is a voting host whose daemons are stand-ins, watched by a real monit that mails over verified TLS.
type stand struct {
	sink   *testnet.Sink
	wallet testnet.Program
	disk   string
	rpc    string // address of the wallet's
	config *tls.Config
}

// TestMonitMailsOfFaults makes real faults, and reads the mails of each and of its end.
func TestMonitMailsOfFaults(t *testing.T) {
	if os.Geteuid() != 0 && os.Getenv("CI") != "true" {
		t.Skip("NOT CHECKED: only root may listen where mail is given, and fill a disk of its own")
	}
	s := newStand(t)
	process := s.run(t)
	listener := s.listen(t)
	s.watch(t)

	process.Kill()
	s.mailed(t, "dcrwallet: Does not exist")
	process = s.run(t)
	s.mailed(t, "dcrwallet: Exists")

	require.NoError(t, listener.Close())
	s.mailed(t, "dcrwallet_rpc: Connection failed")
	s.listen(t)
	s.mailed(t, "dcrwallet_rpc: Connection succeeded")

	full := filepath.Join(s.disk, "full")
	require.NoError(t, os.WriteFile(full, make([]byte, 950<<10), 0o600))
	s.mailed(t, "disk_0: Resource limit matched")
	require.NoError(t, os.Remove(full))
	s.mailed(t, "disk_0: Resource limit succeeded")
	process.Kill()
}

func newStand(t *testing.T) *stand {
	t.Helper()
	_, err := monit(t, "--version") // or there is nothing to do
	require.NoError(t, err)
	ip := fmt.Sprintf("127.80.%d.%d", mathrand.N(256), 1+mathrand.N(254))
	s := &stand{disk: t.TempDir(), config: &tls.Config{Certificates: []tls.Certificate{selfSigned(t, ip)}}}
	require.NoError(t, syscall.Mount("tmpfs", s.disk, "tmpfs", 0, "size=1m"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(s.disk, 0)) })
	s.sink, err = testnet.StartSink(ip+":587", t.TempDir(), testnet.WithSTARTTLS(s.config.Certificates[0]))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.sink.Close()) })
	probe, err := net.Listen("tcp", ip+":0")
	require.NoError(t, err)
	s.rpc = probe.Addr().String()
	require.NoError(t, probe.Close())

	sleep, err := exec.LookPath("sleep")
	require.NoError(t, err)
	binary, err := os.ReadFile(sleep)
	require.NoError(t, err)
	dir := t.TempDir()
	s.wallet = testnet.Program{Name: "stand-in", Path: filepath.Join(dir, "dcrwallet"), Args: []string{"3600"}, Log: filepath.Join(dir, "log")}
	require.NoError(t, os.WriteFile(s.wallet.Path, binary, 0o700))
	return s
}

// run starts what stands in for the wallet.
func (s *stand) run(t *testing.T) *testnet.Process {
	t.Helper()
	process, err := testnet.StartProcess(s.wallet)
	require.NoError(t, err)
	t.Cleanup(process.Kill)
	return process
}

// listen stands in for its RPC.
func (s *stand) listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := tls.Listen("tcp", s.rpc, s.config)
	require.NoError(t, err)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = conn.(*tls.Conn).Handshake() // monit says goodbye at once
				_ = conn.Close()
			}()
		}
	}()
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// watch runs monit with the control file of a voting host, without the checks of what is not there.
func (s *stand) watch(t *testing.T) {
	t.Helper()
	state := t.TempDir()
	d := watched(t, state)
	d.Monitoring.Every, d.Monitoring.MailServer, d.Monitoring.MailUser = 1, s.sink.Addr(), ""
	d.Monitoring.Disks, d.Monitoring.WalletRPC, d.Monitoring.CAFile = []string{s.disk}, s.rpc, caFile(t, s.config.Certificates[0])
	require.Empty(t, d.Mistakes())
	files, err := d.Monit("")
	require.NoError(t, err)
	text := files[1].Text
	for _, part := range []string{"check process dcrd ", "check host dcrd_rpc ", "check system "} {
		start := strings.Index(text, part)
		require.Positive(t, start, part)
		text = text[:start] + text[start+strings.Index(text[start:], "\n\n")+1:]
	}
	own := "^" + s.wallet.Path // there may be other wallets on this machine
	require.Contains(t, text, "^([^ ]*/)?dcrwallet")
	text = strings.Replace(text, "^([^ ]*/)?dcrwallet", own, 1)
	path, err := exec.LookPath("monit")
	require.NoError(t, err)
	process, err := testnet.StartProcess(testnet.Program{Name: "monit", Path: path, Args: []string{"-I", "-c", write(t, text)}, Log: filepath.Join(state, "output")})
	require.NoError(t, err)
	t.Cleanup(process.Kill)
	// It has looked at everything once when it has its state.
	require.Eventually(t, func() bool {
		require.True(t, process.Running(), process.Tail())
		out, _ := monit(t, "-c", process.Program.Args[2], "summary")
		return strings.Count(out, "OK") >= 6
	}, patience, 100*time.Millisecond, "monit finds everything well")
}

// mailed waits for a mail of something, which must have come encrypted, to both whom it is for.
func (s *stand) mailed(t *testing.T, about string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, to := range []string{"first@example.org", "second@example.org"} {
		mail, err := s.sink.Wait(ctx, func(m testnet.Mail) bool {
			return m.To[0] == to && m.Subject == "[monit] "+about+" (vote-1)"
		})
		require.NoError(t, err)
		require.True(t, mail.TLS)
		require.Equal(t, "monit@example.org", mail.From)
	}
}

// selfSigned returns a certificate for an address, by itself.
func selfSigned(t *testing.T, ip string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 1, 0),
		IPAddresses: []net.IP{net.ParseIP(ip)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func caFile(t *testing.T, c tls.Certificate) (path string) {
	path = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}), 0o644))
	return path
}
