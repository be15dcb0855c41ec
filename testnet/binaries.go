package testnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Binaries are the daemons' executables.
type Binaries struct {
	Node   string // dcrd
	Wallet string // dcrwallet
}

// daemonPackages are the `tool`s of testnet/daemons/go.mod, which pins their versions.
var daemonPackages = []string{"github.com/decred/dcrd", "decred.org/dcrwallet/v5"}

// FindBinaries returns the daemons in dir.
func FindBinaries(dir string) (Binaries, error) {
	b := Binaries{Node: filepath.Join(dir, "dcrd"), Wallet: filepath.Join(dir, "dcrwallet")}
	for _, path := range []string{b.Node, b.Wallet} {
		info, err := os.Stat(path)
		if err != nil {
			return Binaries{}, fmt.Errorf("find daemons: %w", err)
		}
		if info.IsDir() || info.Mode()&0o111 == 0 {
			return Binaries{}, fmt.Errorf("find daemons: %s is no executable", path)
		}
	}
	return b, nil
}

// BuildBinaries builds the daemons of the checkout into its folder bin, and tells progress, which may be nil. Cold it
// takes over a minute; with Go's build cache warm, less than a second, so there is no check whether they are up to date.
func BuildBinaries(ctx context.Context, checkout string, progress io.Writer) (Binaries, error) {
	out := filepath.Join(checkout, "bin")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return Binaries{}, fmt.Errorf("build daemons: %w", err)
	}
	if err := build(ctx, filepath.Join(checkout, "testnet", "daemons"), out, daemonPackages, progress); err != nil {
		return Binaries{}, fmt.Errorf("build daemons: %w", err)
	}
	return FindBinaries(out)
}

// BuildPrograms builds this module's own programs, by name as under cmd/, into the checkout's folder bin and returns
// their paths in the same order.
func BuildPrograms(ctx context.Context, checkout string, progress io.Writer, names ...string) ([]string, error) {
	out := filepath.Join(checkout, "bin")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, fmt.Errorf("build programs: %w", err)
	}
	var packages, paths []string
	for _, name := range names {
		packages = append(packages, "./cmd/"+name)
		paths = append(paths, filepath.Join(out, name))
	}
	if err := build(ctx, checkout, out, packages, progress); err != nil {
		return nil, fmt.Errorf("build programs: %w", err)
	}
	return paths, nil
}

// build runs go build. Packages are written with -trimpath and without version control stamps, so that the same sources
// and toolchain give the same bytes in any folder.
//
// Builds into one folder take turns, so that of two programs that want the same executable none finds it half there.
func build(ctx context.Context, module, out string, packages []string, progress io.Writer) error {
	lock, err := os.OpenFile(filepath.Join(out, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close() // gives the lock free
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", out, err)
	}
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-o", out + string(filepath.Separator)}, packages...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = module
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	stop := announce(progress, "building "+strings.Join(packages, ", "))
	err = cmd.Run()
	stop()
	if err != nil {
		return fmt.Errorf("go build in %s: %w\n%s", module, errors.Join(err, ctx.Err()), output.String())
	}
	return nil
}

// Checkout returns the folder of this repository's checkout: the nearest one at or over dir with testnet/daemons in it.
func Checkout(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find checkout: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "testnet", "daemons", "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("find checkout: no testnet/daemons at or over %s", dir)
		}
	}
}

// quietFor is how long something may take before it is announced.
const quietFor = 2 * time.Second

// announce tells progress every so often for how long an act has been going on, until stop is called: on a terminal in one
// line that is written anew each second, elsewhere in a line each 15 seconds.
func announce(progress io.Writer, act string) (stop func()) {
	if progress == nil {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		begin, terminal := time.Now(), isTerminal(progress)
		wait, said := quietFor, false
		for {
			select {
			case <-end:
				if terminal && said {
					fmt.Fprintf(progress, "\r\x1b[K%s: %d s\n", act, int(time.Since(begin).Seconds()))
				}
				return
			case <-time.After(wait):
			}
			said = true
			if terminal {
				wait = time.Second
				fmt.Fprintf(progress, "\r\x1b[K%s: %d s", act, int(time.Since(begin).Seconds()))
				continue
			}
			wait = 15 * time.Second
			fmt.Fprintf(progress, "%s: %d s\n", act, int(time.Since(begin).Seconds()))
		}
	}()
	return func() { close(end); <-ended }
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && info.Name() != os.DevNull && filepath.Base(file.Name()) != "null"
}
