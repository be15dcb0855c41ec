package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"scrutineer/vsp"
	"scrutineer/vsp/chain"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/sqlstore"
)

// databaseTimeout bounds the look at the database.
const databaseTimeout = 20 * time.Second

func (x *examination) database(ctx context.Context) {
	if !x.sound("database", "mysql", "sealing_key_file") {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	s := x.settings
	good, err := lookAtDatabase(ctx, s)
	x.add("database", s.store().String(), good, err)
}

// lookAtDatabase returns what is good about the database, or what is wrong.
func lookAtDatabase(ctx context.Context, s *settings) (good string, err error) {
	sealer, err := s.sealer()
	if err != nil {
		return "", err
	}
	found, err := sqlstore.Inspect(ctx, s.store(), sealer)
	if err != nil {
		return "", err
	}
	if len(found.Lacking) > 0 {
		return "", fmt.Errorf("the account lacks privileges: grant it %s", strings.Join(found.Lacking, ", "))
	}
	if info, err := os.Stat(s.database); err == nil && s.MySQL == nil && info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("it may be read by others (mode %#o): chmod 600 %s", info.Mode().Perm(), s.database)
	}
	good = "in order"
	switch {
	case found.Schema == 0:
		good = "is empty; vsp serve makes its schema"
	case found.Schema < found.Newest:
		good = fmt.Sprintf("in order; vsp serve brings its schema from version %d to %d", found.Schema, found.Newest)
	}
	if s.MySQL != nil && s.MySQL.TLS == "none" {
		good += ", without TLS on this machine"
	}
	return good, nil
}

// daemons looks at the node and every wallet at once.
func (x *examination) daemons(ctx context.Context) {
	s := x.settings
	findings := make([]finding, 1+len(s.wallets))
	var looking sync.WaitGroup
	var tip int64
	if x.sound("node", "network") {
		looking.Go(func() {
			var standing vsp.Standing
			var one examination
			good, err := checkNode(ctx, s, &standing)
			one.add("node", s.node.Address, good, err)
			findings[0], tip = one.findings[0], standing.Tip.Height
		})
	}
	views := make([]walletView, len(s.wallets))
	for i, config := range s.wallets {
		if !x.sound(fmt.Sprintf("wallet[%d].", i)) {
			continue
		}
		looking.Go(func() {
			config.Timeout = walletTimeout
			w := dcrrpc.NewWallet(config)
			defer w.Close()
			views[i] = lookAt(ctx, w)
			findings[i+1].Subject = s.Wallet[i].Name
		})
	}
	looking.Wait()
	for i, f := range findings {
		switch {
		case f.Subject == "":
		case i == 0:
			x.findings = append(x.findings, f)
		default:
			good, err := judgeWallet(views[i-1], tip, s.gate.MaxLag)
			x.add(f.Subject, s.wallets[i-1].Address, good, err)
		}
	}
}

// checkNode returns what is good about the node, or what is wrong, as the gate sees it.
func checkNode(ctx context.Context, s *settings, standing *vsp.Standing) (good string, err error) {
	node := dcrrpc.NewNode(s.node)
	defer node.Close()
	network := chain.New(node, s.profile, slog.New(slog.DiscardHandler))
	if err := network.Check(ctx); err != nil {
		return "", errors.New(trouble(err))
	}
	if *standing, err = network.Standing(ctx); err != nil {
		return "", errors.New(trouble(err))
	}
	var wrong []string
	if n := standing.Peers; n < s.gate.MinPeers {
		wrong = append(wrong, fmt.Sprintf("has %s, new tickets need %d", plural(n, "peer"), s.gate.MinPeers))
	}
	if lag := standing.PeerHeight - standing.Tip.Height; s.gate.MaxLag > 0 && lag > s.gate.MaxLag {
		wrong = append(wrong, fmt.Sprintf("is %s behind its peers", plural(int(lag), "block")))
	}
	if off := standing.Offset.Abs(); s.gate.MaxClock > 0 && off > s.gate.MaxClock {
		wrong = append(wrong, fmt.Sprintf("its clock and its peers' differ by %v: set up time synchronisation", off))
	}
	if age := time.Since(standing.TipTime).Round(time.Second); s.gate.MaxAge > 0 && age > s.gate.MaxAge {
		wrong = append(wrong, fmt.Sprintf("its newest block is %v old", age))
	}
	if wrong != nil {
		return "", errors.New(strings.Join(wrong, "; "))
	}
	return fmt.Sprintf("in order: block %d, %s, version %s", standing.Tip.Height, plural(standing.Peers, "peer"), standing.Version), nil
}

// judgeWallet returns what is good about a wallet, or what keeps it from voting as it should. A tip of 0 is not known.
func judgeWallet(seen walletView, tip, maxLag int64) (good string, err error) {
	switch lag := tip - seen.Height; {
	case seen.Detail != "":
		return "", errors.New(seen.Detail)
	case seen.strangers:
		return "", errors.New("would vote with strangers' tickets: start it with --manualtickets")
	case maxLag > 0 && lag > maxLag:
		return "", fmt.Errorf("is %s behind the front end's node", plural(int(lag), "block"))
	}
	return fmt.Sprintf("ready to vote: block %d, version %s", seen.Height, seen.Version), nil
}
