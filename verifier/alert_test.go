package verifier

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/stretchr/testify/require"
)

var (
	mailKey  = ed25519.NewKeyFromSeed([]byte(fmt.Sprintf("%-32s", "mail")))
	otherKey = ed25519.NewKeyFromSeed([]byte(fmt.Sprintf("%-32s", "other")))
)

func keyRecord(key ed25519.PrivateKey) string {
	return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
}

// signLetter signs a mail as its domain does, to the end of the signature, if it has one.
func signLetter(t testing.TB, key ed25519.PrivateKey, domain, letter string, end time.Time) []byte {
	var out bytes.Buffer
	err := dkim.Sign(&out, strings.NewReader(letter), &dkim.SignOptions{Domain: domain, Selector: "mail", Signer: key, Expiration: end,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed})
	require.NoError(t, err)
	return out.Bytes()
}

// demo is a demonstration being written, with a clock of its own.
type demo struct {
	t      testing.TB
	now    time.Time
	record Record
	n      int64
	plan   AlertPlan
}

func newDemo(t testing.TB) *demo {
	d := &demo{t: t, now: t0, plan: AlertPlan{To: "reviewer@example.net", Domain: "example.org", Keys: map[string]string{"*": keyRecord(mailKey)},
		Until: t0.Add(2 * time.Hour), Within: Duration(5 * time.Minute), Quiet: Duration(2 * time.Minute), Watch: Duration(10 * time.Minute),
		Grace: Duration(time.Minute), Beat: Duration(10 * time.Second), Recovery: `^\[OK\]`, Ignore: "heartbeat"}}
	for _, name := range []string{"wallet-killed", "wallet-locked", "node-dead"} {
		d.plan.Faults = append(d.plan.Faults, AlertFault{Name: name, What: "Break it.", Mend: "Mend it.", Nonce: "nonce-" + name})
	}
	return d
}

func (d *demo) step(s AlertStep) {
	d.n++
	s.At = d.now
	raw, err := json.Marshal(s)
	require.NoError(d.t, err)
	require.NoError(d.t, d.record.Take(d.n, d.now, EntryAlertDrill, raw))
}

func (d *demo) begin() { d.step(AlertStep{Step: StepPlanned, Plan: &d.plan}) }

// pass lets time go by, with our mailbox open.
func (d *demo) pass(span time.Duration) {
	for end := d.now.Add(span); ; d.now = d.now.Add(10 * time.Second) {
		if !d.now.Before(end) {
			d.now = end
			return
		}
		d.step(AlertStep{Step: StepListened})
	}
}

func (d *demo) fault(i int) AlertFault { return d.plan.Faults[i] }

func (d *demo) mail(subject, nonce string) { d.mailBy(mailKey, "example.org", subject, nonce) }

func (d *demo) mailBy(key ed25519.PrivateKey, domain, subject, nonce string) {
	d.put(signLetter(d.t, key, domain, letterText(subject, nonce), time.Time{}))
}

func (d *demo) put(raw []byte) {
	m := AlertMail{From: "vsp@example.org", To: []string{"reviewer@example.net"}, Raw: raw}
	m.Verify(d.plan, d.now, func(string) ([]string, error) { return nil, errors.New("no such host") })
	d.step(AlertStep{Step: StepMail, Mail: &m})
}

func letterText(subject, nonce string) string {
	return "From: vsp@example.org\r\nTo: reviewer@example.net\r\nSubject: " + subject + "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nWords. Nonce:=\r\n " + nonce + "\r\n"
}

func (d *demo) calm() {
	d.step(AlertStep{Step: StepCalm})
	d.pass(2 * time.Minute)
}

func (d *demo) make(f AlertFault) {
	d.step(AlertStep{Step: StepBreak, Fault: f.Name})
	d.pass(time.Second)
	d.step(AlertStep{Step: StepBroken, Fault: f.Name})
	d.pass(7 * time.Second)
}

func (d *demo) mend(f AlertFault) {
	d.step(AlertStep{Step: StepMend, Fault: f.Name})
	d.step(AlertStep{Step: StepMended, Fault: f.Name})
	d.pass(3 * time.Second)
}

// shown goes through all faults, each told of by tell.
func (d *demo) shown(tell func(i int, subject string)) {
	d.begin()
	for i, f := range d.plan.Faults {
		d.calm()
		d.make(f)
		tell(i, "[CRIT] "+f.Name)
		d.pass(10 * time.Second)
		d.mend(f)
		tell(i, "[OK] "+f.Name)
		d.pass(10 * time.Second)
	}
}

func (d *demo) aftermath(noise func()) {
	until := d.now
	d.step(AlertStep{Step: StepOver, Until: &until})
	d.pass(2 * time.Minute)
	d.make(d.fault(0))
	noise()
	d.pass(10 * time.Minute)
	d.step(AlertStep{Step: StepFinished})
}

func (d *demo) verdicts() (says map[string]string) {
	e := newScene(d.t).Evidence
	e.AlertDrills = d.record.Alerts.Drills
	says = make(map[string]string)
	for _, f := range Judge(e) {
		if strings.HasPrefix(f.Row, "AL-") {
			says[f.Row] = string(f.Verdict) + " " + strings.Join(f.Says, " ")
		}
	}
	return says
}

func TestAlertsThatArrive(t *testing.T) {
	d := newDemo(t)
	d.shown(func(i int, subject string) { d.mail(subject, d.fault(i).Nonce) })
	d.aftermath(func() {})
	require.Equal(t, map[string]string{
		"AL-1": "PASS Each of 3 faults was told of by a mail to reviewer@example.net with its nonce, signed by example.org. The slowest took 7.0 s.",
		"AL-2": "PASS The end of each of 3 faults was told of, the slowest after 3.0 s. Nothing came while all was well, for up to 2m.",
		"AL-3": "PASS A fault was made after the end, and in 10m7s nothing came to reviewer@example.net.",
	}, d.verdicts())
}

func TestNothingWasDemonstrated(t *testing.T) {
	d := newDemo(t)
	for _, row := range []string{"AL-1", "AL-2", "AL-3"} {
		require.Equal(t, "UNPROVEN "+NotExamined, d.verdicts()[row])
	}
}

func TestABrokenMailPathFails(t *testing.T) {
	d := newDemo(t)
	d.begin()
	for _, f := range d.plan.Faults {
		d.calm()
		d.make(f)
		d.pass(5 * time.Minute)
		d.mend(f)
		d.pass(time.Minute)
	}
	d.aftermath(func() {})
	require.Equal(t, map[string]string{
		"AL-1": "FAIL 3 faults were not told of in 5m0s. wallet-killed: no mail. wallet-locked: no mail. node-dead: no mail.",
		"AL-2": "UNPROVEN No fault was told of, so that no end could be.",
		"AL-3": "UNPROVEN Nothing came before the end either.",
	}, d.verdicts())
}

func TestOurOwnMailboxAwayCountsForNobody(t *testing.T) {
	for name, away := range map[string]func(d *demo){
		"deaf":   func(d *demo) { d.pass(time.Minute); d.step(AlertStep{Step: StepDeaf}); d.pass(4 * time.Minute) },
		"killed": func(d *demo) { d.pass(time.Minute); d.now = d.now.Add(90 * time.Second); d.pass(3 * time.Minute) },
		"ended":  func(d *demo) { d.now = d.now.Add(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDemo(t)
			d.shown(func(i int, subject string) {
				if i == 1 && strings.HasPrefix(subject, "[CRIT]") {
					away(d)
					return
				}
				d.mail(subject, d.fault(i).Nonce)
			})
			require.Equal(t, "UNPROVEN 2 of 3 faults were told of. wallet-locked: our own mailbox is not known to have been open.", d.verdicts()["AL-1"])
		})
	}
}

// TestMailsThatDoNotCount: of each mail about the second fault, something is not as it must be.
func TestMailsThatDoNotCount(t *testing.T) {
	d := newDemo(t)
	nonce := d.fault(1).Nonce
	good := func(subject string) []byte {
		return signLetter(t, mailKey, "example.org", letterText(subject, nonce), time.Time{})
	}
	for name, c := range map[string]struct {
		raw func(subject string) []byte
		why string
	}{
		"unsigned":     {func(s string) []byte { return []byte(letterText(s, nonce)) }, "it is not signed."},
		"other domain": {func(s string) []byte { return signLetter(t, mailKey, "example.com", letterText(s, nonce), time.Time{}) }, "it is signed by example.com, not by example.org."},
		"other key": {func(s string) []byte {
			return signLetter(t, otherKey, "example.org", letterText(s, nonce), time.Time{})
		}, "its signature is not right: signature did not verify: invalid Ed25519 signature."},
		"altered": {func(s string) []byte { return bytes.Replace(good(s), []byte("Words"), []byte("Wards"), 1) }, "its signature is not right: body hash did not verify."},
		"without nonce": {func(s string) []byte {
			return signLetter(t, mailKey, "example.org", letterText(s, "none"), time.Time{})
		}, "it does not carry the nonce."},
		"ended": {func(s string) []byte {
			return signLetter(t, mailKey, "example.org", letterText(s, nonce), t0.Add(time.Minute))
		}, "its signature is not right, or had ended."},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDemo(t)
			d.shown(func(i int, subject string) {
				if i == 1 {
					d.put(c.raw(subject))
					return
				}
				d.mail(subject, d.fault(i).Nonce)
			})
			require.Equal(t, "UNPROVEN 2 of 3 faults were told of. wallet-locked: a mail came, but "+c.why, d.verdicts()["AL-1"])
			require.Contains(t, d.verdicts()["AL-2"], "UNPROVEN")
		})
	}
}

// TestWhereNoncesStand: a tool that can put nothing into its mails can be given an address with the nonce in it.
func TestWhereNoncesStand(t *testing.T) {
	d := newDemo(t)
	nonce := d.fault(0).Nonce
	for name, raw := range map[string]string{
		"header":     "From: a@example.org\r\nSubject: x\r\nX-Scrutineer-Nonce: " + nonce + "\r\n\r\nx\r\n",
		"subject":    "From: a@example.org\r\nSubject: =?utf-8?q?x_" + strings.ReplaceAll(nonce, "-", "=2D") + "?=\r\n\r\nx\r\n",
		"to":         "From: a@example.org\r\nTo: Reviewer+" + strings.ToUpper(nonce) + "@example.net\r\nSubject: x\r\n\r\nx\r\n",
		"body":       "From: a@example.org\r\nSubject: x\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(nonce)) + "\r\n",
		"html alone": "From: a@example.org\r\nSubject: x\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>" + nonce + "\r\n--b--\r\n",
	} {
		m := AlertMail{Raw: []byte(raw)}
		_, all := m.text()
		require.True(t, Letter{Nonces: all}.About(d.fault(0)), name)
		require.False(t, Letter{Nonces: all}.About(d.fault(1)), name)
	}
	_, all := AlertMail{To: []string{"reviewer+" + nonce + "@example.net"}, Raw: []byte("no mail at all")}.text()
	require.True(t, Letter{Nonces: all}.About(d.fault(0)), "of the envelope")
}

func TestSignaturesThatEndAreTakenAsTheyWereVerified(t *testing.T) {
	d := newDemo(t)
	d.shown(func(i int, subject string) {
		d.now = time.Now().UTC() // the library goes by the clock
		d.put(signLetter(t, mailKey, "example.org", letterText(subject, d.fault(i).Nonce), d.now.Add(time.Hour)))
	})
	for _, s := range d.record.Alerts.Drills[0].Steps {
		if s.Mail != nil {
			require.Equal(t, "example.org", s.Mail.Verified)
			require.Empty(t, s.Mail.unsigned(d.plan, s.At))
			require.NotEmpty(t, s.Mail.unsigned(d.plan, s.At.Add(2*time.Hour)))
		}
	}
}

func TestLateAndNoisyMailsFail(t *testing.T) {
	d := newDemo(t)
	d.shown(func(i int, subject string) {
		if i == 2 {
			d.pass(6 * time.Minute)
		}
		d.mail(subject, d.fault(i).Nonce)
		if i == 0 && strings.HasPrefix(subject, "[OK]") {
			d.step(AlertStep{Step: StepCalm})
			d.pass(10 * time.Second)
			d.mail("[WARN] disk", d.fault(0).Nonce)
			d.mail("a heartbeat", "")
			d.mailBy(otherKey, "example.com", "buy this", "")
		}
	})
	d.aftermath(func() { d.pass(time.Minute); d.mail("[CRIT] again", d.fault(2).Nonce) })
	require.Equal(t, map[string]string{
		"AL-1": "FAIL 1 fault was not told of in 5m0s. node-dead: after 6m7s.",
		"AL-2": "FAIL 1 mail came while all was well. The end of 1 fault was not told of in 5m0s. node-dead: after 6m3s. 1 mail that example.org did not sign count for nobody.",
		"AL-3": "FAIL 1 mail still came to reviewer@example.net after its time was over, the first 3m8s after.",
	}, d.verdicts())
}

func TestWhatWasNotCarriedOutIsNotProven(t *testing.T) {
	d := newDemo(t)
	d.begin()
	d.step(AlertStep{Step: StepSkipped, Fault: "node-dead", Note: "exit status 1"})
	says := d.verdicts()
	require.Equal(t, "UNPROVEN 0 of 3 faults were told of. wallet-killed: not carried out. wallet-locked: not carried out. node-dead: not carried out. exit status 1", says["AL-1"])
	require.Equal(t, "UNPROVEN the demonstration is not over yet", says["AL-3"])

	d = newDemo(t)
	d.shown(func(i int, subject string) { d.mail(subject, d.fault(i).Nonce) })
	until := d.now
	d.step(AlertStep{Step: StepOver, Until: &until})
	d.pass(time.Hour)
	d.step(AlertStep{Step: StepFinished})
	require.Equal(t, "UNPROVEN No fault was made after the end, so that there was nothing to tell.", d.verdicts()["AL-3"])

	d.begin() // anew: what was shown before does not count
	require.Contains(t, d.verdicts()["AL-1"], "It was begun anew: 1 before it do not count.")
}

// TestDemonstrationsMayComeAfterTheTrial: they do not make it longer.
func TestDemonstrationsMayComeAfterTheTrial(t *testing.T) {
	d := newDemo(t)
	require.NoError(t, d.record.Take(1, t0, EntryStop, []byte("{}")))
	d.n, d.now = 1, t0.Add(time.Hour)
	d.begin()
	require.True(t, d.record.Stopped)
	require.Equal(t, t0, d.record.Last)
	require.Error(t, new(Record).Take(1, t0, EntryAlertDrill, []byte(`{"step":"calm"}`)), "there is no plan")
	d.plan.Faults[1].Nonce = d.plan.Faults[0].Nonce
	require.Error(t, d.plan.Mistake())
}
