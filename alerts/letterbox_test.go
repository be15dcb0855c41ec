package alerts

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// letterbox is a Sender that keeps what it is given. Fail, if set, is asked at each attempt whether the notice is kept
// all the same and what to answer.
type letterbox struct {
	Fail func(ctx context.Context, n Notice) (apply bool, err error)

	mu       sync.Mutex
	attempts int
	kept     []Notice
	times    []time.Time // of kept
}

func (b *letterbox) Send(ctx context.Context, n Notice) error {
	b.mu.Lock()
	b.attempts++
	b.mu.Unlock()
	apply, err := true, error(nil)
	if b.Fail != nil {
		apply, err = b.Fail(ctx, n)
	}
	if apply {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.kept, b.times = append(b.kept, n), append(b.times, time.Now())
	}
	return err
}

// told lists what a recipient got, as "#1 opened", or "#1 opened, #2 opened" of one notice.
func (b *letterbox) told(to string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var told []string
	for _, n := range b.kept {
		if n.To == to {
			var parts []string
			for _, p := range n.parts() {
				parts = append(parts, fmt.Sprintf("#%d %s", p.Incident.Number, p.Event))
			}
			told = append(told, strings.Join(parts, ", "))
		}
	}
	return told
}

const (
	alice = "alice@example.org"
	bob   = "bob@example.org"
	key   = Key("wallet/wallet-2/unreachable")
)

func trouble() Alert {
	return Alert{Subject: "wallet-2", Problem: "does not answer", What: "It gives no answer."}
}

func newDesk(box *letterbox, recipients ...string) *Desk {
	return mustDesk(Config{Sender: box, Recipients: recipients})
}

// mustDesk fills in what a test does not care for.
func mustDesk(config Config) *Desk {
	config.Rules, config.Retry, config.Log = cmp.Or(config.Rules, DefaultRules()), cmp.Or(config.Retry, DefaultRetry()), slog.New(slog.DiscardHandler)
	desk, err := NewDesk(config)
	if err != nil {
		panic(err)
	}
	return desk
}

// repeat makes an observation once a second, so many times.
func repeat(times int, observe func(now time.Time)) {
	for range times {
		observe(time.Now())
		time.Sleep(time.Second)
	}
}
