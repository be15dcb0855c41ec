package alerts

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const guest = "reviewer+k3x9@example.net"

// whole is how nonces look at who gets them.
func (b *letterbox) nonces(to string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for _, n := range b.kept {
		if n.To == to {
			all = append(all, n.Nonce)
		}
	}
	return all
}

func TestGuestsAreToldUntilTheyLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &letterbox{}
		desk := newDesk(box, alice)
		desk.badFor(2)
		g, err := desk.Invite(guest, "k3x9", time.Minute, time.Now())
		require.NoError(t, err)
		require.Equal(t, []Guest{g}, desk.Guests(time.Now()))
		desk.goodFor(1) // a guest hears how it ends, whoever came first
		_, err = desk.Test(t.Context(), time.Now())
		require.NoError(t, err)
		require.Equal(t, []string{"#1 resolved", "#0 tested"}, box.told(guest))
		require.Equal(t, []string{"k3x9", "k3x9"}, box.nonces(guest))
		require.Equal(t, []string{"", "", ""}, box.nonces(alice))

		g, err = desk.Invite(guest, "q7w2", time.Minute, time.Now()) // stays on, with another nonce
		require.NoError(t, err)
		require.Equal(t, []Guest{g}, desk.Guests(time.Now()))
		time.Sleep(59 * time.Second)
		desk.badFor(2) // the second look, which opens it, comes as the guest leaves
		require.Empty(t, desk.Guests(time.Now()))
		require.NoError(t, desk.Close(t.Context()))
		require.Len(t, box.told(guest), 2)
		require.Equal(t, []string{"#1 opened", "#1 resolved", "#0 tested", "#1 reopened"}, box.told(alice))
	})
}

func TestWhatWaitsForAGuestIsDroppedWhenItLeaves(t *testing.T) {
	for _, dismissed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			fine := time.Now().Add(2 * time.Minute)
			box := &letterbox{Fail: func(context.Context, Notice) (bool, error) {
				if time.Now().Before(fine) {
					return false, errors.New("connection refused")
				}
				return true, nil
			}}
			store := &Memory{}
			desk := mustDesk(Config{Sender: box, Store: store, Recipients: []string{alice}})
			_, err := desk.Invite(guest, "", time.Minute, time.Now())
			require.NoError(t, err)
			desk.badFor(2)
			if dismissed {
				require.NoError(t, desk.Dismiss(guest, time.Now()))
				require.Error(t, desk.Dismiss(guest, time.Now()))
			}
			time.Sleep(5 * time.Minute)
			require.Equal(t, []string{"#1 opened"}, box.told(alice))
			require.Empty(t, box.told(guest))
			require.NoError(t, desk.Close(t.Context()))
			kept, err := store.Load()
			require.NoError(t, err)
			require.Empty(t, kept.Outbox)
		})
	}
}

func TestInvitationsThatMakeNoSense(t *testing.T) {
	desk := newDesk(&letterbox{}, alice)
	now := time.Now()
	for _, c := range []struct {
		to, nonce string
		stay      time.Duration
		why       string
	}{
		{guest, "", time.Second, "for 1s is too short: a guest stays for 10s at least"},
		{guest, "", -time.Hour, "for -1h0m0s is too short: a guest stays for 10s at least"},
		{guest, "", 1000 * time.Hour, "for 1000h0m0s is too long: a guest stays for 31 days at most. Who is to stay is a recipient"},
		{guest, "a b", time.Hour, `the nonce "a b" has other than letters, digits, dots, dashes and underscores, or more than 64 of them`},
		{alice, "", time.Hour, "alice@example.org is told everything already, by the configuration"},
		{"", "", time.Hour, "a guest needs an address"},
	} {
		_, err := desk.Invite(c.to, c.nonce, c.stay, now)
		require.EqualError(t, err, c.why)
	}
	require.Empty(t, desk.Guests(now))
	require.NoError(t, desk.Close(t.Context()))
	_, err := desk.Invite(guest, "", time.Hour, now)
	require.Error(t, err)
}

// TestGuestsOutliveARestart: the file is all that a process that was killed leaves, and each commit is on the disk.
func TestGuestsOutliveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.db")
	now := time.Now()
	life := func(work func(desk *Desk)) {
		file, err := OpenFile(path)
		require.NoError(t, err)
		desk, err := NewDesk(Config{Sender: &letterbox{}, Store: file, Recipients: []string{alice}, Rules: DefaultRules(),
			Retry: DefaultRetry(), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
		require.NoError(t, err)
		work(desk)
		desk.outbox.stop() // and no Close: what is not on the disk by now is lost
		desk.outbox.running.Wait()
		require.NoError(t, file.Close())
	}
	var g Guest
	life(func(desk *Desk) {
		var err error
		g, err = desk.Invite(guest, "k3x9", time.Hour, now)
		require.NoError(t, err)
		_, err = desk.Invite(bob, "", time.Minute, now)
		require.NoError(t, err)
	})
	now = now.Add(2 * time.Minute)
	life(func(desk *Desk) {
		require.Equal(t, []Guest{g}, desk.Guests(now))
		require.NoError(t, desk.Dismiss(guest, now))
	})
	life(func(desk *Desk) {
		require.Empty(t, desk.Guests(now))
		kept, err := desk.keeper.store.Load()
		require.NoError(t, err)
		require.Empty(t, kept.Guests, "whose time is over is forgotten")
	})
}
