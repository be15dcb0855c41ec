package main

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/alerts"
	"scrutineer/cmd/configfile"
	"scrutineer/vsp"
)

// subject is a service as a test sets it.
type subject struct {
	health   vsp.Health
	progress vsp.Progress
	counts   vsp.Counts
}

func (s *subject) Health() vsp.Health         { s.health.At = time.Now(); return s.health }
func (s *subject) Progress() vsp.Progress     { return s.progress }
func (s *subject) Counts() (vsp.Counts, bool) { return s.counts, true }

// watching returns a watch of a healthy service, in a bubble, and where its mails go.
func watching(t *testing.T, store alerts.Store) (*watch, *subject, *mailbox) {
	box, service := &mailbox{}, &subject{health: vsp.Health{Standing: vsp.Standing{Tip: vsp.Tip{Position: vsp.Position{Height: 700}}, Peers: 8}}}
	s := &settings{Config: defaults()}
	s.Site = "vsp.example.org"
	s.Alerts = &AlertsConfig{}
	desk, err := alerts.NewDesk(alerts.Config{Sender: box, Store: store, Recipients: []string{"a@example.org"}, Rules: alerts.DefaultRules(),
		Retry: alerts.DefaultRetry(), Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, desk.Close(context.Background())) })
	return &watch{settings: s, desk: desk, service: service, expected: newExpected(nil, time.Now()), log: slog.New(slog.DiscardHandler),
		lasting: lasting{}, databaseLasting: lasting{}}, service, box
}

// looks takes a look each second for a time, and returns what was mailed.
func looks(span time.Duration, box *mailbox, look func(now time.Time)) []string {
	for end := time.Now().Add(span); time.Now().Before(end); time.Sleep(time.Second) {
		look(time.Now())
	}
	synctest.Wait()
	return box.take()
}

func TestTheNodesTroubleIsTold(t *testing.T) {
	for code, words := range nodeWords {
		synctest.Test(t, func(t *testing.T) {
			w, service, box := watching(t, nil)
			require.Empty(t, looks(time.Minute, box, w.look))
			bad := []vsp.Reason{{Code: code, Text: "our node does so"}}
			service.health.Reasons = bad
			if code == vsp.NodeAway {
				service.health.NodeErr = errors.New("connection refused")
			}
			require.Empty(t, looks(words.patience, box, w.look), "not at once")
			require.Equal(t, []string{"opened " + words.key}, looks(time.Minute, box, w.look))

			if code != vsp.NodeAway { // what cannot be asked is not over
				service.health.Reasons, service.health.NodeErr = []vsp.Reason{{Code: vsp.NodeAway}}, errors.New("connection refused")
				require.Equal(t, []string{"opened node/away"}, looks(time.Minute, box, w.look))
				service.health.Reasons, service.health.NodeErr = bad, nil
				require.Equal(t, []string{"resolved node/away"}, looks(time.Minute, box, w.look))
			}
			service.health.Reasons, service.health.NodeErr = nil, nil
			require.Equal(t, []string{"resolved " + words.key}, looks(time.Minute, box, w.look))
		})
	}
}

func TestAWalletThatWouldMissIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, service, box := watching(t, nil)
		service.health.Voters = []vsp.VoterState{{Name: "wallet-1", Height: 700}, {Name: "wallet-2", Height: 698}, {Name: "wallet-3", Height: 700}}
		require.Empty(t, looks(2*time.Minute, box, w.look), "two blocks may be")
		service.health.Voters[1].Height = 697
		require.Equal(t, []string{"opened wallet/wallet-2/behind"}, looks(2*time.Minute, box, w.look))
		service.health.Voters[1].Problem = vsp.Unreachable
		require.Empty(t, looks(2*time.Minute, box, w.look), "what does not answer is not known to be well")
		service.health.Voters[1] = vsp.VoterState{Name: "wallet-2", Height: 700, Missing: 3, Trouble: "no answer in time"}
		require.Equal(t, []string{"resolved wallet/wallet-2/behind"}, looks(9*time.Minute, box, w.look))
		require.Equal(t, []string{"opened wallet/wallet-2/lacking"}, looks(2*time.Minute, box, w.look))
		service.health.Voters[1].Missing = 0
		require.Equal(t, []string{"resolved wallet/wallet-2/lacking"}, looks(time.Minute, box, w.look))
	})
}

func TestTheDatabasesTroubleIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, box := watching(t, nil)
		var err error
		w.database = func(context.Context) error { return err }
		look := func(now time.Time) { w.lookAtDatabase(t.Context(), now) }
		err = errors.New("gone")
		require.Empty(t, looks(9*time.Second, box, look))
		err = nil
		require.Empty(t, looks(9*time.Second, box, look))
		err = errors.New("gone")
		require.Equal(t, []string{"opened database/away"}, looks(20*time.Second, box, look))
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		err = nil
		w.lookAtDatabase(ended, time.Now())
		require.Empty(t, box.take(), "who is being stopped knows nothing")
		require.Equal(t, []string{"resolved database/away"}, looks(time.Second, box, look))
	})
}

func TestWorkThatStandsStillIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, service, box := watching(t, nil)
		start := time.Now()
		service.progress = vsp.Progress{Leading: true, At: start, Unsent: 1, OldestUnsent: start}
		fresh := func(now time.Time) { service.progress.At = now; w.look(now) }
		require.Empty(t, looks(9*time.Minute, box, fresh))
		require.Equal(t, []string{"opened fees/unsent"}, looks(2*time.Minute, box, fresh))
		service.progress.Unsent, service.progress.OldestUnsent = 0, time.Time{}
		require.Equal(t, []string{"resolved fees/unsent"}, looks(time.Minute, box, fresh))

		require.Empty(t, looks(9*time.Minute, box, w.look))
		require.Equal(t, []string{"opened fees/standstill"}, looks(3*time.Minute, box, w.look))
		service.progress = vsp.Progress{}
		require.Empty(t, looks(time.Minute, box, w.look), "who does not lead knows nothing")
		service.progress = vsp.Progress{Leading: true, At: start}
		require.Equal(t, []string{"resolved fees/standstill"}, looks(time.Minute, box, w.look), "it has just begun to lead")
	})
}

func TestAMissedVoteIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &alerts.Memory{}
		w, service, box := watching(t, store)
		service.counts = vsp.Counts{Voted: 100, Missed: 5}
		require.Empty(t, looks(time.Minute, box, w.look), "what was before is not news")
		service.counts = vsp.Counts{Voted: 101, Missed: 6}
		require.Equal(t, []string{"opened votes/missed"}, looks(time.Second, box, func(now time.Time) { w.look(now); time.Sleep(time.Second) }))
		service.counts.Missed = 7
		require.Empty(t, looks(time.Minute, box, w.look))
		service.counts.Voted = 102
		require.Equal(t, []string{"resolved votes/missed"}, looks(time.Minute, box, w.look))
		service.counts.Missed = 6
		require.Empty(t, looks(time.Hour, box, w.look), "one was taken back")
		require.NoError(t, w.desk.Close(t.Context()))

		// What is missed while nothing runs is told at the next start.
		service.counts.Missed = 8
		again, service2, box2 := watching(t, store)
		service2.counts = service.counts
		require.Equal(t, []string{"opened votes/missed"}, looks(10*time.Second, box2, again.look))
	})
}

func TestOldBackupsAndFullDisksAreTold(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w, _, box := watching(t, nil)
		w.settings.Alerts.BackupDir, w.settings.Alerts.BackupMaxAge = folder, configfile.Duration(time.Hour)
		require.NoError(t, os.Mkdir(filepath.Join(folder, "lost"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(folder, ".backup-1"), nil, 0o600))
		require.Equal(t, []string{"opened backup/stale"}, looks(10*time.Second, box, w.lookAtBackups), "there is none")
		file := filepath.Join(folder, "vsp.db")
		write := func() {
			require.NoError(t, os.WriteFile(file, nil, 0o600))
			require.NoError(t, os.Chtimes(file, time.Now(), time.Now()))
		}
		write()
		require.Equal(t, []string{"resolved backup/stale"}, looks(10*time.Second, box, w.lookAtBackups))
		require.Empty(t, looks(59*time.Minute, box, w.lookAtBackups))
		require.NotEmpty(t, looks(5*time.Minute, box, w.lookAtBackups))
		require.NoError(t, os.RemoveAll(folder))
		require.Empty(t, looks(time.Minute, box, w.lookAtBackups), "a folder that cannot be read says nothing")

		disk := func(free uint64) []string {
			return looks(3*time.Second, box, func(now time.Time) { w.tellRoom(now, room{"/var/lib/vsp", free}) })
		}
		require.Empty(t, disk(littleRoom))
		require.Equal(t, []string{"opened disk//var/lib/vsp"}, disk(littleRoom-1))
		require.Equal(t, []string{"worsened disk//var/lib/vsp"}, disk(noRoom-1))
		require.Equal(t, []string{"resolved disk//var/lib/vsp"}, disk(littleRoom))
	})
	require.Len(t, rooms([]string{t.TempDir(), t.TempDir(), "/nowhere"}), 1, "one disk once")
	require.Positive(t, rooms([]string{t.TempDir()})[0].free)
}

func TestCertificatesThatRunOutAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, box := watching(t, nil)
		until, err := validUntil([]byte(testCert))
		require.NoError(t, err)
		at := func(now time.Time) []string {
			w.tellDaemon(now, "wallet-2", []byte(testCert))
			time.Sleep(time.Second)
			synctest.Wait()
			return box.take()
		}
		require.Empty(t, at(until.Add(-15*24*time.Hour)))
		require.Equal(t, []string{"opened certificate/wallet-2"}, at(until.Add(-13*24*time.Hour)))
		require.Equal(t, []string{"worsened certificate/wallet-2"}, at(until.Add(-2*24*time.Hour)))
	})
}

func TestTheWebsitesCertificateIsSeenAsTheWorldSeesIt(t *testing.T) {
	site := httptest.NewTLSServer(http.NotFoundHandler())
	defer site.Close()
	site.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	roots := x509.NewCertPool()
	roots.AddCert(site.Certificate())
	address := site.Listener.Addr().String()
	now := site.Certificate().NotAfter.Add(-time.Hour)

	until, fault, err := websiteCertificate(t.Context(), address, roots, now)
	require.NoError(t, err)
	require.NoError(t, fault)
	require.Equal(t, site.Certificate().NotAfter, until)
	_, fault, err = websiteCertificate(t.Context(), address, roots, now.Add(2*time.Hour))
	require.NoError(t, err)
	require.ErrorContains(t, fault, "expired")
	_, fault, err = websiteCertificate(t.Context(), address, x509.NewCertPool(), now)
	require.NoError(t, err)
	require.ErrorContains(t, fault, "unknown authority")
	site.Close()
	_, _, err = websiteCertificate(t.Context(), address, roots, now)
	require.Error(t, err, "it was not seen")

	synctest.Test(t, func(t *testing.T) {
		w, _, box := watching(t, nil)
		tell := func(left time.Duration, fault error) []string {
			now := time.Now()
			w.tellWebsite(now, now.Add(left), fault)
			time.Sleep(time.Second)
			synctest.Wait()
			return box.take()
		}
		require.Empty(t, tell(15*24*time.Hour, nil))
		require.Equal(t, []string{"opened certificate/website"}, tell(13*24*time.Hour, nil))
		require.Equal(t, []string{"worsened certificate/website"}, tell(-time.Hour, errors.New("expired")))
		require.Equal(t, []string{"resolved certificate/website"}, tell(90*24*time.Hour, nil))
	})
}

func TestWhoFallsSilentIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, box := watching(t, nil)
		w.expected = newExpected([]ExpectConfig{{"cron", configfile.Duration(time.Hour)}}, time.Now())
		ask := func(name string) int {
			answer := httptest.NewRecorder()
			w.expected.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/heartbeat/"+name, strings.NewReader("{}")))
			return answer.Code
		}
		require.Equal(t, http.StatusNotFound, ask("other"))
		require.Empty(t, looks(59*time.Minute, box, w.look), "nobody could have heard it before")
		require.Equal(t, http.StatusOK, ask("cron"))
		require.Empty(t, looks(59*time.Minute, box, w.look))
		require.Equal(t, []string{"opened heartbeat/cron"}, looks(20*time.Minute, box, w.look))

		// After a restart it is neither well nor worse until it is heard.
		w.expected = newExpected(w.expected.config, time.Now())
		require.Empty(t, looks(30*time.Second, box, w.look))
		require.Equal(t, http.StatusOK, ask("cron"))
		require.Equal(t, []string{"resolved heartbeat/cron"}, looks(time.Minute, box, w.look))
		require.Contains(t, lastHeard(w.desk, "cron", time.Time{}), ", last at 2000-01-01 ")
	})
}

func TestVotesSinceTheLastHeartbeat(t *testing.T) {
	service := &subject{counts: vsp.Counts{Voting: 1, Voted: 100, Missed: 5}}
	text, memo := votesSince(nil, service)
	require.Equal(t, "1 ticket is still to be voted with.", text)
	service.counts = vsp.Counts{Voting: 60, Voted: 412, Missed: 6}
	text, _ = votesSince(memo, service)
	require.Equal(t, "Since the last mail like this 312 votes were made and 1 missed; 60 tickets are still to be voted with.", text)
}

func TestTimesAreToldShortly(t *testing.T) {
	for d, want := range map[time.Duration]string{time.Hour: "1h", 90 * time.Minute: "1h30m", 61 * time.Second: "1m1s", 0: "0s", 25 * time.Hour: "25h"} {
		require.Equal(t, want, shortly(d))
	}
}
