package blocks

import (
	"compress/gzip"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp/dcrrpc"
)

// chainDir is a recorded chain that the tests of this package and of package votes read.
const chainDir = "../votes/testdata/simnet"

var (
	recordNode   = flag.String("record-node", "", "record the chain of this simnet node, host:port, into "+chainDir)
	recordWallet = flag.String("record-wallet", "", "and what this wallet says of its tickets, host:port")
	recordCert   = flag.String("record-cert", "", "certificate of both")
	recordUser   = flag.String("record-user", "", "user of both")
	recordPass   = flag.String("record-pass", "", "password of both")
)

// TestRecord makes the recorded chain anew, on demand:
//
//	go test ./verifier/blocks -run TestRecord -record-node 127.0.1.1:19556 -record-wallet 127.0.1.1:19557 -record-cert ...
//
// The chain must be of a private simnet, with at least 560 blocks, so that some tickets expire, and with a voting wallet
// that was locked for some blocks, so that some of its tickets are missed: that wallet is the one to record.
func TestRecord(t *testing.T) {
	if *recordNode == "" {
		return
	}
	cert, err := os.ReadFile(*recordCert)
	require.NoError(t, err)
	config := dcrrpc.Config{Address: *recordNode, User: *recordUser, Password: *recordPass, CertPEM: cert}
	rpc := dcrrpc.NewNode(config)
	defer rpc.Close()
	config.Address = *recordWallet
	wallet := dcrrpc.NewWallet(config)
	defer wallet.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()

	node := New(rpc)
	tip, err := node.Tip(ctx)
	require.NoError(t, err)
	file, err := os.Create(filepath.Join(chainDir, "blocks.gz"))
	require.NoError(t, err)
	packed, err := gzip.NewWriterLevel(file, gzip.BestCompression)
	require.NoError(t, err)
	for block, err := range node.Range(ctx, 1, tip) {
		require.NoError(t, err)
		require.NoError(t, block.Serialize(packed))
	}
	require.NoError(t, packed.Close())
	require.NoError(t, file.Close())

	var live, tickets strings.Builder
	for _, ticket := range tip.Live {
		fmt.Fprintln(&live, ticket)
	}
	infos, err := wallet.Tickets(ctx, 0)
	require.NoError(t, err)
	for _, info := range infos {
		fmt.Fprintln(&tickets, info.Hash, info.Status)
	}
	require.NoError(t, os.WriteFile(filepath.Join(chainDir, "live.txt"), []byte(live.String()), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(chainDir, "wallet.txt"), []byte(tickets.String()), 0o644))
}
