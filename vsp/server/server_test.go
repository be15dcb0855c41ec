package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"scrutineer/vsp"
	"scrutineer/vsp/server"
	"scrutineer/vsp/vspapi"
)

func text(t testing.TB, answer *http.Response) string {
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(body)
}

func TestNoRoute(t *testing.T) {
	r := newRig(t)
	for _, request := range []string{
		"GET /nothing", "GET /api/v3/payfee", "POST /api/v3/vspinfo", "HEAD /api/v3/vspinfo", "OPTIONS /api/v3/vspinfo",
		"POST /", "GET /api/v3/", "PUT /api/v3/payfee", "POST /api/v3/payfee/x", "GET /api/v3/payfee/",
	} {
		method, path, _ := strings.Cut(request, " ")
		answer := r.do(method, path, nil)
		require.Equal(t, http.StatusNotFound, answer.StatusCode, request)
		require.Equal(t, "text/plain", answer.Header.Get("Content-Type"))
		require.Equal(t, "404 page not found", text(t, answer))
		require.Empty(t, answer.Header.Get(vspapi.ServerSignature))
	}
}

func TestSlashTooMany(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{vspapi.PathFeeAddress, vspapi.PathPayFee, vspapi.PathTicketStatus, vspapi.PathSetVoteChoices} {
		answer := r.do(http.MethodPost, path+"/", nil)
		require.Equal(t, http.StatusTemporaryRedirect, answer.StatusCode)
		require.Equal(t, path, answer.Header.Get("Location"))
		require.Empty(t, text(t, answer))
	}
	answer := r.do(http.MethodGet, vspapi.PathInfo+"/", nil)
	require.Equal(t, http.StatusMovedPermanently, answer.StatusCode)
	require.Equal(t, vspapi.PathInfo, answer.Header.Get("Location"))
}

func TestOtherOrigin(t *testing.T) {
	r := newRig(t)
	for _, header := range [][]string{{"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example.org"}} {
		answer := r.do(http.MethodPost, vspapi.PathTicketStatus, nil, header...)
		require.Equal(t, http.StatusBadRequest, answer.StatusCode)
		require.Equal(t, "CSRF failure", text(t, answer))
		require.Equal(t, http.StatusOK, r.do(http.MethodGet, vspapi.PathInfo, nil, header...).StatusCode)
	}
	answer := r.do(http.MethodPost, vspapi.PathTicketStatus, nil, "Origin", "http://example.com") // the host that was asked
	require.Equal(t, vspapi.BadRequest, r.refusal(answer).Code)
}

func TestPanic(t *testing.T) {
	r := newRig(t)
	ticket := r.paid(1)
	r.chain.Fail = func(string) (bool, error) { panic("out of cheese") }
	got := r.refusal(r.post(vspapi.PathTicketStatus, r.ticketStatus(ticket).with("tickethash", unseen).by(ticket.Holder)))
	require.Equal(t, vspapi.InternalError, got.Code)
	require.Contains(t, r.log.String(), "out of cheese")
	require.Contains(t, r.log.String(), "authentication.go", "the stack is logged")
}

// A request is one line in the log that tells what went on, and not what is secret.
func TestAccessLog(t *testing.T) {
	r := newRig(t)
	ticket := r.paid(1)
	lines := strings.Split(strings.TrimSpace(r.log.String()), "\n")
	require.Len(t, lines, 2)
	for i, endpoint := range []string{vspapi.PathFeeAddress, vspapi.PathPayFee} {
		require.Regexp(t, fmt.Sprintf(`^time=\S+ level=INFO msg=request method=POST endpoint=%s status=200 took=\S+ ticket=%s$`,
			endpoint, ticket.Hash()), lines[i])
	}
	require.NotContains(t, r.log.String(), ticket.VotingKey())

	r.log.Reset()
	r.post(vspapi.PathPayFee, r.payFee(ticket, ticket.Tx).by(ticket.Holder))
	require.Contains(t, r.log.String(), "level=INFO")
	require.Contains(t, r.log.String(), "status=400")
	require.Contains(t, r.log.String(), "code=3")

	r.log.Reset()
	r.chain.Fail = nodeAway()
	r.post(vspapi.PathTicketStatus, r.ticketStatus(ticket).with("tickethash", unseen).by(ticket.Holder))
	require.Contains(t, r.log.String(), "level=ERROR")
	require.Contains(t, r.log.String(), errAway.Error())

	r.log.Reset()
	r.do(http.MethodGet, "/wp-login.php?user=x", nil)
	require.Regexp(t, `level=DEBUG msg=request method=GET endpoint=none status=404 took=\S+\n$`, r.log.String())
	r.log.Reset()
	r.chain.Fail = nil
	long := r.setVoteChoices(ticket).with("votechoices", fields{strings.Repeat("z", 1<<19): "yes"})
	require.Equal(t, vspapi.InvalidVoteChoices, r.refusal(r.post(vspapi.PathSetVoteChoices, long.by(ticket.Holder))).Code)
	require.Less(t, r.log.Len(), 1000)
}

// Who counts requests is told of each once, also of those that nobody worked on.
func TestObserve(t *testing.T) {
	var seen []server.Answer
	r := newRig(t, limited(6), func(r *rig) { r.front.Observe = func(a server.Answer) { seen = append(seen, a) } })
	ticket := r.paid(1)
	seen = nil
	r.do(http.MethodGet, vspapi.PathInfo, nil)
	r.post(vspapi.PathPayFee, r.payFee(ticket, ticket.Tx).by(ticket.Holder))
	r.do(http.MethodGet, "/wp-login.php", nil)
	r.chain.Fail = func(string) (bool, error) { panic("out of cheese") }
	r.post(vspapi.PathTicketStatus, r.ticketStatus(ticket).with("tickethash", unseen).by(ticket.Holder))
	r.do(http.MethodPost, vspapi.PathSetVoteChoices, nil)
	r.do(http.MethodGet, "/healthz", nil)
	for i := range seen {
		require.Positive(t, seen[i].Took)
		seen[i].Took = 0
	}
	require.Equal(t, []server.Answer{
		{Endpoint: vspapi.PathInfo, Status: 200},
		{Endpoint: vspapi.PathPayFee, Status: 400, Refused: true, Code: vspapi.FeeAlreadyReceived},
		{Endpoint: "none", Status: 404},
		{Endpoint: vspapi.PathTicketStatus, Status: 500, Refused: true, Code: vspapi.InternalError},
		{Endpoint: vspapi.PathSetVoteChoices, Status: 429, Refused: true, Code: vspapi.BadRequest},
		{Endpoint: "/healthz", Status: 200},
	}, seen)
}

// What a wallet sees over a real connection: a large body gets its answer, and one that never ends does not stay.
func TestServe(t *testing.T) {
	defer goleak.VerifyNone(t)
	r := newRig(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- r.Serve(ctx, listener) }()
	url := "http://" + listener.Addr().String()

	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	answer, err := client.Post(url+vspapi.PathTicketStatus, "", bytes.NewReader(make([]byte, 2<<20)))
	require.NoError(t, err)
	require.Equal(t, vspapi.BadRequest, r.refusal(answer).Code)
	require.NoError(t, answer.Body.Close())

	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"tickethash\"", vspapi.PathTicketStatus)
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	reply, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Contains(t, string(reply), `{"code":0,"message":"request body could not be read"}`)

	private, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { served <- r.ServePrivate(ctx, private) }()
	answer, err = client.Get("http://" + private.Addr().String() + "/healthz")
	require.NoError(t, err)
	require.Equal(t, "ok", text(t, answer))
	require.NoError(t, answer.Body.Close())

	stop()
	require.NoError(t, <-served)
	require.NoError(t, <-served)
}

func TestServeFails(t *testing.T) {
	r := newRig(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	require.Error(t, r.Serve(t.Context(), listener))
}

func TestNewRefuses(t *testing.T) {
	r := newRig(t)
	for _, percent := range []float64{0, 0.009, 100.01, -1} {
		config := r.config
		config.Terms.FeePercent = percent
		_, err := vsp.New(config)
		require.Error(t, err)
	}
}
