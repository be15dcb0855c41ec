package testnet

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/stretchr/testify/require"
)

var silence = flag.Duration("silence", 5*time.Second, "how long a healthy network is to be silent")

// TestSilence has a VSP vote for a while with nothing wrong. It may mail that it is alive, and nothing else.
func TestSilence(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), *silence+4*time.Minute)
	defer cancel()
	n, err := Start(ctx, Plan{Dir: t.TempDir(), Binaries: testDaemons(t), Tickets: 200})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	box, err := StartSink(n.MailIP()+":2525", filepath.Join(n.Plan.Dir, "mail"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, box.Close()) })
	vsp, err := n.StartVSP(ctx, VSPPlan{Program: testPrograms(t, "vsp")[0], MailServer: box.Addr(), AlertsTo: []string{"operator@example.org"},
		CheckEvery: trialCheck, Heartbeat: max(*silence/5, time.Second), Alerts: fmt.Sprintf("backup_dir = %q\n", n.Plan.Dir)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, vsp.Stop(context.Background())) })
	require.NoError(t, n.StartClient(ctx, vsp.URL, vsp.PublicKey))
	bought, err := n.Buy(ctx, 10)
	require.NoError(t, err)
	n.Chain.Run(trialPace)
	require.NoError(t, waitUntil(ctx, "every ticket paid for", func(ctx context.Context) (bool, string) { return vsp.accounts(ctx, len(bought)) }))
	require.NoError(t, pause(ctx, *silence))
	_, err = box.Wait(ctx, func(m Mail) bool { return m.Tells("[ALIVE] All is well") })
	require.NoError(t, err)
	require.NoError(t, n.Chain.Pause())

	height, err := n.Chain.Height(ctx)
	require.NoError(t, err)
	mails := box.Mails()
	t.Logf("silent for %v, up to block %d, but for %d heartbeats", *silence, height, len(mails))
	for _, m := range mails {
		require.Equal(t, "[ALIVE] All is well (vsp.example.org)", m.Subject, "%s", m.Raw)
		require.NoError(t, vsp.verifies(m))
	}
	t.Logf("the last:\n%s", mails[len(mails)-1].Raw)
}

// verifies returns why a receiver that knows the VSP's record would not believe a mail.
func (v *VSP) verifies(m Mail) error {
	all, err := dkim.VerifyWithOptions(bytes.NewReader(m.Raw), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
		if strings.TrimSuffix(name, ".") != v.DKIMName {
			return nil, fmt.Errorf("%s is asked for", name)
		}
		return []string{v.DKIMRecord}, nil
	}})
	if err != nil {
		return err
	}
	if len(all) != 1 {
		return fmt.Errorf("%d signatures", len(all))
	}
	return all[0].Err
}
