package probe

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
	"scrutineer/vsp/network"
	"scrutineer/vsp/vspapi"
)

var (
	signingKey = ed25519.NewKeyFromSeed([]byte("a key of nobody, for tests alone"))
	publicKey  = signingKey.Public().(ed25519.PublicKey)
)

// ownNode is a node at height 100, if not at another.
type ownNode struct {
	height  int64
	peers   int
	genesis chainhash.Hash
	err     error
	during  func()
}

func (n ownNode) BestBlock(context.Context) (int64, chainhash.Hash, error) {
	if n.during != nil {
		n.during()
	}
	return cmp.Or(n.height, 100), chainhash.Hash{1}, n.err
}
func (n ownNode) BlockHash(context.Context, int64) (chainhash.Hash, error) { return n.genesis, n.err }
func (n ownNode) PeerCount(context.Context) (int, error)                   { return n.peers, n.err }

func vantage(t testing.TB, url string) *Vantage {
	profile, err := network.Lookup("simnet")
	require.NoError(t, err)
	policy := verifier.DefaultPolicy()
	return &Vantage{Name: "here", Target: verifier.Target{URL: url, PubKey: publicKey, Network: profile}, Policy: policy,
		Node: ownNode{peers: 3, genesis: profile.Params.GenesisHash}, HTTP: NewHTTP(nil), Slot: time.Minute, Now: time.Now}
}

// impatient is a target latency at which a test does not take long, and a busy machine is still not slow.
const impatient = 100 * time.Millisecond

// said is what a VSP in order says.
func said() vspapi.Info {
	return vspapi.Info{APIVersions: []int64{3}, Timestamp: time.Now().Unix(), PubKey: publicKey, Network: "simnet", BlockHeight: 100}
}

func answer(w http.ResponseWriter, info vspapi.Info) {
	body, err := json.Marshal(info)
	if err != nil {
		panic(err)
	}
	w.Header().Set(vspapi.ServerSignature, vspapi.Sign(signingKey, body))
	_, _ = w.Write(body)
}

// stating answers with a statement that was changed, signed as it is.
func stating(change func(*vspapi.Info)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		info := said()
		change(&info)
		answer(w, info)
	}
}

func TestInfo(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    verifier.Code
	}{
		{"in order", stating(func(*vspapi.Info) {}), verifier.OK},
		{"behind within the lag", stating(func(i *vspapi.Info) { i.BlockHeight = 98 }), verifier.OK},
		{"behind", stating(func(i *vspapi.Info) { i.BlockHeight = 97 }), verifier.StaleHeight},
		{"ahead within the lag", stating(func(i *vspapi.Info) { i.BlockHeight = 102 }), verifier.OK},
		{"ahead of our node", stating(func(i *vspapi.Info) { i.BlockHeight = 103 }), verifier.AheadOfUs},
		{"another network", stating(func(i *vspapi.Info) { i.Network = "mainnet" }), verifier.WrongNetwork},
		{"another key named", stating(func(i *vspapi.Info) { i.PubKey = make([]byte, 32) }), verifier.WrongKey},
		{"version 4 alone", stating(func(i *vspapi.Info) { i.APIVersions = []int64{4} }), verifier.NoVersion3},
		{"replayed", stating(func(i *vspapi.Info) { i.Timestamp -= 400 }), verifier.StaleAnswer},
		{"postdated", stating(func(i *vspapi.Info) { i.Timestamp += 400 }), verifier.StaleAnswer},
		{"slow", func(w http.ResponseWriter, r *http.Request) {
			pause(r, 5*impatient+50*time.Millisecond)
			answer(w, said())
		}, verifier.Slow},
		{"silent", func(_ http.ResponseWriter, r *http.Request) { pause(r, time.Minute) }, verifier.NoAnswer},
		{"silent in the middle", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "500")
			_, _ = w.Write([]byte("{"))
			w.(http.Flusher).Flush()
			pause(r, time.Minute)
		}, verifier.NoAnswer},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, verifier.NoAnswer},
		{"hangs up in the middle", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "500")
			_, _ = w.Write([]byte("{"))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, verifier.NoAnswer},
		{"server error", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadGateway) }, verifier.BadStatus},
		{"not found", http.NotFound, verifier.BadStatus},
		{"unsigned", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }, verifier.BadSignature},
		{"changed on the way", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(vspapi.ServerSignature, vspapi.Sign(signingKey, []byte(`{"voted":1}`)))
			_, _ = w.Write([]byte(`{"voted":2}`))
		}, verifier.BadSignature},
		{"signed garbage", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(vspapi.ServerSignature, vspapi.Sign(signingKey, []byte("hello")))
			_, _ = w.Write([]byte("hello"))
		}, verifier.Garbage},
		{"signed nothing", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(vspapi.ServerSignature, vspapi.Sign(signingKey, nil))
		}, verifier.Garbage},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(test.handler)
			defer server.Close()
			v := vantage(t, server.URL)
			if test.want == verifier.Slow || test.want == verifier.NoAnswer {
				v.Policy.TargetLatency = impatient
			}
			v.before = &verifier.NodeState{Height: 100}
			seen := v.Round(t.Context())
			require.Equal(t, verifier.OK, seen[0].Code)
			o := of(t, seen, verifier.KindInfo)
			require.Equal(t, test.want, o.Code, "%s", o.Detail)
			for _, each := range seen {
				require.Equal(t, "here", each.Vantage)
				require.Equal(t, seen[0].At, each.At, "all belong to the slot in which the round began")
			}
			require.Less(t, o.Took, time.Duration(probeShare*float64(v.Slot)))
			if test.want == verifier.OK {
				info, err := o.Info()
				require.NoError(t, err)
				require.Equal(t, "simnet", info.Network)
				require.NoError(t, vspapi.Verify(publicKey, o.Raw.Body, o.Raw.Signature), "the evidence can be checked again")
			}
		})
	}
}

// A statement that was made a slot before may be told again, as vspd does, however many blocks came since. One that was old
// then is old.
func TestBlocksThatCameWithinASlot(t *testing.T) {
	var said atomic.Uint32
	server := httptest.NewServer(stating(func(i *vspapi.Info) { i.BlockHeight = said.Load() }))
	defer server.Close()
	v := vantage(t, server.URL)
	for _, round := range []struct {
		ours int64
		said uint32
		want verifier.Code
	}{
		{100, 90, verifier.NodeNotKnown}, // nobody saw for how long
		{110, 98, verifier.OK},
		{110, 107, verifier.StaleHeight},
		{104, 102, verifier.OK},
		{120, 101, verifier.StaleHeight},
	} {
		v.Node = ownNode{peers: 3, genesis: v.Target.Network.Params.GenesisHash, height: round.ours}
		said.Store(round.said)
		o := of(t, v.Round(t.Context()), verifier.KindInfo)
		require.Equal(t, round.want, o.Code, "said %d, ours %d: %s", round.said, round.ours, o.Detail)
	}
}

// pause waits as a slow server does, and no longer than the client.
func pause(r *http.Request, d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
}

func TestHugeAnswerIsKeptCut(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 1<<20))
	}))
	defer server.Close()
	o := of(t, vantage(t, server.URL).Round(t.Context()), verifier.KindInfo)
	require.Equal(t, verifier.BadSignature, o.Code)
	require.Len(t, o.Raw.Body, verifier.MaxRaw)
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(stating(func(*vspapi.Info) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of each client that turns away
	server.StartTLS()
	defer server.Close()
	v := vantage(t, server.URL)
	require.Equal(t, verifier.BadTLS, of(t, v.Round(t.Context()), verifier.KindInfo).Code, "issued by nobody we know")

	trusted := server.Client()
	v.HTTP = trusted
	require.Equal(t, verifier.OK, of(t, v.Round(t.Context()), verifier.KindInfo).Code)

	v.Target.URL = strings.Replace(server.URL, "127.0.0.1", "127.0.0.2", 1)
	listener, err := net.Listen("tcp", strings.TrimPrefix(v.Target.URL, "https://"))
	require.NoError(t, err)
	other := &http.Server{Handler: server.Config.Handler, TLSConfig: server.TLS.Clone(), ErrorLog: server.Config.ErrorLog}
	go func() { _ = other.ServeTLS(listener, "", "") }()
	defer other.Close()
	require.Equal(t, verifier.BadTLS, of(t, v.Round(t.Context()), verifier.KindInfo).Code, "a certificate of another host")

	plain := httptest.NewServer(stating(func(*vspapi.Info) {}))
	defer plain.Close()
	v.Target.URL = strings.Replace(plain.URL, "http:", "https:", 1)
	require.Equal(t, verifier.BadTLS, of(t, v.Round(t.Context()), verifier.KindInfo).Code, "no TLS at all")
}

func TestNobodyListens(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	o := of(t, vantage(t, server.URL).Round(t.Context()), verifier.KindInfo)
	require.Equal(t, verifier.Refused, o.Code)
	require.Nil(t, o.Raw)
}

// Whose fault a failed connection is depends on how it failed.
func TestTransport(t *testing.T) {
	dial := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	tests := []struct {
		err  error
		want verifier.Code
	}{
		{dial(syscall.ECONNREFUSED), verifier.Refused},
		{dial(syscall.ENETUNREACH), verifier.NoRoute},
		{dial(syscall.ENETDOWN), verifier.NoRoute},
		{dial(syscall.EMFILE), verifier.NoRoute},
		{dial(syscall.EHOSTUNREACH), verifier.NoAnswer},
		{dial(syscall.ETIMEDOUT), verifier.NoAnswer},
		{&net.DNSError{Err: "no such host", Name: "vsp.example.org", IsNotFound: true}, verifier.NoName},
		{&net.DNSError{Err: "server misbehaving", Name: "vsp.example.org", IsTemporary: true}, verifier.NoResolver},
		{&net.DNSError{Err: "i/o timeout", Name: "vsp.example.org", IsTimeout: true}, verifier.NoResolver},
		{context.DeadlineExceeded, verifier.NoAnswer},
		{errors.New("something else"), verifier.NoAnswer},
	}
	for _, test := range tests {
		require.Equal(t, test.want, transport(fmt.Errorf("get: %w", test.err)), "%v", test.err)
	}
}

func TestControl(t *testing.T) {
	server := httptest.NewServer(stating(func(*vspapi.Info) {}))
	defer server.Close()
	v := vantage(t, server.URL)
	genesis := v.Target.Network.Params.GenesisHash
	v.Policy.TargetLatency = impatient
	var late time.Duration
	v.Now = func() time.Time { return time.Now().Add(late) }
	tests := []struct {
		name string
		node ownNode
		want verifier.Code
		info verifier.Code
	}{
		{"slow", ownNode{peers: 1, genesis: genesis, during: func() { late += 5*impatient + time.Millisecond }}, verifier.NodeSlow, verifier.OK},
		{"in order", ownNode{peers: 1, genesis: genesis}, verifier.OK, verifier.OK},
		{"alone", ownNode{genesis: genesis}, verifier.NodeAlone, verifier.OK},
		{"away", ownNode{err: errors.New("gone")}, verifier.NodeAway, verifier.NodeNotKnown},
		{"on another network", ownNode{peers: 1}, verifier.NodeMisfit, verifier.NodeNotKnown},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v.Node = test.node
			seen := v.Round(t.Context())
			require.Equal(t, test.want, seen[0].Code)
			require.Equal(t, test.info, of(t, seen, verifier.KindInfo).Code)
			if test.want != verifier.OK {
				require.Equal(t, verifier.Unknown, test.want.State(), "our own node's troubles count for nobody")
			}
		})
	}
}

func TestInterruptedCountsForNobody(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		pause(r, time.Minute)
	}))
	defer server.Close()
	for _, o := range vantage(t, server.URL).Round(ctx)[1:] {
		require.Equal(t, verifier.Interrupted, o.Code)
		require.Equal(t, verifier.Unknown, o.Code.State())
	}
}

// TestABusyMachineBlamesNobody: where our own deadline passed unnoticed, what we did not see may have been there.
func TestABusyMachineBlamesNobody(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { pause(r, time.Minute) }))
	defer server.Close()
	v := vantage(t, server.URL)
	v.Policy.TargetLatency = impatient
	var slept atomic.Int64 // nanoseconds
	v.Now = func() time.Time { return time.Now().Add(time.Duration(slept.Load())) }
	o := v.look(t.Context(), v.Now(), verifier.KindInfo, nil)[0]
	require.Equal(t, verifier.NoAnswer, o.Code)
	time.AfterFunc(impatient, func() { slept.Store(int64(mostOver + time.Second)) })
	o = v.look(t.Context(), v.Now(), verifier.KindInfo, nil)[0]
	require.Equal(t, verifier.Starved, o.Code)
	require.Equal(t, verifier.Unknown, o.Code.State())
	require.Contains(t, o.Detail, "after its deadline")
}

// of returns the one observation of a kind.
func of(t testing.TB, seen []verifier.Observation, kind string) verifier.Observation {
	t.Helper()
	var found []verifier.Observation
	for _, o := range seen {
		if o.Kind == kind {
			found = append(found, o)
		}
	}
	require.Len(t, found, 1, kind)
	return found[0]
}

func TestEveryProbeIsListed(t *testing.T) {
	require.Len(t, Probes, 5)
	for kind, probe := range Probes {
		require.NotEmpty(t, kind)
		require.NotNil(t, probe)
	}
}

func TestFits(t *testing.T) {
	policy := verifier.DefaultPolicy()
	need, ok := Fits(policy, verifier.RealSlot)
	require.True(t, ok)
	require.Equal(t, 20*time.Second, need)
	_, ok = Fits(policy, 19*time.Second)
	require.False(t, ok)
}
