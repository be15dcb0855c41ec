package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*/*.sql
var migrations embed.FS

// migrate brings the schema to this program's version. A migration that was cut short is done anew. Nobody else may be
// opening the database.
func migrate(ctx context.Context, db *sql.DB, d *dialect) error {
	files, err := fs.Sub(migrations, "migrations/"+d.name)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	provider, err := goose.NewProvider(d.goose, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if err := prepareVersions(ctx, db, d); err != nil {
		return fmt.Errorf("make the table of the schema's versions: %w", err)
	}
	have, want, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if have > want {
		return fmt.Errorf("its schema is version %d, and this program knows none newer than %d: use the newer program",
			have, want)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("bring the schema from version %d to %d: %w", have, want, err)
	}
	return nil
}

// prepareVersions makes goose's table of versions with its first row, unless it is there or goose does so safely. Who
// opens a schema that is up to date needs no privilege to make tables.
func prepareVersions(ctx context.Context, db *sql.DB, d *dialect) error {
	if d.versions == nil {
		return nil
	}
	var rows int
	if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM goose_db_version").Scan(&rows); err == nil && rows > 0 {
		return nil
	}
	for _, statement := range d.versions {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
