package probe

import (
	"context"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/verifier"
)

// node looks at our own node. It must be of the target's network and have a peer: a node that hears nobody knows no
// height to compare with, and shows nothing of our own network. And where the node that is ours is slow, our own machine may be
// what is slow.
func node(ctx context.Context, v *Vantage, _ *verifier.NodeState) verifier.Observation {
	o := verifier.Observation{Endpoint: "own node"}
	began := v.Now()
	genesis, err := v.Node.BlockHash(ctx, 0)
	if err == nil && genesis != v.Target.Network.Params.GenesisHash {
		o.Code, o.Detail = verifier.NodeMisfit, "its first block is "+genesis.String()
		return o
	}
	state := new(verifier.NodeState)
	if err == nil {
		var hash chainhash.Hash
		state.Height, hash, err = v.Node.BestBlock(ctx)
		state.Hash = verifier.Hash(hash)
	}
	if err == nil {
		state.Peers, err = v.Node.PeerCount(ctx)
	}
	switch {
	case err != nil:
		o.Code, o.Detail = verifier.NodeAway, err.Error()
		return o
	case state.Peers == 0:
		o.Code = verifier.NodeAlone
	case v.Now().Sub(began) > verifier.SlowFactor*v.Policy.TargetLatency:
		o.Code = verifier.NodeSlow
	default:
		o.Code = verifier.OK
	}
	o.Node = state
	return o
}
