package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"scrutineer/vsp"
	"scrutineer/vsp/chain"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/server"
	"scrutineer/vsp/wallet"
)

// version is told in vspinfo. Wallets compare the first part with the oldest vspd that they work with.
const version = "1.5.0+scrutineer"

// walletTimeout is how late a wallet that hangs is called unreachable. Its calls are short.
const walletTimeout = 5 * time.Second

// drainTimeout bounds the delivery of mails that still wait when the service ends.
const drainTimeout = 5 * time.Second

func serveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the service until SIGINT or SIGTERM",
		Args:  cobra.NoArgs,
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		s, err := loadConfig(*path)
		if err != nil {
			return err
		}
		return serve(c.Context(), s, newLog(os.Stderr, s))
	}
	return c
}

// serve runs everything until the context ends. Daemons that are away are waited for; what cannot heal by itself ends it:
// the port is taken, the database does not open.
func serve(ctx context.Context, s *settings, log *slog.Logger) (err error) {
	store, err := openStore(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	listener, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer listener.Close()
	node := dcrrpc.NewNode(s.node)
	defer node.Close()
	network := chain.New(node, s.profile, log)
	voters := newPool(s, network, log)
	service, err := vsp.New(vsp.Config{
		Profile: s.profile, Store: store, Chain: network, Voters: voters,
		Terms:   vsp.Terms{FeePercent: s.FeePercent, XPub: s.FeeXPub, Closed: s.Closed, ClosedMessage: s.ClosedMessage},
		Version: version, Log: log,
	})
	if err != nil {
		return err
	}
	front := server.New(server.Config{Service: service, Key: s.signingKey, Designation: s.Designation,
		SupportEmail: s.SupportEmail, Log: log})

	desk, err := newDesk(s, log)
	if err != nil {
		return fmt.Errorf("set up alerts: %w", err)
	}

	group, ctx := errgroup.WithContext(ctx)
	run := func(loop func(context.Context)) { group.Go(func() error { loop(ctx); return nil }) }
	run(network.Run)
	run(voters.Run)
	run(service.Run)
	if desk != nil {
		defer drain(desk, log)
		run(func(ctx context.Context) { watchVoters(ctx, desk, voters, s.Site, time.Duration(s.CheckEvery)) })
	}
	group.Go(func() error { return front.Serve(ctx, listener) })
	log.Info("serving", "address", listener.Addr(), "network", s.profile.Name, "wallets", len(s.wallets))
	return group.Wait()
}

func newPool(s *settings, network *chain.Chain, log *slog.Logger) *wallet.Pool {
	var configs []wallet.Config
	for i, rpc := range s.wallets {
		rpc.Timeout = walletTimeout
		configs = append(configs, wallet.Config{Name: s.Wallet[i].Name, RPC: rpc})
	}
	return wallet.New(configs, network, s.profile, wallet.Options{CheckEvery: time.Duration(s.CheckEvery), Log: log})
}
