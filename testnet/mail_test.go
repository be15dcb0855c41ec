package testnet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

func startSink(t *testing.T, options ...SinkOption) *Sink {
	sink, err := StartSink("127.0.0.1:0", filepath.Join(t.TempDir(), "mail"), options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sink.Close()) })
	return sink
}

func letter(subject string) string { return "Subject: " + subject + "\r\n\r\n.dots stay\r\n" }

func send(t *testing.T, client *smtp.Client, subject string, to ...string) {
	require.NoError(t, client.Mail("vsp@example.org", nil))
	for _, address := range to {
		require.NoError(t, client.Rcpt(address, nil))
	}
	w, err := client.Data()
	require.NoError(t, err)
	_, err = fmt.Fprint(w, letter(subject))
	require.NoError(t, err)
	require.NoError(t, w.Close())
}

func TestSinkKeepsMails(t *testing.T) {
	sink := startSink(t)
	client, err := smtp.Dial(sink.Addr())
	require.NoError(t, err)
	defer client.Close()
	send(t, client, "one", "a@example.org", "b@example.org")
	send(t, client, "=?utf-8?q?zw=C3=B6?=", "c@example.org") // in the same session: nothing of the first may stick to it

	mails := sink.Mails()
	require.Len(t, mails, 2)
	require.Equal(t, []string{"one", "zwö"}, []string{mails[0].Subject, mails[1].Subject})
	require.Equal(t, "vsp@example.org", mails[1].From)
	require.Equal(t, []string{"c@example.org"}, mails[1].To)
	require.False(t, mails[0].TLS)
	require.Equal(t, letter("one"), string(mails[0].Raw))
	require.Equal(t, "0001.eml", filepath.Base(mails[0].Path))
	text, err := os.ReadFile(mails[0].Path)
	require.NoError(t, err)
	require.Equal(t, "Return-Path: <vsp@example.org>\r\nDelivered-To: a@example.org\r\nDelivered-To: b@example.org\r\n"+letter("one"), string(text))
}

func TestSinkWaits(t *testing.T) {
	sink := startSink(t)
	var senders sync.WaitGroup
	for i := range 5 {
		senders.Go(func() {
			client, err := smtp.Dial(sink.Addr())
			require.NoError(t, err)
			defer client.Close()
			send(t, client, fmt.Sprintf("mail %d", i), "a@example.org")
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	mail, err := sink.Wait(ctx, func(m Mail) bool { return m.Subject == "mail 3" })
	require.NoError(t, err)
	require.FileExists(t, mail.Path)
	senders.Wait()
	require.Len(t, sink.Mails(), 5)

	ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = sink.Wait(ctx, func(m Mail) bool { return m.Subject == "never sent" })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, `"mail 4"`)
}

func TestSinkOffersTLS(t *testing.T) {
	certificate, err := newCertificate(t.TempDir(), time.Now(), []string{"127.0.0.1"})
	require.NoError(t, err)
	pair, err := tls.LoadX509KeyPair(certificate.certFile, certificate.keyFile)
	require.NoError(t, err)
	sink := startSink(t, WithSTARTTLS(pair))
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(certificate.certPEM))
	client, err := smtp.DialStartTLS(sink.Addr(), &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"})
	require.NoError(t, err)
	defer client.Close()
	send(t, client, "sealed", "a@example.org")
	require.True(t, sink.Mails()[0].TLS)
}
