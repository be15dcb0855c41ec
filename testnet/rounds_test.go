package testnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"scrutineer/verifier"
	"scrutineer/verifier/journal"
)

// watchRound is one that the verifier has carried out.
type watchRound struct {
	slot int
	at   time.Time // when it began
	sees bool      // it has shown that it could see
}

// rounds reads the journal as it stands.
func (w *watch) rounds() ([]watchRound, error) {
	file, err := os.Open(filepath.Join(w.Journal, journal.FileName))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var all []watchRound
	up := make(map[string]bool) // kinds of what was seen up since the last round
	slow := false               // we were, since then
	for entries := journal.NewReader(file); ; {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		var data struct {
			Begins, At time.Time
			Kind       string
			Code       verifier.Code
		}
		if err == nil {
			err = json.Unmarshal(entry.Data, &data)
		}
		if err != nil {
			return nil, err
		}
		switch entry.Kind {
		case "start":
			w.begins = data.Begins
		case "observation":
			up[data.Kind] = up[data.Kind] || data.Code == verifier.OK
			slow = slow || data.Code == verifier.WaySlow || data.Code == verifier.Starved
		case "beat":
			sees := up[verifier.KindNode] && up[verifier.KindControl] && !slow
			all = append(all, watchRound{slot: w.slotAt(data.At), at: data.At, sees: sees})
			clear(up)
			slow = false
		}
	}
}

func (w *watch) slotAt(at time.Time) int { return int(at.Sub(w.begins) / scenarioSlot) }
func (w *watch) slotBegins(slot int) time.Time {
	return w.begins.Add(time.Duration(slot) * scenarioSlot)
}

// roundPause is between two looks at the journal.
const roundPause = 50 * time.Millisecond

// until waits for what the journal shows.
func (w *watch) until(ctx context.Context, what string, cond func(all []watchRound) bool) error {
	return waitUntil(ctx, what, func(ctx context.Context) (bool, string) {
		all, err := w.rounds()
		if err != nil {
			return false, err.Error()
		}
		if cond(all) {
			return true, ""
		}
		_ = pause(ctx, roundPause)
		return false, fmt.Sprintf("%d rounds", len(all))
	})
}

// between carries out act between two rounds: after what was to be seen in one slot, and before the next slot begins. The
// verifier stands still meanwhile, so that it does not see half of it.
func (w *watch) between(ctx context.Context, act func() error) error {
	if !w.fit() {
		return act()
	}
	for {
		slot := -1
		err := w.until(ctx, "the end of a round", func(all []watchRound) bool {
			if len(all) == 0 {
				return false
			}
			slot = all[len(all)-1].slot
			return time.Now().Before(w.slotBegins(slot + 1))
		})
		if err != nil {
			return err
		}
		if err := w.Freeze(); err != nil {
			return err
		}
		intime := time.Now().Before(w.slotBegins(slot + 1))
		if intime {
			err = act()
		}
		if err := errors.Join(err, w.Thaw()); err != nil || intime {
			return err
		}
	}
}

// see waits for so many rounds that begin from now on, in which the verifier shows that it can see, or that it cannot.
func (w *watch) see(ctx context.Context, count int, sees bool) error {
	from := time.Now()
	return w.until(ctx, fmt.Sprintf("%d rounds", count), func(all []watchRound) bool {
		all = slices.DeleteFunc(all, func(r watchRound) bool { return r.at.Before(from) || r.sees != sees })
		return len(all) >= count
	})
}

// rounds is the command.
func rounds(ctx context.Context, p *play, args []string) error {
	if len(args) != 1 && (len(args) != 2 || args[1] != "blind") {
		return errUsage
	}
	count, err := number(args[0])
	if err != nil {
		return err
	}
	return p.watch.see(ctx, count, len(args) == 1)
}
