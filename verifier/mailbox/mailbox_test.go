package mailbox

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const own = "reviewer@example.net"

// box keeps what came.
type box struct {
	mu    sync.Mutex
	mails []Mail
	fail  error
}

func (b *box) keep(m Mail) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail == nil {
		b.mails = append(b.mails, m)
	}
	return b.fail
}

func open(t *testing.T, b *box) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	m, err := Open(listener, Config{Address: own, Keep: b.keep, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return listener.Addr().String()
}

// send speaks as a mail server does that takes any certificate, or none.
func send(address, to, text string, encrypted bool) error {
	var client *smtp.Client
	var err error
	if encrypted {
		client, err = smtp.DialStartTLS(address, &tls.Config{InsecureSkipVerify: true})
	} else {
		client, err = smtp.Dial(address)
	}
	if err != nil {
		return err
	}
	defer client.Close()
	return client.SendMail("vsp@example.org", []string{to}, strings.NewReader(text))
}

func TestMailIsKeptAsItCame(t *testing.T) {
	b := &box{}
	address := open(t, b)
	text := "Subject: x\r\n\r\n.dot\r\n"
	require.NoError(t, send(address, own, text, false))
	require.NoError(t, send(address, "Reviewer+Nonce1@EXAMPLE.net", text, true))
	require.Equal(t, []Mail{
		{From: "vsp@example.org", To: []string{own}, Raw: []byte(text)},
		{From: "vsp@example.org", To: []string{"Reviewer+Nonce1@EXAMPLE.net"}, TLS: true, Raw: []byte(text)},
	}, b.mails)
}

func TestOtherAddressesAreNobodys(t *testing.T) {
	b := &box{}
	address := open(t, b)
	for _, to := range []string{"other@example.net", "reviewer@example.com", "reviewerx@example.net", "x+reviewer@example.net"} {
		var answer *smtp.SMTPError
		require.ErrorAs(t, send(address, to, "x\r\n", false), &answer, to)
		require.Equal(t, 550, answer.Code)
	}
	require.Empty(t, b.mails)
}

func TestWhatIsNotKeptIsNotAcknowledged(t *testing.T) {
	b := &box{fail: errors.New("disk full")}
	address := open(t, b)
	var answer *smtp.SMTPError
	require.ErrorAs(t, send(address, own, "x\r\n", false), &answer)
	require.Equal(t, 452, answer.Code)
	require.ErrorAs(t, send(address, own, strings.Repeat(strings.Repeat("x", 78)+"\r\n", MaxBytes/80+1), false), &answer)
	require.Equal(t, 5, answer.Code/100, "what is too long will be too long tomorrow")
}

func TestTry(t *testing.T) {
	address := open(t, &box{})
	require.NoError(t, Try(t.Context(), address, own))
	require.Error(t, Try(t.Context(), address, "other@example.net"))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	require.Error(t, Try(t.Context(), listener.Addr().String(), own))
	_, err = Open(listener, Config{Address: "a+b@example.net"})
	require.Error(t, err)
}
