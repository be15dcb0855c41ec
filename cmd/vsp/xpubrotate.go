package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"scrutineer/cmd/configfile"
	"scrutineer/cmd/program"
	"scrutineer/vsp/sqlstore"
)

func xpubRotateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "rotate NEW",
		Short: "Have fees paid to another extended public key from now on",
		Long: `rotate writes NEW into the configuration as fee_xpub, and leaves every other
line as it is. A copy of the file before stays beside it. The service takes it
up when it is told to reload. Addresses that were given out stay good: their
tickets' fees are still paid to the former key, so keep its wallet.`,
		Args: cobra.ExactArgs(1),
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return withStore(c.Context(), *path, func(ctx context.Context, s *settings, store *sqlstore.Store) error {
			return rotate(ctx, c.OutOrStdout(), c.ErrOrStderr(), *path, s, store, args[0])
		})
	}
	return c
}

func rotate(ctx context.Context, out, warnings io.Writer, path string, s *settings, store *sqlstore.Store, xpub string) error {
	if err := checkXPub(xpub, s.profile); err != nil {
		return program.Misuse(fmt.Errorf("the new key %w", err))
	}
	if xpub == s.FeeXPub {
		return program.Misuse(errors.New("the new key is the present one: nothing to do"))
	}
	former, err := formerIndex(ctx, store, xpub)
	if err != nil {
		return err
	}
	copied, err := rewrite(path, s, xpub, time.Now())
	if err != nil {
		return err
	}
	if former > 0 {
		fmt.Fprintf(warnings, "warning: fees were paid to this key before: it goes on after index %d\n", former)
	}
	_, err = fmt.Fprintf(out, `fee_xpub is changed in %s.
The file before is %s.
Now tell the service: systemctl reload vsp, or kill -HUP its process.
`, path, copied)
	return err
}

// formerIndex returns the last index that was given out of a key; 0 if none was.
func formerIndex(ctx context.Context, store *sqlstore.Store, xpub string) (uint32, error) {
	indexes, err := store.FeeIndexes(ctx)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(indexes, func(f sqlstore.FeeIndex) bool { return f.XPub == xpub })
	if i < 0 {
		return 0, nil
	}
	return indexes[i].Last, nil
}

// rewrite changes the key in the configuration, and returns the path of a copy of the file before. What is written was
// loaded before it takes the file's place, and differs in nothing else.
func rewrite(path string, s *settings, xpub string, now time.Time) (copied string, err error) {
	path, err = filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("find the configuration: %w", err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the configuration: %w", err)
	}
	text, err := s.file.Replaced("fee_xpub", s.FeeXPub, xpub)
	if err != nil {
		return "", err
	}
	next := path + ".new"
	if err := os.RemoveAll(next); err != nil {
		return "", fmt.Errorf("make room for the new configuration: %w", err)
	}
	if err := writeLike(path, next, text); err != nil {
		return "", fmt.Errorf("write the new configuration: %w", err)
	}
	loaded, err := load(next)
	if err == nil {
		if differ := configfile.Difference(s.Config, loaded.Config, s.file, loaded.file); !slices.Equal(differ, []string{"fee_xpub"}) {
			err = fmt.Errorf("more than the key would change: %v", differ)
		}
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("check the new configuration: %w", err), os.Remove(next))
	}
	copied = fmt.Sprintf("%s.%s", path, now.UTC().Format("20060102T150405.000Z"))
	if err := writeLike(path, copied, before); err != nil {
		return "", errors.Join(fmt.Errorf("keep a copy of the configuration: %w", err), os.Remove(next))
	}
	if err := os.Rename(next, path); err != nil {
		return "", fmt.Errorf("put the new configuration in place: %w", err)
	}
	return copied, nil
}

// writeLike writes a new file with the mode, and as far as we may the owner, of another.
func writeLike(model, path string, data []byte) error {
	if err := program.WriteNew(path, data); err != nil {
		return err
	}
	info, err := os.Stat(model)
	if err != nil {
		return err
	}
	if err := os.Chmod(path, info.Mode().Perm()); err != nil {
		return err
	}
	return chownLike(path, info)
}
