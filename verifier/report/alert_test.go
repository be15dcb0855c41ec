package report

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
)

// demonstrated is a demonstration of two faults, of which the first was told of by a mail that nobody signed.
func demonstrated(at time.Time) verifier.AlertDrill {
	p := verifier.AlertPlan{To: "reviewer@example.net", Domain: "example.org", Until: at.Add(time.Hour), Within: verifier.Duration(5 * time.Minute),
		Beat: verifier.Duration(time.Second), Recovery: "^OK", Faults: []verifier.AlertFault{
			{Name: "wallet-killed", What: "Kill it.", Mend: "Start it.", Nonce: "nonce-killed"}, {Name: "database", What: "Stop it.", Nonce: "nonce-database"}}}
	step := func(s verifier.AlertStep, after time.Duration, entry int64) verifier.AlertStep {
		s.At, s.Entry = at.Add(after), entry
		return s
	}
	mail := &verifier.AlertMail{To: []string{"reviewer+nonce-killed@example.net"}, Raw: []byte("Subject: down\r\n\r\nx\r\n")}
	return verifier.AlertDrill{Plan: p, Steps: []verifier.AlertStep{
		step(verifier.AlertStep{Step: verifier.StepPlanned, Plan: &p}, 0, 11),
		step(verifier.AlertStep{Step: verifier.StepBreak, Fault: "wallet-killed"}, time.Second, 12),
		step(verifier.AlertStep{Step: verifier.StepBroken, Fault: "wallet-killed"}, 2*time.Second, 13),
		step(verifier.AlertStep{Step: verifier.StepMail, Mail: mail}, 4*time.Second, 14),
	}}
}

func TestAlertTable(t *testing.T) {
	require.Equal(t, `  fault            broken     alert after    signed, nonce   over after
  wallet-killed    `+t0.Add(2*time.Second).Format(time.TimeOnly)+`   unsaid         no              not done
      it is not signed
  database         -          not done       no              not done

`, AlertTable(demonstrated(t0)))
}

func TestAlertsAreInTextAndPage(t *testing.T) {
	r := draw(t, full(t))
	require.Contains(t, r.Text(), "\nALERTS (AL-1 to AL-3)\n  Shown ")
	page, err := r.HTML()
	require.NoError(t, err)
	require.Contains(t, string(page), "<h2>Alerts (AL-1 to AL-3)</h2>")
	for line := range strings.Lines(r.Text()) {
		require.LessOrEqual(t, len(strings.TrimRight(line, "\n")), width, line)
	}
}
