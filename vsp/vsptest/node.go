package vsptest

import (
	"context"
	"sync"

	"scrutineer/vsp"
)

// Node is a node that stands as it is told. Its zero value knows of no block and has no peers.
type Node struct {
	mu       sync.Mutex // guards what follows
	standing vsp.Standing
	err      error
	hangs    bool
}

var _ vsp.Node = (*Node)(nil)

// Set has the node answer so from now on.
func (n *Node) Set(standing vsp.Standing, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.standing, n.err, n.hangs = standing, err, false
}

// Hang has the node answer nothing from now on.
func (n *Node) Hang() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hangs = true
}

// Standing implements vsp.Node.
func (n *Node) Standing(ctx context.Context) (vsp.Standing, error) {
	n.mu.Lock()
	standing, err, hangs := n.standing, n.err, n.hangs
	n.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return vsp.Standing{}, ctx.Err()
	}
	return standing, err
}
