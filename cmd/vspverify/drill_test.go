package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"scrutineer/cmd/program"
	"scrutineer/verifier"
)

// operator is a VSP's whose alerts go where he is told, signed by his domain; or nowhere, where the path of mail is broken.
type operator struct {
	t      *testing.T
	server string // the reviewer's mailbox
	broken bool   // nothing is sent
	skips  string // a fault that he does not make
	nonce  string // of the guest; empty: there is none
	asked  []string
}

func (o *operator) do(_ context.Context, a act) error {
	o.asked = append(o.asked, a.do+" "+a.fault.Name)
	switch a.do {
	case actGuest:
		o.nonce = a.fault.Nonce
	case actEnd:
		o.nonce = ""
	case actBreak:
		if a.fault.Name == o.skips {
			return errSkipped
		}
		o.send("[CRIT] " + a.fault.Name)
	case actMend:
		o.send("[OK] " + a.fault.Name)
	}
	return nil
}

func (o *operator) send(subject string) {
	if o.broken || o.nonce == "" {
		return
	}
	letter := "From: vsp@example.org\r\nTo: reviewer@example.net\r\nSubject: " + subject + "\r\n\r\nNonce: " + o.nonce + "\r\n"
	var signed bytes.Buffer
	require.NoError(o.t, dkim.Sign(&signed, strings.NewReader(letter), &dkim.SignOptions{Domain: "example.org", Selector: "vsp", Signer: signingKey}))
	client, err := smtp.Dial(o.server)
	require.NoError(o.t, err)
	defer client.Close()
	require.NoError(o.t, client.SendMail("vsp@example.org", []string{"reviewer@example.net"}, &signed))
}

// drilled carries out a demonstration on a trial, with times that a slow machine does not break: what is waited for comes at once,
// or must not come.
func drilled(t *testing.T, trial *trial, o *operator, within time.Duration) (says string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	o.t, o.server = t, listener.Addr().String()
	require.NoError(t, listener.Close())
	record := filepath.Join(t.TempDir(), "dkim.txt")
	require.NoError(t, os.WriteFile(record, []byte("v=DKIM1; k=ed25519; p="+base64.StdEncoding.EncodeToString(publicKey)+"\n"), 0o600))
	f := drillFlags{to: "reviewer@example.net", domain: "example.org", listen: o.server, keyFile: record, span: time.Hour, within: within,
		quiet: 20 * time.Millisecond, settle: 20 * time.Millisecond, watch: 20 * time.Millisecond, beat: 10 * time.Second, early: true,
		endIn: 20 * time.Millisecond, recovery: recoverySubject, ignore: ignoredSubject, faults: "wallet-killed,wallet-locked,wallet-node"}
	var out strings.Builder
	err = f.run(t.Context(), trial, o, &out, io.Discard)
	for line := range strings.Lines(out.String()) {
		if !strings.Contains(line, trial.AlertDrill) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), 80, line)
		}
	}
	return out.String(), err
}

// alertRows judges the demonstrations in the trial's journal.
func alertRows(t *testing.T, trial *trial) map[string]verifier.Verdict {
	record, err := trial.readJournal()
	require.NoError(t, err)
	rows := make(map[string]verifier.Verdict)
	for _, f := range verifier.AlertFindings(record.Alerts.Drills) {
		rows[f.Row] = f.Verdict
	}
	return rows
}

// begun is a trial that is not at work.
func begun(t *testing.T) *trial {
	trial := testTrial(t, time.Minute, time.Hour)
	book, _, err := trial.openJournal()
	require.NoError(t, err)
	_, err = trial.begin(book)
	require.NoError(t, errors.Join(err, book.Close()))
	return trial
}

func TestADrillIsShownAndJudged(t *testing.T) {
	trial, o := begun(t), &operator{}
	says, err := drilled(t, trial, o, time.Minute)
	require.NoError(t, err, says)
	require.Contains(t, says, "AL-1  PASS      Each of 3 faults was told of by a mail to")
	require.Contains(t, says, "AL-2  PASS")
	require.Contains(t, says, "AL-3  PASS")
	require.Contains(t, says, "It is in the journal.")
	require.Equal(t, map[string]verifier.Verdict{"AL-1": verifier.Pass, "AL-2": verifier.Pass, "AL-3": verifier.Pass}, alertRows(t, trial))
	require.Equal(t, []string{"guest wallet-killed", "break wallet-killed", "mend wallet-killed", "guest wallet-locked", "break wallet-locked",
		"mend wallet-locked", "guest wallet-node", "break wallet-node", "mend wallet-node", "end wallet-killed", "break wallet-killed",
		"mend wallet-killed"}, o.asked)
}

func TestADrillWithABrokenPathFails(t *testing.T) {
	trial := begun(t)
	says, err := drilled(t, trial, &operator{broken: true}, 50*time.Millisecond)
	var failure *program.Failure
	require.ErrorAs(t, err, &failure)
	require.Equal(t, program.No, failure.Code)
	require.Contains(t, says, "NO alert in 50ms")
	require.Equal(t, map[string]verifier.Verdict{"AL-1": verifier.Fail, "AL-2": verifier.Unproven, "AL-3": verifier.Unproven}, alertRows(t, trial))
}

func TestADrillTellsWhatWasNotDone(t *testing.T) {
	trial := begun(t)
	says, err := drilled(t, trial, &operator{skips: "wallet-locked"}, time.Minute)
	require.NoError(t, err, says)
	require.Contains(t, says, "break wallet-locked: not done: it was skipped")
	require.Equal(t, verifier.Unproven, alertRows(t, trial)["AL-1"])
}

// TestATrialAtWorkTakesADrillUp: who has the journal open takes it in, line by line, and no line that was changed.
func TestATrialAtWorkTakesADrillUp(t *testing.T) {
	trial := testTrial(t, time.Minute, time.Hour)
	book, _, err := trial.openJournal()
	require.NoError(t, err)
	record, err := trial.begin(book)
	require.NoError(t, err)
	says, err := drilled(t, trial, &operator{}, time.Minute)
	require.NoError(t, err, says)
	require.Contains(t, says, "vspverify run takes it into the journal in its next slot")
	files := trial.follow(record)
	for range 2 {
		require.NoError(t, followAll(files, book, slog.New(slog.DiscardHandler)))
	}
	require.Equal(t, verifier.Pass, alertRows(t, trial)["AL-1"])
	record, err = trial.readJournal()
	require.NoError(t, err)
	raw, err := os.ReadFile(trial.AlertDrill)
	require.NoError(t, err)
	require.Equal(t, bytes.Count(raw, []byte("\n")), record.Alerts.Steps, "each line once")

	require.NoError(t, os.WriteFile(trial.AlertDrill, append(raw, "{\"step\":\"ca"...), 0o600))
	f := &drillFile{path: trial.AlertDrill, log: record.Alerts}
	wrong, err := f.follow(book)
	require.NoError(t, errors.Join(wrong, err), "a line that is not whole is waited for")
	require.NoError(t, os.WriteFile(trial.AlertDrill, append(raw, "{\"step\":\"calm\"}\n"...), 0o600))
	wrong, err = f.follow(book)
	require.NoError(t, err)
	require.ErrorContains(t, wrong, "it is no step of a demonstration")
	require.NoError(t, os.WriteFile(trial.AlertDrill, raw[:len(raw)/2], 0o600))
	wrong, err = f.follow(book)
	require.NoError(t, err)
	require.ErrorContains(t, wrong, "was changed")
	require.NoError(t, book.Close())
}

func TestStepsGoOnBehindATornLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "drill")
	require.NoError(t, os.WriteFile(path, []byte("{}\n{\"step\":"), 0o600))
	book, err := openSteps(path, verifier.AlertPlan{}, verifier.AlertStep{Step: "plan"})
	require.NoError(t, err)
	_, err = openSteps(path, verifier.AlertPlan{}, verifier.AlertStep{})
	require.ErrorContains(t, err, "another demonstration writes")
	require.NoError(t, book.close())
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "{}\n{\"at\":\"0001-01-01T00:00:00Z\",\"step\":\"plan\"}\n", string(raw))
}

func TestFaultsAreChosen(t *testing.T) {
	all, err := chooseFaults("")
	require.NoError(t, err)
	require.Len(t, all, len(faultKinds))
	own := filepath.Join(t.TempDir(), "faults")
	require.NoError(t, os.WriteFile(own, []byte("# ours\n\ndisk | Fill the disk. | Empty it.\n"), 0o600))
	some, err := chooseFaults(own)
	require.NoError(t, err)
	require.Equal(t, "Fill the disk.", some[0].What)
	require.Regexp(t, `^[a-z2-7]{12}$`, some[0].Nonce)
	for _, wrong := range []string{"fire", "database,database", "database,"} {
		_, err := chooseFaults(wrong)
		require.Error(t, err, wrong)
	}
}

func TestPromptsFitATerminal(t *testing.T) {
	faults, err := chooseFaults("")
	require.NoError(t, err)
	var out strings.Builder
	in, answers := io.Pipe()
	p := newPrompt(in, &out)
	go func() { _, _ = io.WriteString(answers, strings.Repeat("\n", 4)+"skip\n"); answers.Close() }()
	for _, do := range []string{actGuest, actBreak, actMend, actEnd} {
		require.NoError(t, p.do(t.Context(), act{do: do, fault: faults[0], to: "reviewer@drill.example.net", rest: 7190 * time.Second}))
	}
	require.ErrorIs(t, p.do(t.Context(), act{do: actBreak, fault: faults[0]}), errSkipped)
	require.ErrorIs(t, p.do(t.Context(), act{do: actBreak, fault: faults[0]}), io.ErrUnexpectedEOF)
	require.Contains(t, out.String(), "    vsp alerts guest add reviewer@drill.example.net --for 1h59m50s \\\n        --nonce "+faults[0].Nonce)
	require.Contains(t, out.String(), "    reviewer+"+faults[0].Nonce+"@drill.example.net\n")
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, len(strings.TrimRight(line, "\n")), 80, line)
	}
}

func TestHooksAreToldWhatToDo(t *testing.T) {
	var out strings.Builder
	h := hook{command: `printf '%s\n' "$#"`, out: &out}
	a := act{do: actBreak, fault: verifier.AlertFault{Name: "database", Nonce: "k3x9"}, to: "reviewer@example.net", rest: 1500 * time.Millisecond}
	require.NoError(t, h.do(t.Context(), a))
	require.Equal(t, "5\nbreak\ndatabase\nreviewer@example.net\nk3x9\n2s\n", out.String())
	h.command = "false"
	require.Error(t, h.do(t.Context(), a))
}

// TestSubjectsAreKnown as the tools write them that operators use.
func TestSubjectsAreKnown(t *testing.T) {
	recovery, ignore := regexp.MustCompile(recoverySubject), regexp.MustCompile(ignoredSubject)
	for subject, want := range map[string][2]bool{
		"[CRIT] wallet-2 does not answer (vsp-test.example.org) #17": {false, false},
		"[CRIT AGAIN] wallet-2 is locked (vsp.example.org) #17":      {false, false},
		"[OK] wallet-2 does not answer (vsp.example.org) #17":        {true, false},
		"[CLOSED] wallet-2 does not answer (vsp.example.org) #17":    {true, false},
		"[ALIVE] Alerts are at work (vsp.example.org)":               {false, true},
		"[TEST] Alerts work (vsp.example.org)":                       {false, true},
		"[BEGIN] Maintenance of wallet-2 (vsp.example.org)":          {false, true},
		"monit alert --  Does not exist dcrwallet":                   {false, false},
		"monit alert --  Exists dcrwallet":                           {true, false},
		"monit alert --  Connection failed wallet-rpc":               {false, false},
		"monit alert --  Connection succeeded wallet-rpc":            {true, false},
		"[FIRING:1] WalletAway (vote-2)":                             {false, false},
		"[RESOLVED] WalletAway (vote-2)":                             {true, false},
		"** PROBLEM Service Alert: vote-2/wallet is CRITICAL **":     {false, false},
		"** RECOVERY Service Alert: vote-2/wallet is OK **":          {true, false},
	} {
		require.Equal(t, want, [2]bool{recovery.MatchString(subject), ignore.MatchString(subject)}, subject)
	}
}
