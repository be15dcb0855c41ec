package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
)

// Inspection is what Open would meet.
type Inspection struct {
	Schema  int64    // the version of the database's schema; 0 if there is none yet
	Newest  int64    // the version that Open would bring it to
	Lacking []string // what the account is not allowed and would need, such as "UPDATE on tickets"; on a server only
}

// Inspect looks at a database in the way of Open, and changes nothing: it makes no file and no table. Its error is what
// would keep Open from opening it. The sealing key is compared if there is anything sealed yet.
func Inspect(ctx context.Context, c Config, sealer *Sealer) (found Inspection, err error) {
	found, err = inspect(ctx, c, sealer)
	if err != nil {
		return found, fmt.Errorf("database %v: %w", c, err)
	}
	return found, nil
}

func inspect(ctx context.Context, c Config, sealer *Sealer) (found Inspection, err error) {
	d := &sqliteDialect
	if c.MySQL != nil {
		d = &mysqlDialect
	}
	if found.Newest, err = newest(d); err != nil {
		return found, err
	}
	db, err := openToLook(c)
	if db == nil || err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if found.Schema, err = schemaOf(ctx, db); err != nil {
		return found, err
	}
	if c.MySQL != nil {
		if found.Lacking, err = lacking(ctx, db, found); err != nil {
			return found, err
		}
	}
	if found.Schema > found.Newest {
		return found, fmt.Errorf("its schema is version %d, and this program knows none newer than %d: use the newer program",
			found.Schema, found.Newest)
	}
	if found.Schema > 0 {
		err = looksLikeKey(ctx, db, sealer)
	}
	return found, err
}

// openToLook returns a handle that writes nothing, or nil if there is no file yet but could be.
func openToLook(c Config) (*sql.DB, error) {
	if c.MySQL != nil {
		config, err := c.MySQL.config()
		if err != nil {
			return nil, err
		}
		return connect(config)
	}
	_, err := os.Stat(c.Path)
	if errors.Is(err, os.ErrNotExist) {
		_, err = os.Stat(filepath.Dir(c.Path))
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	return open(c.Path, url.Values{"_busy_timeout": {"5000"}, "_query_only": {"on"}})
}

// newest returns the version of the newest migration.
func newest(d *dialect) (int64, error) {
	files, err := fs.Glob(migrations, "migrations/"+d.name+"/*.sql")
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("read migrations: %w", errors.Join(err, fs.ErrNotExist))
	}
	return goose.NumericComponent(slices.Max(files))
}

// schemaOf returns the version of a database's schema; 0 if there is none.
func schemaOf(ctx context.Context, db *sql.DB) (int64, error) {
	if err := db.PingContext(ctx); err != nil {
		return 0, err
	}
	var version sql.NullInt64
	err := db.QueryRowContext(ctx, "SELECT MAX(version_id) FROM goose_db_version").Scan(&version)
	if isNumber(err, noSuchTable) || err != nil && strings.Contains(err.Error(), "no such table") {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return version.Int64, nil
}

// looksLikeKey returns an error if the database was sealed with another key.
func looksLikeKey(ctx context.Context, db *sql.DB, sealer *Sealer) error {
	var proof []byte
	err := db.QueryRowContext(ctx, "SELECT proof FROM sealing WHERE id = 1").Scan(&proof)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("check the sealing key: %w", err)
	}
	if _, err := sealer.open(proof, proofAbout); err != nil {
		return errOtherKey
	}
	return nil
}

// noSuchTable is a server's number for it, and what it says to who may not know.
const noSuchTable = 1146

// lacking returns which privileges are not there. What changes rows is tried with EXPLAIN, for which the server asks for the
// same privileges and does nothing; what makes tables is looked up, if it will be needed.
func lacking(ctx context.Context, db *sql.DB, found Inspection) (missing []string, err error) {
	if found.Schema == found.Newest {
		return lackingOnRows(ctx, db)
	}
	granted, err := grantedOnSchema(ctx, db)
	if err != nil || len(granted) == 0 {
		return nil, err // by a role, which cannot be looked up
	}
	for _, privilege := range []string{"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "INDEX"} {
		if !slices.Contains(granted, privilege) {
			missing = append(missing, privilege)
		}
	}
	return missing, nil
}

func lackingOnRows(ctx context.Context, db *sql.DB) (missing []string, err error) {
	for _, t := range tables {
		last := t.columns[len(t.columns)-1].name
		for _, try := range []struct{ privilege, statement string }{
			{"SELECT", "SELECT " + last + " FROM " + t.name + " WHERE 1 = 0"},
			{"INSERT", "INSERT INTO " + t.name + " SELECT * FROM " + t.name + " WHERE 1 = 0"},
			{"UPDATE", "UPDATE " + t.name + " SET " + last + " = " + last + " WHERE 1 = 0"},
			{"DELETE", "DELETE FROM " + t.name + " WHERE 1 = 0"},
		} {
			rows, err := db.QueryContext(ctx, "EXPLAIN "+try.statement)
			switch {
			case isNumber(err, tableDenied, columnDenied):
				missing = append(missing, try.privilege+" on "+t.name)
			case err != nil:
				return nil, fmt.Errorf("try %s on %s: %w", try.privilege, t.name, err)
			default:
				if err := rows.Close(); err != nil {
					return nil, err
				}
			}
		}
	}
	return missing, nil
}

// The numbers of a server's refusals to let an account at a table.
const tableDenied, columnDenied = 1142, 1143

// grantedOnSchema returns the privileges that the account has on the whole database.
func grantedOnSchema(ctx context.Context, db *sql.DB) (granted []string, err error) {
	rows, err := db.QueryContext(ctx, `SELECT privilege_type FROM information_schema.schema_privileges
			WHERE DATABASE() LIKE table_schema
		UNION SELECT privilege_type FROM information_schema.user_privileges WHERE privilege_type <> 'USAGE'`)
	if err != nil {
		return nil, fmt.Errorf("look up the account's privileges: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var privilege string
		if err := rows.Scan(&privilege); err != nil {
			return nil, err
		}
		granted = append(granted, strings.ToUpper(privilege))
	}
	return granted, rows.Err()
}
