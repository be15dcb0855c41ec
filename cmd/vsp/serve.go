package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"scrutineer/cmd/alerting"
	"scrutineer/vsp"
	"scrutineer/vsp/chain"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/metrics"
	"scrutineer/vsp/server"
	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/wallet"
)

// version is told in vspinfo. Wallets compare the first part with the oldest vspd that they work with.
const version = "1.5.0+scrutineer"

// walletTimeout is how late a wallet that hangs is called unreachable. Its calls are short.
const walletTimeout = 5 * time.Second

func serveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the service until SIGINT or SIGTERM",
		Long: `serve runs the service until SIGINT or SIGTERM. SIGHUP has it read its
configuration anew and take up fee_percent, fee_xpub, closed, closed_message,
[acceptance], [limits] and log.level. A configuration with a mistake changes
nothing.

Several may run on one [mysql] database, each with a node of its own: all answer
holders, and one of them does the work on the chain.`,
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		reloads := make(chan os.Signal, 1)
		signal.Notify(reloads, syscall.SIGHUP) // before anything takes time: it would end the program
		defer signal.Stop(reloads)
		s, err := loadConfig(*path)
		if err != nil {
			return err
		}
		log, level := newLog(os.Stderr, s)
		return serve(c.Context(), &front{path: *path, settings: s, log: log, level: level}, reloads)
	}
	return c
}

// front is the running service, as far as a new configuration may change it.
type front struct {
	path     string
	settings *settings // in force
	log      *slog.Logger
	level    *slog.LevelVar
	service  *vsp.Service
	server   *server.Server
	metrics  *metrics.Metrics
	expected *expected // nil without alerts
}

// serve runs everything until the context ends. Daemons that are away are waited for, and a database server as well; what
// cannot heal by itself ends it: a port is taken, the database does not open.
func serve(ctx context.Context, f *front, reloads <-chan os.Signal) (err error) {
	s, log := f.settings, f.log
	if err := portsFree(s); err != nil {
		return err
	}
	store, err := awaitStore(ctx, s, log)
	if err != nil && ctx.Err() != nil {
		return nil // stopped before it began
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	node := dcrrpc.NewNode(s.node)
	defer node.Close()
	network := chain.New(node, s.profile, log)
	voters := newPool(s, network, log)
	if err := f.build(store, network, voters); err != nil {
		return err
	}
	var duty *alerting.Duty // nil without alerts
	if s.alerting != nil {
		if duty, err = alerting.NewDuty(s.alerting, votesReport(f.service), log); err != nil {
			return fmt.Errorf("set up alerts: %w", err)
		}
		defer duty.Close()
		withdraw(duty.Desk, s, time.Now())
	}

	group, ctx := errgroup.WithContext(ctx)
	run := func(loop func(context.Context)) { group.Go(func() error { loop(ctx); return nil }) }
	if err := f.listen(ctx, group); err != nil {
		return err
	}
	run(network.Run)
	run(voters.Run)
	run(f.service.Run)
	run(func(ctx context.Context) { f.reloading(ctx, reloads) })
	if duty != nil {
		group.Go(func() error { return duty.Serve(ctx) })
		run(func(ctx context.Context) { watchVoters(ctx, duty.Desk, voters, voters.Looks(), s.Site) })
		run(duty.Ping)
		newWatch(s, duty.Desk, f.service, f.expected, log).run(run)
	}
	return group.Wait()
}

// build makes the service and what shows it.
func (f *front) build(store *sqlstore.Store, network *chain.Chain, voters *wallet.Pool) (err error) {
	s := f.settings
	name := s.frontName()
	f.service, err = vsp.New(vsp.Config{Profile: s.profile, Store: store, Chain: network, Voters: voters, Node: network,
		Gate: s.gate, Terms: s.terms(), Holder: name, Version: version, Log: f.log})
	if err != nil {
		return err
	}
	f.metrics = metrics.New(metrics.Config{Network: s.profile.Name, Version: version, Name: name, Log: f.log})
	f.metrics.Show(f.service)
	f.metrics.SetClosed(s.Closed)
	f.metrics.Reloaded(time.Now(), true)
	var heard http.Handler
	if s.Alerts != nil {
		f.expected = newExpected(s.Alerts.Expect, time.Now())
		heard = f.expected
	}
	f.server = server.New(server.Config{Service: f.service, Key: s.signingKey, Designation: s.Designation, SupportEmail: s.SupportEmail,
		Limits: s.limits(), AdminPassword: s.adminPassword, NodeURL: "wss://" + s.node.Address + "/ws",
		Metrics: f.metrics.Handler(), Heard: heard, Observe: f.observe, Log: f.log})
	return nil
}

func (f *front) observe(a server.Answer) {
	f.metrics.Observe(metrics.Answer{Endpoint: a.Endpoint, Status: a.Status, Refused: a.Refused, Code: a.Code, Took: a.Took})
}

// listen begins to answer, on the public address and on the private one.
func (f *front) listen(ctx context.Context, group *errgroup.Group) error {
	s := f.settings
	public, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if s.MetricsListen != "" {
		private, err := net.Listen("tcp", s.MetricsListen)
		if err != nil {
			return errors.Join(fmt.Errorf("listen for metrics: %w", err), public.Close())
		}
		group.Go(func() error { return f.server.ServePrivate(ctx, private) })
	}
	group.Go(func() error { return f.server.Serve(ctx, public) })
	f.log.Info("serving", "address", public.Addr(), "metrics", s.MetricsListen, "network", s.profile.Name, "wallets", len(s.wallets))
	return nil
}

// portsFree returns an error if an address cannot be listened on. It is asked before the database is waited for.
func portsFree(s *settings) error {
	for _, address := range []string{s.Listen, s.MetricsListen} {
		if address == "" {
			continue
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		if err := listener.Close(); err != nil {
			return fmt.Errorf("listen: %w", err)
		}
	}
	return nil
}

// frontName is what this front end is called among several.
func (s *settings) frontName() string {
	if s.Name != "" {
		return s.Name
	}
	host, err := os.Hostname()
	if err != nil {
		return "vsp"
	}
	return host
}

func (s *settings) terms() vsp.Terms {
	return vsp.Terms{FeePercent: s.FeePercent, XPub: s.FeeXPub, Closed: s.Closed, ClosedMessage: s.ClosedMessage}
}

func (s *settings) limits() server.Limits {
	return server.Limits{PerMinute: s.Limits.RequestsPerMinute, TrustedProxies: s.proxies}
}

func newPool(s *settings, network *chain.Chain, log *slog.Logger) *wallet.Pool {
	var configs []wallet.Config
	for i, rpc := range s.wallets {
		rpc.Timeout = walletTimeout
		configs = append(configs, wallet.Config{Name: s.Wallet[i].Name, RPC: rpc})
	}
	return wallet.New(configs, network, s.profile, wallet.Options{CheckEvery: time.Duration(s.CheckEvery), Log: log})
}
