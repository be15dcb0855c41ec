package alerts

import (
	"log/slog"
	"sync"
)

// keeper stores changes. What the store refuses (a full disk) must not silence alerts, least of all the one about the
// disk: it is owed, and stored with the next change.
type keeper struct {
	store Store
	log   *slog.Logger

	mu   sync.Mutex
	owed Change
}

// keep stores a change after all that came before it.
func (k *keeper) keep(change Change) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.owed.add(change)
	if k.owed.empty() {
		return
	}
	if err := k.store.Commit(k.owed); err != nil {
		k.log.Error("alerts go on, but would be forgotten in a restart", "error", err)
		return
	}
	k.owed = Change{}
}
