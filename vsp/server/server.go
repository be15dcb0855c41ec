// Package server answers the VSP's HTTP requests: the v3 API, the front page, and what monitors ask.
//
// It reads, signs and writes; what is answered is the vsp.Service's. An answer is signed over the exact bytes that are
// sent, refusals as well. How much one client may ask, and how much is worked on at once, is limited, and so is the memory
// that all of it can take. The request's body, what is secret in it, and the client's address are never logged. TLS is left
// to what stands before it.
//
// The contract is vspd 1.5's; contract_test.go has it as a table. Every difference from it is deliberate, and one that the
// wallets in use accept. What is stored and promised:
//   - An answer is given only after what it says is stored; vspd stores the record of a request, and an alternate signing
//     address, after its answer.
//   - feeaddress and setaltsignaddr check the signature before they publish a ticket. A ticket that the node has is not asked
//     a parent for. One whose fee was received is refused (3) without asking the node, and a promise that has not run out is
//     repeated without it.
//   - payfee takes a payment after its promise has run out while the amount would be asked for again.
//   - A fee is in error only once the network has refused it for good. When the node is away a payment is taken (it stays
//     "received", and is sent when the node is back), and when the node has lost a fee it is sent again.
//   - A fee whose inputs are spent is refused with 15, for which wallets make another, and not with 16.
//   - A fee in error that is mined nevertheless counts as paid.
//   - A ticket goes to the wallets as soon as its fee is broadcast; vspd waits until that is confirmed.
//   - A payment that is sent again does not take back choices that were set since.
//   - setvotechoices refuses a timestamp of more than a day ahead (17), and works while no wallet is reachable.
//   - Treasury keys and tspend hashes are kept in small letters, and at most 128 of each are kept of one ticket.
//   - A voting key of another scheme than ECDSA is refused (11).
//
// What is told:
//   - New tickets are refused (2, with the reason) while votes would be at risk: see vsp.Gate. vspinfo says vspclosed then. A
//     ticket that has its fee address is served on.
//   - A ticket hash that nobody knows is an unknown ticket (6); in vspd an internal error.
//   - While the node is away a ticket's publication is an internal error (1), and not 14: the ticket is not at fault.
//   - Bytes after a request's JSON are refused (0); vspd takes them and can then never change the ticket's choices.
//   - A body above 1 MiB is refused as that, and not as broken JSON. The texts for JSON that is cut off differ.
//   - ticketstatus answers {} where vspd may answer null.
//   - vspinfo has a field more, health, and is as fresh as the newest block; vspd's counts lag by up to a minute. Its errors
//     are signed JSON.
//   - A client that asks too often gets 429 with code 0, and anyone 503 with code 1 when too much is being worked on; both
//     signed, with Retry-After. See Limits. vspd limits the API in no way.
//   - /healthz and /readyz are there.
//   - /admin/status has the wallets by their names and not their addresses, tells of them as they were last seen, and answers
//     500 also while no new tickets are taken. It is not there without a password. vspd's other pages for administration are
//     not there; that is the command's.
package server

import (
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-chi/chi/v5"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
)

// Config is what a Server is made of.
type Config struct {
	Service       *vsp.Service
	Key           ed25519.PrivateKey // signs the answers; wallets know the VSP by its public key
	Designation   string             // the VSP's name, for people
	SupportEmail  string
	Limits        Limits       // at first; see SetLimits
	AdminPassword *Password    // of the user admin, for /admin/status, which is not there if nil
	NodeURL       string       // what /admin/status calls the node
	Metrics       http.Handler // at /metrics of Private; may be nil
	Heard         http.Handler // at /heartbeat/NAME of Private; may be nil
	Observe       func(Answer) // called after each request; may be nil
	Log           *slog.Logger // may be nil
}

// Server answers requests. It is an http.Handler: the public one.
type Server struct {
	config   Config
	log      *slog.Logger
	limits   atomic.Pointer[limits]
	counted  *counts
	warned   sync.Once     // of a proxy that is not trusted
	large    chan struct{} // a slot for each large body
	pulse    pulse
	lastInfo atomic.Pointer[told] // the newest answer to vspinfo
	http.Handler
}

// New returns a Server.
func New(config Config) *Server {
	s := &Server{config: config, log: config.Log, counted: newCounts(), large: make(chan struct{}, largePlaces)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.SetLimits(config.Limits)
	s.Handler = s.routes()
	return s
}

func (s *Server) routes() http.Handler {
	service := s.config.Service
	r := chi.NewRouter()
	r.Use(s.observe)
	s.routeHealth(r)
	r.Group(func(r chi.Router) {
		r.Use(s.limit, s.sameOrigin)
		r.With(s.bounded).Get("/", s.home)
		r.With(s.bounded).Get(vspapi.PathInfo, s.info)
		r.With(s.bounded).Post(vspapi.PathFeeAddress, post(s, service.FeeAddress))
		r.With(s.bounded).Post(vspapi.PathPayFee, post(s, service.PayFee))
		r.With(s.bounded).Post(vspapi.PathTicketStatus, post(s, service.TicketStatus))
		r.With(s.bounded).Post(vspapi.PathSetVoteChoices, post(s, service.SetVoteChoices))
		r.With(s.bounded).Post(vspapi.PathSetAltSignAddr, post(s, service.SetAltSignAddr))
		if s.config.AdminPassword != nil {
			r.With(s.bounded, s.admin).Get("/admin/status", s.adminStatus)
		}
		r.NotFound(redirectSlash(r))
		r.MethodNotAllowed(redirectSlash(r))
	})
	return r
}

// sameOrigin keeps other sites' pages from sending requests through their visitors' browsers.
func (s *Server) sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := protection.Check(r); err != nil {
			entryOf(r).err = err
			plain(w, http.StatusBadRequest, "CSRF failure")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// redirectSlash answers what has no route: a path with a slash too many is sent to the one without, as gin does for vspd.
func redirectSlash(routes chi.Routes) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		path, slash := strings.CutSuffix(r.URL.Path, "/")
		if !slash || path == "" || !routes.Match(chi.NewRouteContext(), r.Method, path) {
			plain(w, http.StatusNotFound, "404 page not found")
			return
		}
		status := http.StatusTemporaryRedirect
		if r.Method == http.MethodGet {
			status = http.StatusMovedPermanently
		}
		http.Redirect(w, r, path, status)
	}
}

// isAPI reports whether a wallet asks, and so reads signed JSON.
func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

// plain writes a text that is not part of the API.
func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(status)
	fmt.Fprint(w, text)
}
