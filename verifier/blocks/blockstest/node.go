// Package blockstest is a real node with a recorded chain, for tests.
package blockstest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/decred/dcrd/wire"

	"scrutineer/vsp/dcrrpc"
)

// Node is a running dcrd of a simnet of its own, with no peers.
type Node struct {
	*dcrrpc.Node
	Config   dcrrpc.Config
	CertFile string
	PassFile string
	process  *exec.Cmd
}

// Start runs the executable dcrd in dir, on a free port of 127.0.0.1, with more of its flags if given. The node ends by
// Close, or at the latest with us.
func Start(ctx context.Context, dcrd, dir string, flags ...string) (*Node, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	n := &Node{CertFile: filepath.Join(dir, "rpc.cert"), PassFile: filepath.Join(dir, "password")}
	n.Config = dcrrpc.Config{Address: address, User: "test", Password: rand.Text()}
	conf := fmt.Sprintf("rpcuser=%s\nrpcpass=%s\n", n.Config.User, n.Config.Password)
	if err := errors.Join(os.WriteFile(n.PassFile, []byte(n.Config.Password+"\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "dcrd.conf"), []byte(conf), 0o600)); err != nil {
		return nil, fmt.Errorf("configure dcrd: %w", err)
	}
	n.process = exec.Command(dcrd, append([]string{"--simnet", "--appdata=" + dir, "--configfile=" + filepath.Join(dir, "dcrd.conf"),
		"--rpclisten=" + address, "--nolisten", "--nodiscoverip"}, flags...)...)
	n.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := n.process.Start(); err != nil {
		return nil, fmt.Errorf("start dcrd: %w", err)
	}
	if err := n.ready(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// freeAddress returns an address that nobody listens on.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// ready waits until the node answers. It makes its certificate itself, before it listens.
func (n *Node) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		cert, err := os.ReadFile(n.CertFile)
		if err == nil {
			n.Config.CertPEM = cert
			n.Node = dcrrpc.NewNode(n.Config)
			if _, _, err = n.BestBlock(ctx); err == nil {
				return nil
			}
			n.Node.Close()
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for dcrd: %w, last: %w", ctx.Err(), err)
		}
	}
}

// Feed gives the node the blocks of a file, as TestRecord of package blocks makes it, and returns how many they were.
func (n *Node) Feed(ctx context.Context, file string) (int, error) {
	blocks, err := ReadBlocks(file)
	if err != nil {
		return 0, fmt.Errorf("feed dcrd: %w", err)
	}
	return len(blocks), n.FeedBlocks(ctx, blocks)
}

// FeedBlocks gives the node blocks that follow on its chain.
func (n *Node) FeedBlocks(ctx context.Context, blocks []*wire.MsgBlock) error {
	for _, block := range blocks {
		if err := n.feed(ctx, block); err != nil {
			return fmt.Errorf("feed dcrd block %d: %w", block.Header.Height, err)
		}
	}
	return nil
}

func (n *Node) feed(ctx context.Context, block *wire.MsgBlock) error {
	raw, err := block.Bytes()
	if err != nil {
		return err
	}
	var refusal *string
	if err := n.Call(ctx, &refusal, "submitblock", hex.EncodeToString(raw)); err != nil {
		return err
	}
	if refusal != nil {
		return errors.New(*refusal)
	}
	return nil
}

// Close ends the node.
func (n *Node) Close() error {
	if n.Node != nil {
		n.Node.Close()
	}
	if err := n.process.Process.Signal(os.Interrupt); err != nil {
		return fmt.Errorf("stop dcrd: %w", err)
	}
	kill := time.AfterFunc(15*time.Second, func() { _ = n.process.Process.Kill() })
	defer kill.Stop()
	if err := n.process.Wait(); err != nil {
		return fmt.Errorf("stop dcrd: %w", err)
	}
	return nil
}
