package email

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if task := os.Getenv(taskVariable); task != "" {
		if err := sendUntilKilled(task); err != nil {
			log.Fatal(err)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// received is a mail as the server took it.
type received struct {
	from, to string
	data     string
	tls      bool
	user     string
	life     int32 // of the sender, as the test counts them
	run      int32 // of the server that took it
}

// server is a real SMTP server on a loopback port that keeps what it takes. Its hooks, set before it starts, may refuse.
type server struct {
	onMail func() error
	onRcpt func(to string) error
	Fail   func(to string) (apply bool, err error) // asked after the mail's final dot
	auth   func(user, password string) error       // AUTH is offered if set
	cert   *tls.Certificate                        // STARTTLS is offered if set
	show   func() *tls.Certificate                 // in its place: what is shown to each client

	life    atomic.Int32
	smtp    *smtp.Server
	done    chan struct{} // closed when smtp has ended
	address string

	sessions atomic.Int32 // that are not over

	mu    sync.Mutex // guards what follows
	run   int32      // how often it was opened and closed: nothing is kept of a session that a close has cut
	mails []received
}

// start listens at the address, which may end in port 0, until the test ends.
func (s *server) start(t *testing.T, address string) *server {
	require.NoError(t, s.open(address))
	t.Cleanup(s.close)
	return s
}

// open listens, again after close.
func (s *server) open(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	s.address = listener.Addr().String()
	s.mu.Lock()
	s.run++
	run := s.run
	s.mu.Unlock()
	s.smtp = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		_, encrypted := c.TLSConnectionState()
		session := &session{server: s, mail: received{tls: encrypted, life: s.life.Load(), run: run}}
		s.sessions.Add(1)
		if s.auth == nil {
			return session, nil
		}
		return &authSession{session}, nil
	}))
	s.smtp.ErrorLog = log.New(io.Discard, "", 0)
	s.smtp.Domain = "mail.example.org"
	s.smtp.AllowInsecureAuth = true // so that it is the client's merit if no password goes out in clear
	if s.cert != nil {
		s.smtp.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*s.cert}}
	}
	if s.show != nil {
		s.smtp.TLSConfig = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.show(), nil }}
	}
	s.done = make(chan struct{})
	go func(serving *smtp.Server, done chan struct{}) {
		defer close(done)
		_ = serving.Serve(listener)
	}(s.smtp, s.done)
	return nil
}

// close ends the server as its sudden death does: sessions are cut wherever they are.
func (s *server) close() {
	s.mu.Lock()
	s.run++
	s.mu.Unlock()
	s.smtp.Close()
	<-s.done
}

func (s *server) kept() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.mails...)
}

// subjects lists what a recipient got, in order.
func (s *server) subjects(t *testing.T, to string) []string {
	var subjects []string
	for _, m := range s.kept() {
		if m.to == to {
			header, _ := readLetter(t, []byte(m.data))
			subjects = append(subjects, header.Get("Subject"))
		}
	}
	return subjects
}

type session struct {
	server *server
	mail   received
}

func (s *session) Reset() {}

func (s *session) Logout() error {
	s.server.sessions.Add(-1)
	return nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.mail.from = from
	if s.server.onMail != nil {
		return s.server.onMail()
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = to
	if s.server.onRcpt != nil {
		return s.server.onRcpt(to)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	apply := true
	if s.server.Fail != nil {
		apply, err = s.server.Fail(s.mail.to)
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.mail.run != s.server.run {
		return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "dying"}
	}
	if apply {
		s.mail.data = string(data)
		s.server.mails = append(s.server.mails, s.mail)
	}
	return err
}

type authSession struct{ *session }

func (s *authSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *authSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.mail.user = user
		return s.server.auth(user, password)
	}), nil
}

// certificate makes a certificate for a loopback server that is valid until then, and the pool that trusts it.
func certificate(t *testing.T, host string, until time.Time) (*tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: until.AddDate(-1, 0, 0), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// scripted is a server that speaks as told on each connection, for what a real server does not do on demand.
func scripted(t *testing.T, speak func(conn net.Conn)) (address string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				speak(conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		running.Wait()
	})
	return listener.Addr().String()
}
