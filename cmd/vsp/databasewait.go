package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"

	"scrutineer/vsp/sqlstore"
)

// storeRetry is how often a database server that is away is tried again.
const storeRetry = 2 * time.Second

// awaitStore opens the database. A server that is away is waited for: it may be starting just as we are. Whatever else is
// wrong would still be wrong later, and is returned.
func awaitStore(ctx context.Context, s *settings, log *slog.Logger) (*sqlstore.Store, error) {
	for waiting := false; ; waiting = true {
		store, err := openStore(ctx, s)
		if err == nil && waiting {
			log.Info("database is there", "database", s.store())
		}
		if err == nil || ctx.Err() != nil || !isAway(err) {
			return store, err
		}
		if !waiting {
			log.Warn("database is away, waiting for it", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(storeRetry):
		}
	}
}

// passing are the numbers of a server's refusals that pass: it has too many connections (1040), is going down (1053), or is
// a node of a cluster that has not joined yet (1047).
var passing = []uint16{1040, 1047, 1053}

// isAway reports whether a database server could not be asked, or not yet. What it or its certificate says is none of that.
func isAway(err error) bool {
	var said *mysql.MySQLError
	if errors.As(err, &said) {
		return slices.Contains(passing, said.Number)
	}
	var network *net.OpError
	if errors.As(err, &network) {
		return network.Op != "remote error" && network.Op != "local error" // which are TLS alerts (crypto/tls)
	}
	var lookup *net.DNSError
	return errors.As(err, &lookup) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
