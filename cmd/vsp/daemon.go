package main

import (
	"fmt"
	"net"
	"strings"

	"scrutineer/cmd/configfile"
	"scrutineer/vsp/dcrrpc"
)

func (s *settings) checkDaemons(file *configfile.File) {
	s.node = s.Node.check(file, "node", s.profile.NodeRPCPort)
	if need := s.profile.MinWallets; len(s.Wallet) < need {
		file.Wrong("wallet", "%d voting wallets are configured, %s needs at least %d", len(s.Wallet), s.Network, need)
	}
	names, addresses := map[string]bool{}, map[string]bool{}
	for i := range s.Wallet {
		key := fmt.Sprintf("wallet[%d]", i)
		w := &s.Wallet[i]
		if w.Name == "" {
			w.Name = fmt.Sprintf("wallet-%d", i+1)
		}
		rpc := w.check(file, key, s.profile.WalletRPCPort)
		if names[w.Name] {
			file.Wrong(key+".name", "%q is another wallet's name", w.Name)
		}
		if addresses[rpc.Address] && w.Address != "" {
			file.Wrong(key+".address", "%s is another wallet's address", rpc.Address)
		}
		names[w.Name], addresses[rpc.Address] = true, true
		s.wallets = append(s.wallets, rpc)
	}
}

// check returns how to reach a daemon. A missing port is the network's own.
func (d *Daemon) check(file *configfile.File, key, port string) dcrrpc.Config {
	address := d.Address
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = strings.Trim(address, "[]")
		address = net.JoinHostPort(host, port)
	}
	if host == "" {
		file.Wrong(key+".address", "is missing: write host:port")
	}
	if d.User == "" {
		file.Wrong(key+".user", "is missing: write the daemon's RPC user")
	}
	return dcrrpc.Config{
		Address:  address,
		User:     d.User,
		Password: file.Secret(key+".password_file", d.PasswordFile),
		CertPEM:  file.Certificate(key+".cert_file", d.CertFile),
	}
}
