package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"scrutineer/cmd/configfile"
)

// reloadable is what a running service can change; a key that ends with a dot is a table.
var reloadable = []string{"fee_percent", "fee_xpub", "closed", "closed_message", "acceptance.", "limits.", "log.level"}

// reloading reads the configuration anew at each signal until the context ends.
func (f *front) reloading(ctx context.Context, signals <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			f.reload(time.Now())
		}
	}
}

// reload puts in force what can be changed of a new configuration. One with a mistake changes nothing.
func (f *front) reload(now time.Time) {
	next, err := load(f.path)
	if err == nil {
		// The service is asked before anything else is changed: its terms are what could still be refused.
		err = f.service.SetTerms(next.terms())
	}
	f.metrics.Reloaded(now, err == nil)
	if err != nil {
		f.complain(err)
		return
	}
	changed, fixed := f.settings.differences(next)
	f.settings = f.settings.withReloadable(next)
	f.service.SetGate(f.settings.gate)
	f.server.SetLimits(next.limits())
	level, _ := logLevel(next.Log.Level) // it was checked when the configuration was loaded
	f.level.Set(level)
	f.metrics.SetClosed(next.Closed)
	f.log.Info("configuration reloaded", "changed", changed)
	if len(fixed) > 0 {
		f.log.Warn("configuration has changes that need a restart", "keys", fixed)
	}
}

// complain logs why a configuration was not taken, a line for each mistake.
func (f *front) complain(err error) {
	var mistakes *configfile.Mistakes
	if !errors.As(err, &mistakes) {
		f.log.Error("configuration not reloaded, nothing is changed", "err", err)
		return
	}
	for _, m := range mistakes.List {
		f.log.Error("configuration not reloaded, nothing is changed", "file", mistakes.Path, "line", m.Line, "key", m.Key, "err", m.Text)
	}
}

// differences returns which keys say something else, or name a file that does: those that a running service can change, and
// those that it cannot.
func (s *settings) differences(next *settings) (changed, fixed []string) {
	for _, key := range configfile.Difference(s.Config, next.Config, s.file, next.file) {
		if isReloadable(key) {
			changed = append(changed, key)
		} else {
			fixed = append(fixed, key)
		}
	}
	return changed, fixed
}

func isReloadable(key string) bool {
	return slices.ContainsFunc(reloadable, func(r string) bool {
		return key == r || strings.HasSuffix(r, ".") && strings.HasPrefix(key, r)
	})
}

// withReloadable returns the settings with what can be changed taken from next. The rest stays what it is: so long as it
// differs from the file, each reload says so.
func (s *settings) withReloadable(next *settings) *settings {
	now := *s
	now.FeePercent, now.FeeXPub = next.FeePercent, next.FeeXPub
	now.Closed, now.ClosedMessage = next.Closed, next.ClosedMessage
	// Of the wallets that run: more of them need a restart, and must not be asked for before.
	now.Acceptance, now.gate = next.Acceptance, next.Acceptance.gate(len(s.Wallet), s.profile)
	now.gate.Wallets = min(now.gate.Wallets, len(s.Wallet))
	now.Limits, now.proxies = next.Limits, next.proxies
	now.Log.Level = next.Log.Level
	return &now
}
