// Package probe looks at a VSP from outside: one function per kind of probe, all listed in one visible map.
//
// A probe always returns an observation. That the VSP is down is one, and so is that we could not look: its code says
// which. What a code counts as is not decided here but in verifier's table. Each probe ends by its deadline.
package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/verifier"
)

// Probes is every kind of probe. Each is given what our own node had said in the same round, nil if nothing. One that does
// not apply to the target returns nothing.
var Probes = map[string]func(context.Context, *Vantage, *verifier.NodeState) []verifier.Observation{
	verifier.KindNode:    one(node),
	verifier.KindInfo:    one(info),
	verifier.KindSite:    one(site),
	verifier.KindTLS:     secure,
	verifier.KindControl: controls,
}

// one is a probe that always makes one observation.
func one(probe func(context.Context, *Vantage, *verifier.NodeState) verifier.Observation) func(context.Context, *Vantage, *verifier.NodeState) []verifier.Observation {
	return func(ctx context.Context, v *Vantage, own *verifier.NodeState) []verifier.Observation {
		return []verifier.Observation{probe(ctx, v, own)}
	}
}

// Node is our own node: the control, and what the VSP's height is compared with.
type Node interface {
	BestBlock(ctx context.Context) (int64, chainhash.Hash, error)
	BlockHash(ctx context.Context, height int64) (chainhash.Hash, error)
	PeerCount(ctx context.Context) (int, error)
}

// Vantage is where we look from.
type Vantage struct {
	Name     string
	Target   verifier.Target
	Policy   verifier.Policy
	Node     Node
	HTTP     *http.Client
	Roots    *x509.CertPool // that certificates must lead to; nil: the system's
	Controls []string       // URLs of sites that have nothing to do with the target; one that answers shows that we can see
	Slot     time.Duration  // a round is over before the next slot begins
	Now      func() time.Time
	Strayed  func() time.Duration // how far our clock was set forward since we began; less than 0: back; nil: not known

	before *verifier.NodeState // what our own node had said in the round before this one, nil if nothing; Round's
}

// NewHTTP returns a client that makes a new connection for each request, as a wallet that comes along would. Certificates
// must lead to the roots; nil: the system's.
func NewHTTP(roots *x509.CertPool) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	transport.Proxy = nil // a proxy would be one more thing that can fail, and not the VSP's
	return &http.Client{Transport: transport}
}

// Shares of a slot that the control and the probes after it may take. What is left is for writing things down.
const (
	controlShare = 0.3
	probeShare   = 0.5
)

// Fits reports whether a slot is long enough to tell a slow answer from a good one, and how long it would have to be.
func Fits(p verifier.Policy, slot time.Duration) (time.Duration, bool) {
	need := time.Duration(float64(verifier.SlowFactor*p.TargetLatency) / probeShare).Round(time.Millisecond)
	return need, slot >= need
}

// mostOver is how long after its deadline a probe may end. On a machine that is not too busy that is a millisecond or two; on
// one that is, also answers wait until somebody has the time to read them.
const mostOver = 500 * time.Millisecond

// deadline is how long a probe may take: up to twice as long as a slow answer does, so that slow and silent can be told
// apart.
func (v *Vantage) deadline(kind string) time.Duration {
	if kind == verifier.KindNode {
		return time.Duration(controlShare * float64(v.Slot))
	}
	return min(2*verifier.SlowFactor*v.Policy.TargetLatency, time.Duration(probeShare*float64(v.Slot)))
}

// Round carries out every probe: our own node first, then the others at the same time. All of it belongs to the slot in
// which the round began. One round of a vantage is over before the next begins.
func (v *Vantage) Round(ctx context.Context) []verifier.Observation {
	began := v.Now().UTC()
	control := v.look(ctx, began, verifier.KindNode, nil)[0]
	kinds := slices.DeleteFunc(slices.Sorted(maps.Keys(Probes)), func(kind string) bool { return kind == verifier.KindNode })
	seen := make([][]verifier.Observation, len(kinds))
	var looking sync.WaitGroup
	for i, kind := range kinds {
		looking.Go(func() { seen[i] = v.look(ctx, began, kind, control.Node) })
	}
	looking.Wait()
	v.before = control.Node
	all := append([]verifier.Observation{control}, slices.Concat(seen...)...)
	v.excuse(all)
	return all
}

// Control looks at our own node alone.
func (v *Vantage) Control(ctx context.Context) verifier.Observation {
	return v.look(ctx, v.Now().UTC(), verifier.KindNode, nil)[0]
}

func (v *Vantage) look(ctx context.Context, began time.Time, kind string, own *verifier.NodeState) []verifier.Observation {
	limited, cancel := context.WithTimeout(ctx, v.deadline(kind))
	defer cancel()
	at := v.Now()
	seen := Probes[kind](limited, v, own)
	v.HTTP.CloseIdleConnections() // net/http leaves some open that speak HTTP/2, though none is to be kept: a week has many
	for i := range seen {
		o := &seen[i]
		o.At, o.Kind, o.Vantage = began, kind, v.Name
		if o.Took == 0 {
			o.Took = v.Now().Sub(at)
		}
		switch over := v.Now().Sub(at) - v.deadline(kind); {
		case ctx.Err() != nil:
			o.Code, o.Detail = verifier.Interrupted, "" // what it looks like is our doing
		case over > mostOver && o.Code.State() == verifier.Down:
			o.Code, o.Detail = verifier.Starved, fmt.Sprintf("it ended %v after its deadline: %s", over.Round(time.Millisecond), o.Detail)
		}
	}
	return seen
}
