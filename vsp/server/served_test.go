package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/network"
	"scrutineer/vsp/server"
	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/storetest"
	"scrutineer/vsp/vsptest"
)

// serveEnv makes this program serve, in a process of its own, whose memory can be told from the tests'. Its value is the
// Store's storeConfig in JSON; an empty one stands for memory.
const serveEnv = "VSP_SERVER_TEST_SERVE"

// storeConfig is a Config that has a server's password with it, which a Config does not tell.
type storeConfig struct {
	sqlstore.Config
	Password string
}

func TestMain(m *testing.M) {
	if config, ok := os.LookupEnv(serveEnv); ok {
		if err := serveStore(config); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveStore serves until stdin ends, and writes its address to stdout.
func serveStore(config string) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() { defer stop(); _, _ = io.Copy(io.Discard, os.Stdin) }()
	store, err := storeOf(ctx, config)
	if err != nil {
		return err
	}
	profile, err := network.Lookup("simnet")
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	service, err := vsp.New(vsp.Config{
		Profile: profile, Store: store, Chain: &generous{Chain: vsptest.NewChain(profile.Params, height)},
		Voters: &vsptest.Voters{Wallets: []vsp.VoterState{soundWallet("one"), soundWallet("two"), soundWallet("three")}},
		Terms:  vsp.Terms{FeePercent: 2, XPub: vsptest.XPub(profile.Params)}, Version: "1.5.0+bench", Log: log,
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	var running sync.WaitGroup
	running.Go(func() { service.Run(ctx) })
	defer running.Wait()
	return server.New(server.Config{Service: service, Key: key, Log: log, Limits: server.Limits{PerMinute: 1e9}}).Serve(ctx, listener)
}

func storeOf(ctx context.Context, config string) (vsp.Store, error) {
	if config == "" {
		return new(storetest.Memory), nil
	}
	var c storeConfig
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return nil, err
	}
	if c.MySQL != nil {
		c.MySQL.Password = c.Password
	}
	sealer, err := sqlstore.NewSealer(make([]byte, 32))
	if err != nil {
		return nil, err
	}
	return sqlstore.Open(ctx, c.Config, sealer)
}

// generous is a chain that has the coins which the same chain in another process has made for its tickets: the first, the
// second and so on.
type generous struct {
	*vsptest.Chain
	mu   sync.Mutex // guards made
	made int
}

// mostCoins is more than a benchmark pays.
const mostCoins = 200_000

func (g *generous) Publish(ctx context.Context, tx *wire.MsgTx) error {
	err := g.Chain.Publish(ctx, tx)
	g.mu.Lock()
	defer g.mu.Unlock()
	for errors.Is(err, vsp.ErrOrphan) && g.made < mostCoins {
		g.Coin(g.StakeDifficulty + 1e4 + 1e5) // what Ticket pays, and Pay adds
		g.made++
		err = g.Chain.Publish(ctx, tx)
	}
	return err
}

// served is a Server in a process of its own.
type served struct {
	address string
	process *exec.Cmd
}

// startServed starts a Server on a Store. It ends with the test.
func startServed(t testing.TB, config string) *served {
	s := &served{process: exec.Command(os.Args[0])}
	s.process.Env = append(os.Environ(), serveEnv+"="+config)
	s.process.Stderr = os.Stderr
	stdin, err := s.process.StdinPipe()
	require.NoError(t, err)
	stdout, err := s.process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.process.Start())
	t.Cleanup(func() {
		stdin.Close()
		timer := time.AfterFunc(20*time.Second, func() { _ = s.process.Process.Kill() })
		defer timer.Stop()
		require.NoError(t, s.process.Wait())
	})
	address, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	s.address = strings.TrimSpace(address)
	return s
}

// used returns how long the process has had a processor; 0 where the system does not tell.
func (s *served) used() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest) // from the third field of proc(5) on
	const user, system = 14 - 3, 15 - 3
	var ticks [2]int64
	for i, field := range []int{user, system} {
		if _, err := fmt.Sscan(fields[field], &ticks[i]); err != nil {
			return 0
		}
	}
	return time.Duration(ticks[0]+ticks[1]) * (time.Second / 100) // USER_HZ is 100 on all of Linux
}

// memory returns how much of the machine's memory the process holds now and has held at most, in MB; 0 where the system does
// not tell.
func (s *served) memory() (now, most float64) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	if err != nil {
		return 0, 0
	}
	field := func(name string) (mb float64) {
		if _, rest, ok := strings.Cut(string(status), name+":"); ok {
			var kib float64
			if _, err := fmt.Sscan(rest, &kib); err == nil {
				return kib * 1024 / 1e6
			}
		}
		return 0
	}
	return field("VmRSS"), field("VmHWM")
}
