package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"scrutineer/cmd/configfile"
	"scrutineer/cmd/program"
	"scrutineer/vsp"
	"scrutineer/vsp/chain"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/vspd"
)

func importVspdCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "import-vspd DATABASE",
		Short: "Bring over what decred's vspd has",
		Long: `import-vspd brings over what decred's vspd has: tickets with their voting keys,
fees and choices, the requests that prove them, alternate signing addresses, the
last fee address given of each extended public key, and the key that vspd signs
with. Clients need no change: they meet the same VSP.

DATABASE is vspd.db while vspd is stopped, or vspd.db-backup at any time. It is
only read. Run the import as the user that vsp serve runs as; where that user may
not read DATABASE, give it a copy. vsp serve must not be running, the node must.

It can be carried out again, after it was cut short or with a later DATABASE. Then
it brings what is new, and leaves alone what is known better here. So the pause is
short: import the backup while vspd runs, stop vspd, import vspd.db, vsp serve.

Exit code 1 says that something was refused, or that the configuration does not
fit.`,
		Args: cobra.ExactArgs(1),
	}
	var flags importFlags
	path := configFlag(c)
	asJSON := jsonFlag(c)
	c.Flags().BoolVar(&flags.dry, "dry-run", false, "look at DATABASE and at the configuration, and write nothing")
	c.Flags().BoolVar(&flags.replaceKey, "replace-signing-key", false, "put aside a signing key that no wallet knows")
	c.RunE = func(c *cobra.Command, args []string) error {
		view := &importView{DryRun: flags.dry}
		err := importVspd(c.Context(), args[0], *path, flags, newProgress(c.ErrOrStderr()), view)
		if view.PublicKey == "" {
			return err // nothing was seen of the database
		}
		return errors.Join(view.write(c.OutOrStdout(), *asJSON), err)
	}
	return c
}

type importFlags struct{ dry, replaceKey bool }

// importVspd imports the database at path. What it has done, and seen of the database, it tells in view, also where it
// returns an error.
func importVspd(ctx context.Context, path, config string, flags importFlags, show progress, view *importView) (err error) {
	defer show.end()
	db, err := vspd.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	view.see(db)
	s, err := loadForImport(config, db)
	if err != nil {
		return err
	}
	keyPath := s.file.Resolve(s.SigningKeyFile)
	if err := checkImportedKey(s, db.Key, flags.replaceKey); err != nil {
		return err
	}
	contents, err := db.Look(ctx, throttle(func(done, total int) error {
		show.show("reading: ticket %d of %d", done, total)
		return nil
	}))
	if err != nil {
		return err
	}
	view.look(contents, s)
	if !flags.dry {
		if err := placeSigningKey(keyPath, db.Key); err != nil {
			return err
		}
		if err := runImport(ctx, s, db, contents, show, view); err != nil {
			return err
		}
		view.complete = true
	}
	if n := view.refused(); n > 0 {
		return program.AnswerNo(fmt.Errorf("%s refused", plural(n, "record")))
	}
	return nil
}

// loadForImport is load where the signing key need not be there yet. A configuration that does not fit vspd's database is
// refused, with what would fit.
func loadForImport(path string, db *vspd.Database) (*settings, error) {
	s, err := load(path)
	var mistakes *configfile.Mistakes
	if errors.As(err, &mistakes) {
		if _, statErr := os.Stat(s.file.Resolve(s.SigningKeyFile)); errors.Is(statErr, os.ErrNotExist) {
			mistakes.List = slices.DeleteFunc(mistakes.List, func(m configfile.Mistake) bool { return m.Key == "signing_key_file" })
		}
		err = nil
		if len(mistakes.List) > 0 {
			err = fmt.Errorf("%d mistakes in the configuration:\n%w", len(mistakes.List), mistakes)
		}
	} else if err != nil {
		return nil, err
	}
	newest := db.XPubs[len(db.XPubs)-1].Key
	switch {
	case s.profile.Name != db.Network.Name:
		err = errors.Join(fmt.Errorf("the configuration is for another network: write network = %q", db.Network.Name), err)
	case s.FeeXPub != newest:
		err = errors.Join(fmt.Errorf("the configuration has another extended public key than vspd gives addresses of now: write\n"+
			"fee_xpub = %q\nvsp xpub rotate can change it later", newest), err)
	}
	if err != nil {
		return nil, program.AnswerNo(err)
	}
	return s, nil
}

const (
	// importLease is how long after a killed import vsp serve has to wait.
	importLease = 30 * time.Second

	importRenew = importLease / 6
)

// runImport puts the contents into the database of the configuration. It holds the lease meanwhile, so that no service
// works on half of them.
func runImport(ctx context.Context, s *settings, db *vspd.Database, contents *vspd.Contents, show progress, view *importView) (err error) {
	store, err := openStore(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	l := &importLeaseHolder{lease: store}
	if err := l.renew(ctx); err != nil {
		return err
	}
	defer l.resign()
	node := dcrrpc.NewNode(s.node)
	defer node.Close()
	view.Report, err = db.Import(ctx, contents, store, chain.New(node, s.profile, slog.New(slog.DiscardHandler)),
		throttle(func(done, total int) error {
			show.show("importing: ticket %d of %d", done, total)
			return l.renew(ctx)
		}))
	return err
}

// importLeaseHolder holds the lease for an import.
type importLeaseHolder struct {
	lease   vsp.Lease
	renewed time.Time
}

func (l *importLeaseHolder) holder() string {
	host, _ := os.Hostname()
	return "import-vspd on " + host
}

// renew takes the lease, or renews it when it is time to.
func (l *importLeaseHolder) renew(ctx context.Context) error {
	now := time.Now()
	if now.Sub(l.renewed) < importRenew {
		return nil
	}
	leads, err := l.lease.Lead(ctx, l.holder(), importLease)
	if err == nil && !leads {
		err = program.AnswerNo(errors.New("vsp serve is running on the configured database: stop it; what was imported so far stays"))
	}
	if err == nil {
		l.renewed = now
	}
	return err
}

// resign gives the lease back. If that fails it runs out by itself.
func (l *importLeaseHolder) resign() {
	ctx, cancel := context.WithTimeout(context.Background(), importRenew)
	defer cancel()
	_ = l.lease.Resign(ctx, l.holder())
}

// throttle lets through some calls a second.
func throttle(act vspd.Progress) vspd.Progress {
	var last time.Time
	return func(done, total int) error {
		if now := time.Now(); now.Sub(last) >= 200*time.Millisecond {
			last = now
			return act(done, total)
		}
		return nil
	}
}
