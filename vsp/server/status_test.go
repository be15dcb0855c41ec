package server_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/server"
)

const (
	adminPassword = "correct horse"

	wellStatus = `{"dcrd":{"host":"wss://127.0.0.1:19556/ws","connected":true,"bestblockerror":false,"bestblockheight":200},"wallets":{` +
		`"one":{"connected":true,"infoerror":false,"daemonconnected":true,"voteversion":12,"unlocked":true,"voting":true,` +
		`"bestblockerror":false,"bestblockheight":200},` +
		`"two":{"connected":true,"infoerror":false,"daemonconnected":true,"voteversion":12,"unlocked":true,"voting":true,` +
		`"bestblockerror":false,"bestblockheight":200}}}`
)

// administered has a password that is quickly checked.
func administered(r *rig) {
	// What other programs make of "correct horse", with parameters that are too low for use.
	p, err := server.ParsePassword("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$x59UGLuAwBDnzRfVUBQJ7zA6GJrOY5gZkOVPda70TuA")
	require.NoError(r, err)
	r.front.AdminPassword, r.front.NodeURL = p, "wss://127.0.0.1:19556/ws"
}

func (r *rig) status(user, password string) *http.Response {
	return r.do(http.MethodGet, "/admin/status", nil, "Authorization", basicAuth(user, password))
}

func basicAuth(user, password string) string {
	r, err := http.NewRequest(http.MethodGet, "/", nil)
	if err != nil {
		panic(err)
	}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

func TestAdminStatus(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(r *rig)
		status int
		keeps  []string // parts of the body that stay
		gets   []string // and others that come
	}{
		{"well", func(*rig) {}, 200, []string{wellStatus}, nil},
		{"closed", closed, 200, []string{wellStatus}, nil},
		{"node away", func(r *rig) { r.node.Set(vsp.Standing{}, errAway) }, 500, nil,
			[]string{`"connected":false,"bestblockerror":false,"bestblockheight":0},"wallets":{"one":{"connected":true`}},
		{"node alone", func(r *rig) {
			r.node.Set(vsp.Standing{Tip: vsp.Tip{Position: vsp.Position{Height: height}}, TipTime: now}, nil)
		}, 500, []string{wellStatus}, nil},
		{"wallet unreachable", func(r *rig) { r.voters.Wallets[1].Problem = vsp.Unreachable }, 500, nil,
			[]string{`"two":{"connected":false,"infoerror":false,"daemonconnected":false,"voteversion":0,"unlocked":false,"voting":false,"bestblockerror":false,"bestblockheight":0}`}},
		{"wallet never seen", func(r *rig) { r.voters.Wallets[1].Problem = vsp.Unseen }, 500, nil, []string{`"two":{"connected":false`}},
		{"wallet without a node", func(r *rig) { r.voters.Wallets[1].Problem = vsp.SPV }, 500, nil, []string{`"two":{"connected":false`}},
		{"wallet has lost its node", func(r *rig) { r.voters.Wallets[1].Problem, r.voters.Wallets[1].NodeConnected = vsp.NoNode, false }, 500, nil,
			[]string{`"two":{"connected":true,"infoerror":false,"daemonconnected":false,"voteversion":12,`}},
		{"wallet not voting", func(r *rig) { r.voters.Wallets[1].Problem, r.voters.Wallets[1].Voting = vsp.NotVoting, false }, 500, nil,
			[]string{`"voteversion":12,"unlocked":true,"voting":false,`}},
		{"wallet locked", func(r *rig) { r.voters.Wallets[1].Problem, r.voters.Wallets[1].Unlocked = vsp.Locked, false }, 500, nil,
			[]string{`"voteversion":12,"unlocked":false,"voting":true,`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := seen(t, administered)
				r.service.SetGate(vsp.Gate{Wallets: 1, MinPeers: 1}) // one of the two may be missing
				test.change(r)
				r.look()
				answer := r.status("admin", adminPassword)
				body := text(t, answer)
				require.Equal(t, test.status, answer.StatusCode)
				require.Equal(t, "application/json; charset=utf-8", answer.Header.Get("Content-Type"))
				for _, part := range append(test.keeps, test.gets...) {
					require.Contains(t, body, part)
				}
				for _, part := range test.gets {
					require.NotContains(t, wellStatus, part)
				}
			})
		})
	}
}

func TestAdminStatusUnseen(t *testing.T) {
	r := newRig(t, administered)
	answer := r.status("admin", adminPassword)
	require.Equal(t, http.StatusInternalServerError, answer.StatusCode, "nothing was looked at yet")
	require.Contains(t, text(t, answer), `"connected":false`)
}

func TestAdminStatusRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := seen(t, administered)
		for _, header := range [][]string{
			nil, {"Authorization", ""}, {"Authorization", "Basic !"}, {"Authorization", "Bearer x"},
			{"Authorization", basicAuth("admin", "")}, {"Authorization", basicAuth("admin", adminPassword+"x")},
			{"Authorization", basicAuth("root", adminPassword)}, {"Authorization", basicAuth("", adminPassword)},
			{"Authorization", basicAuth("admin:", adminPassword)},
		} {
			answer := r.do(http.MethodGet, "/admin/status", nil, header...)
			require.Equal(t, http.StatusUnauthorized, answer.StatusCode, header)
			require.Equal(t, `Basic realm="Authorization Required"`, answer.Header.Get("WWW-Authenticate"))
			require.Empty(t, text(t, answer))
			time.Sleep(time.Second)
		}
		require.NotContains(t, r.log.String(), "horse")
		require.Equal(t, http.StatusNotFound, r.do(http.MethodPost, "/admin/status", nil).StatusCode)
	})
	without := newRig(t)
	require.Equal(t, http.StatusNotFound, without.status("admin", "").StatusCode)
	require.Equal(t, http.StatusNotFound, without.status("admin", adminPassword).StatusCode)
}

// Three a second, of each client, good or bad. It comes before the password is looked at.
func TestAdminStatusLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := seen(t, administered)
		granted, started := 0, time.Now()
		for time.Since(started) < 10*time.Second {
			answer := r.status("admin", adminPassword)
			if answer.StatusCode == http.StatusOK {
				granted++
			} else {
				require.Equal(t, http.StatusTooManyRequests, answer.StatusCode)
				require.Equal(t, "1", answer.Header.Get("Retry-After"))
				require.Empty(t, text(t, answer))
			}
			time.Sleep(20 * time.Millisecond)
		}
		require.InDelta(t, 30, granted, 3)

		time.Sleep(time.Second)
		require.Equal(t, http.StatusUnauthorized, r.status("admin", "x").StatusCode)
		require.Equal(t, http.StatusTooManyRequests, r.status("admin", adminPassword).StatusCode)
		other := r.from("203.0.113.7:1", http.MethodGet, "/admin/status", nil, "Authorization", basicAuth("admin", adminPassword))
		require.Equal(t, http.StatusOK, other.StatusCode)
	})
}
