package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"scrutineer/cmd/configfile"
	"scrutineer/vsp/sqlstore"
)

// defaultDatabase is where tickets are kept if the configuration names neither a file nor a server.
const defaultDatabase = "vsp.db"

func (s *settings) checkDatabase(file *configfile.File) {
	switch {
	case s.MySQL == nil && s.Database == "":
		s.Database = defaultDatabase
	case s.MySQL != nil && s.Database != "":
		file.Wrong("database", "excludes [mysql]: keep one of the two; vsp backup and vsp restore move the tickets")
	}
	s.database = file.Resolve(s.Database)
	if s.MySQL != nil {
		s.checkMySQL(file, s.MySQL)
	}
}

func (s *settings) checkMySQL(file *configfile.File, m *MySQLConfig) {
	if !configfile.IsHostPort(m.Address) {
		file.Wrong("mysql.address", "%q is not host:port, such as 127.0.0.1:3306", m.Address)
	}
	if m.Name == "" {
		file.Wrong("mysql.name", "is missing: write the database's name, such as vsp")
	}
	if m.User == "" {
		file.Wrong("mysql.user", "is missing: write the account's name, such as vsp")
	}
	s.mysqlPassword = file.Secret("mysql.password_file", m.PasswordFile)
	switch m.TLS {
	case "":
		m.TLS = "required"
	case "required":
	case "none":
		if !isLoopback(m.Address) {
			file.Wrong("mysql.tls", `"none" is for a server on this machine alone: use "required" for %s`, m.Address)
		}
	default:
		file.Wrong("mysql.tls", `%q is unknown: use "required", or "none" for a server on this machine`, m.TLS)
	}
	if m.CAFile != "" {
		s.mysqlCA = file.Certificate("mysql.ca_file", m.CAFile)
	}
}

// isLoopback reports whether a host:port is of this machine.
func isLoopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// withStore carries out what a command does with the database. The service may be running meanwhile.
func withStore(ctx context.Context, path string, act func(context.Context, *settings, *sqlstore.Store) error) (err error) {
	s, err := loadConfig(path)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return act(ctx, s, store)
}

func openStore(ctx context.Context, s *settings) (*sqlstore.Store, error) {
	sealer, err := s.sealer()
	if err != nil {
		return nil, err
	}
	return sqlstore.Open(ctx, s.store(), sealer)
}

func (s *settings) sealer() (*sqlstore.Sealer, error) { return sealerOf(s.sealingKey) }

// sealerOf returns the sealer of the key in a file.
func sealerOf(path string) (*sqlstore.Sealer, error) {
	key, err := sqlstore.ReadKeyFile(path)
	if err != nil {
		return nil, fmt.Errorf("read sealing key: %w", err)
	}
	return sqlstore.NewSealer(key)
}

// store returns which database is meant.
func (s *settings) store() sqlstore.Config {
	m := s.MySQL
	if m == nil {
		return sqlstore.Config{Path: s.database}
	}
	return sqlstore.Config{MySQL: &sqlstore.MySQL{
		Address: m.Address, Name: m.Name, User: m.User, Password: s.mysqlPassword,
		CAPEM: s.mysqlCA, Plain: m.TLS == "none",
	}}
}
