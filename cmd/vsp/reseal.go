package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/vsp/sqlstore"
)

func resealCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "reseal NEW_KEY_FILE",
		Short: "Seal the voting keys with another key",
		Long: `reseal seals all that is sealed in the database with the key in NEW_KEY_FILE,
which is made if it is not there. It is one step: whatever ends it, the database
is of the old key or of the new. The service must not be running.

Keep the old key as long as backups are kept that were sealed with it.`,
		Args: cobra.ExactArgs(1),
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return withStore(c.Context(), *path, func(ctx context.Context, s *settings, store *sqlstore.Store) error {
			return reseal(ctx, c.OutOrStdout(), newProgress(c.ErrOrStderr()), s, store, args[0])
		})
	}
	return c
}

func reseal(ctx context.Context, out io.Writer, meter progress, s *settings, store *sqlstore.Store, file string) error {
	made := false
	to, err := sealerOf(file)
	if errors.Is(err, fs.ErrNotExist) {
		made = true
		if err := sqlstore.WriteKeyFile(file); err != nil {
			return err
		}
		to, err = sealerOf(file)
	}
	if err != nil {
		return program.Misuse(err)
	}
	err = store.Reseal(ctx, to, func(done, total int) { meter.show("%d of %d sealed", done, total) })
	meter.end()
	if err != nil {
		if made {
			err = fmt.Errorf("%w\nthe new key in %s was made and is not used yet: give it again", err, file)
		}
		return err
	}
	_, err = fmt.Fprintf(out, `All is sealed with the key in %s. Now, in this order:
1. Copy that file to where the old key is kept safe.
2. Write into the configuration: sealing_key_file = %q
3. vsp check, then start the service.
4. vsp backup FILE: backups made before need the old key, %s.
`, file, s.file.Named(file), s.sealingKey)
	return err
}
