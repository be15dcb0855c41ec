package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/vsp"
	"scrutineer/vsp/sqlstore"
)

func backupCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write all tickets to a file, while the service runs or not",
		Long: `backup writes all that is in the database to FILE, as it is at one moment, reads
it again, and only then gives the file its name; one that is there is replaced.
Voting keys in it are sealed: it is worth nothing without the sealing key, which
is not in it.

Keep three things apart from this machine: FILE, the sealing key, the signing
key.`,
		Args: cobra.ExactArgs(1),
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return withStore(c.Context(), *path, func(ctx context.Context, s *settings, store *sqlstore.Store) error {
			if err := store.Backup(ctx, args[0]); err != nil {
				return err
			}
			info, err := os.Stat(args[0])
			if err != nil {
				return fmt.Errorf("look at the backup: %w", err)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: %d bytes, read again and in order.\nWithout these it is worth nothing: %s, %s\n",
				args[0], info.Size(), s.sealingKey, s.file.Resolve(s.SigningKeyFile))
			return err
		})
	}
	return c
}

func restoreCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup into the database, of either kind",
		Long: `restore puts a backup into the database that the configuration names, SQLite or
[mysql], whichever it was made from: this is also how a VSP moves from one to
the other. The service must not be running. A database with something in it
stays as it is, unless --force has it emptied.

Fee addresses that were given out after the backup must not be given out again.
Where the database does not know them any more, so many are passed over of each
key; 0 will do for a backup that was made after the service was stopped.`,
		Args: cobra.ExactArgs(1),
	}
	path := configFlag(c)
	force := c.Flags().Bool("force", false, "delete what is in the database")
	skip := c.Flags().Uint32("skip", 100, "pass over so many fee `ADDRESSES`")
	c.RunE = func(c *cobra.Command, args []string) error {
		s, err := loadConfig(*path)
		if err != nil {
			return err
		}
		return restore(c.Context(), c.OutOrStdout(), s, args[0], *force, *skip)
	}
	return c
}

func restore(ctx context.Context, out io.Writer, s *settings, from string, force bool, skip uint32) (err error) {
	if _, err := os.Stat(from); err != nil {
		return program.Misuse(fmt.Errorf("the backup: %w", err))
	}
	sealer, err := s.sealer()
	if err != nil {
		return err
	}
	known, err := knownIndexes(ctx, s)
	if err != nil {
		return err
	}
	if err := sqlstore.Restore(ctx, s.store(), from, sealer, force); err != nil {
		return err
	}
	store, err := openStore(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	passed, err := passOver(ctx, store, known, skip)
	if err != nil {
		return err
	}
	tickets, err := store.Select(ctx, vsp.Filter{})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s restored.\n", plural(len(tickets), "ticket"))
	if passed > 0 {
		fmt.Fprintf(out, "Passed over %s of each of %s: see vsp xpub status.\n",
			pluralOf(int(skip), "fee address", "fee addresses"), plural(passed, "key"))
	}
	_, err = fmt.Fprintln(out, "Start the service: it finds out by itself what has happened since the backup.")
	return err
}

// knownIndexes returns the keys of which the database knows what was given out. A restored backup does not take that back.
func knownIndexes(ctx context.Context, s *settings) (known map[string]bool, err error) {
	store, err := openStore(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	indexes, err := store.FeeIndexes(ctx)
	known = make(map[string]bool)
	for _, f := range indexes {
		known[f.XPub] = true
	}
	return known, err
}

// passOver raises the index of every key that was not known, and returns of how many.
func passOver(ctx context.Context, store *sqlstore.Store, known map[string]bool, skip uint32) (passed int, err error) {
	if skip == 0 {
		return 0, nil
	}
	indexes, err := store.FeeIndexes(ctx)
	if err != nil {
		return 0, err
	}
	for _, f := range indexes {
		if known[f.XPub] {
			continue
		}
		if err := store.RaiseFeeIndex(ctx, f.XPub, f.Last+skip); err != nil {
			return passed, err
		}
		passed++
	}
	return passed, nil
}
