package server

import (
	"crypto/subtle"
	"net/http"
	"time"

	"scrutineer/vsp"
)

// /admin/status may be asked about 3 times a second of one client, as in vspd. A guess at the password costs tens of
// milliseconds and megabytes, so few are checked at once, whoever they are from.
const (
	statusInterval   = time.Second / 3
	passwordsAtATime = 2
)

// status is the answer to /admin/status, as monitors know it from vspd.
type status struct {
	Node    nodeStatus              `json:"dcrd"`
	Wallets map[string]walletStatus `json:"wallets"` // by name, where vspd has their addresses
}

type nodeStatus struct {
	Host            string `json:"host"`
	Connected       bool   `json:"connected"`
	BestBlockError  bool   `json:"bestblockerror"`
	BestBlockHeight uint32 `json:"bestblockheight"`
}

type walletStatus struct {
	Connected       bool   `json:"connected"`
	InfoError       bool   `json:"infoerror"`
	DaemonConnected bool   `json:"daemonconnected"`
	VoteVersion     uint32 `json:"voteversion"`
	Unlocked        bool   `json:"unlocked"`
	Voting          bool   `json:"voting"`
	BestBlockError  bool   `json:"bestblockerror"`
	BestBlockHeight int64  `json:"bestblockheight"`
}

// adminStatus answers GET /admin/status, with 500 if anything is wrong: with any wallet, with the node, or so that no new
// tickets are taken.
func (s *Server) adminStatus(w http.ResponseWriter, r *http.Request) {
	health := s.config.Service.Health()
	answer, code := statusOf(health, s.config.NodeURL), http.StatusOK
	if !answer.well() || len(health.Reasons) > 0 {
		code = http.StatusInternalServerError
	}
	writeJSON(w, code, answer)
}

// statusOf tells of the node and the wallets as they were last seen. Nobody is asked for it, so a monitor costs them nothing.
func statusOf(h vsp.Health, nodeURL string) status {
	st := status{Node: nodeStatus{Host: nodeURL}, Wallets: make(map[string]walletStatus)}
	if !h.At.IsZero() && h.NodeErr == nil {
		st.Node.Connected, st.Node.BestBlockHeight = true, uint32(h.Standing.Tip.Height)
	}
	for _, v := range h.Voters {
		switch v.Problem {
		case vsp.Unseen, vsp.Unreachable, vsp.SPV: // vspd has no connection to an SPV wallet
			st.Wallets[v.Name] = walletStatus{}
			continue
		}
		st.Wallets[v.Name] = walletStatus{Connected: true, DaemonConnected: v.NodeConnected, VoteVersion: v.VoteVersion,
			Unlocked: v.Unlocked, Voting: v.Voting, BestBlockHeight: v.Height}
	}
	return st
}

func (st status) well() bool {
	for _, w := range st.Wallets {
		if !w.Connected || !w.DaemonConnected || !w.Voting || !w.Unlocked {
			return false
		}
	}
	return st.Node.Connected
}

// admin lets the administrator in. The limit comes before the password, and is there for other users' names too.
func (s *Server) admin(next http.Handler) http.Handler {
	rate := newRate(1, statusInterval, newCounts())
	checking := make(chan struct{}, passwordsAtATime)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rate.OnLimit(w, r, key(entryOf(r).client)) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		user, password, ok := r.BasicAuth()
		if ok && subtle.ConstantTimeCompare([]byte(user), []byte("admin")) == 1 {
			select {
			case checking <- struct{}{}:
				ok = s.config.AdminPassword.Is(password)
				<-checking
			case <-r.Context().Done():
				return
			}
		} else {
			ok = false
		}
		if !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="Authorization Required"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// writeJSON writes what is not part of the API, and so not signed.
func writeJSON(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(encode(answer)) // who is gone asks again
}
