package email

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"scrutineer/alerts"
)

// These tests have a Desk deliver through real servers in trouble: nothing may be lost, nothing doubled, order kept.

const (
	opened1   = "[CRIT] wallet-2 does not answer (vsp.example.org) #1"
	resolved1 = "[OK] wallet-2 does not answer (vsp.example.org) #1"
)

// observed is a Sender that reports each failed attempt.
type observed struct {
	*Sender
	failed chan error
}

func (o observed) Send(ctx context.Context, n alerts.Notice) error {
	err := o.Sender.Send(ctx, n)
	if err != nil {
		select {
		case o.failed <- err:
		default:
		}
	}
	return err
}

// deskFor returns a Desk that mails through the server, and where its failed attempts are told.
func deskFor(t *testing.T, address string, recipients ...string) (*alerts.Desk, <-chan error) {
	s, err := New(Config{Server: address, Encryption: Plain, From: "alerts@example.org", Site: "vsp.example.org"})
	require.NoError(t, err)
	o := observed{s, make(chan error, 1)}
	rules := alerts.DefaultRules()
	rules.Remind = 0 // the outage is long ago
	desk, err := alerts.NewDesk(alerts.Config{
		Sender: o, Recipients: recipients, Rules: rules, Log: slog.New(slog.DiscardHandler),
		Retry: alerts.Retry{Attempt: 300 * time.Millisecond, First: 5 * time.Millisecond, Most: 40 * time.Millisecond},
	})
	require.NoError(t, err)
	return desk, o.failed
}

// outage tells the desk of a wallet that went down and came back.
func outage(desk *alerts.Desk) {
	alert := down().Alert
	now := at("02:14:07")
	desk.Bad("wallet/wallet-2/unreachable", now, alert)
	desk.Bad("wallet/wallet-2/unreachable", now.Add(time.Second), alert)
	desk.Good("wallet/wallet-2/unreachable", now.Add(time.Minute), "Nothing was missed.")
}

func closeDesk(t *testing.T, desk *alerts.Desk) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, desk.Close(ctx))
}

func TestGreylisting(t *testing.T) {
	var tries atomic.Int32
	server := (&server{onRcpt: func(string) error {
		if tries.Add(1) <= 5 {
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted"}
		}
		return nil
	}}).start(t, loopback)
	desk, _ := deskFor(t, server.address, "a@example.org")
	outage(desk)
	closeDesk(t, desk)
	require.Equal(t, []string{opened1, resolved1}, server.subjects(t, "a@example.org"))
}

func TestOneOfThreeRecipientsIsRefused(t *testing.T) {
	server := (&server{onRcpt: func(to string) error {
		if to == "b@example.org" {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
		}
		return nil
	}}).start(t, loopback)
	desk, failed := deskFor(t, server.address, "a@example.org", "b@example.org", "c@example.org")
	outage(desk)
	closeDesk(t, desk)
	require.ErrorContains(t, <-failed, "no such user")
	for to, want := range map[string][]string{"a@example.org": {opened1, resolved1}, "b@example.org": nil, "c@example.org": {opened1, resolved1}} {
		require.Equal(t, want, server.subjects(t, to))
	}
}

func TestServerDownThenUp(t *testing.T) {
	listener, err := net.Listen("tcp", loopback)
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())

	recipients := []string{"a@example.org", "b@example.org"}
	desk, failed := deskFor(t, address, recipients...)
	outage(desk)
	for range 3 {
		select {
		case err := <-failed:
			require.ErrorContains(t, err, "reach mail server")
		case <-time.After(20 * time.Second):
			require.Fail(t, "no failed attempt within 20 s")
		}
	}
	server := (&server{}).start(t, address)
	closeDesk(t, desk)
	for _, to := range recipients {
		require.Equal(t, []string{opened1, resolved1}, server.subjects(t, to))
	}
}

// A server that hangs after a mail's end has either stored it or not, and its client cannot know.
func TestServerHangsBeforeItsAnswer(t *testing.T) {
	for _, stored := range []bool{false, true} {
		t.Run(fmt.Sprintf("stored %t", stored), func(t *testing.T) {
			var hung atomic.Bool
			release := make(chan struct{})
			server := &server{Fail: func(string) (bool, error) {
				if hung.CompareAndSwap(false, true) {
					<-release
					return stored, errors.New("nobody hears this")
				}
				return true, nil
			}}
			server.start(t, loopback)
			desk, failed := deskFor(t, server.address, "a@example.org")
			outage(desk)
			select {
			case err := <-failed:
				require.ErrorIs(t, err, context.DeadlineExceeded)
			case <-time.After(20 * time.Second):
				require.Fail(t, "the attempt did not end within 20 s")
			}
			closeDesk(t, desk)
			require.Equal(t, []string{opened1, resolved1}, server.subjects(t, "a@example.org"))

			close(release)
			if !stored {
				return
			}
			require.Eventually(t, func() bool { return len(server.kept()) == 3 }, 20*time.Second, time.Millisecond)
			require.Equal(t, server.kept()[0], server.kept()[2], "the copy can be told by its Message-ID: it is the same to the byte")
		})
	}
}

func TestUndeliveredIsSaid(t *testing.T) {
	address := scripted(t, func(net.Conn) {})
	desk, _ := deskFor(t, address, "a@example.org")
	outage(desk)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := desk.Close(ctx)
	require.ErrorContains(t, err, "incident 1 opened to a@example.org not delivered: greet mail server "+address)
	require.ErrorContains(t, err, "incident 1 resolved to a@example.org not delivered")
}
