package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"scrutineer/verifier/journal"
)

// openJournal opens the trial's journal for writing. A new one gets a key, unless one was made for it.
func (t *trial) openJournal() (*journal.Journal, journal.PublicKey, error) {
	key, err := journal.ReadKey(t.JournalKey)
	if errors.Is(err, os.ErrNotExist) {
		key, err = t.createKey()
	}
	if err != nil {
		return nil, journal.PublicKey{}, err
	}
	if err := t.checkOrigin(key.Public()); err != nil {
		return nil, journal.PublicKey{}, err
	}
	book, err := journal.Open(t.Journal, key, time.Now)
	return book, key.Public(), err
}

// createKey makes the key of a journal that is not there yet. One that is there cannot get another.
func (t *trial) createKey() (journal.Key, error) {
	origin, err := journal.Origin(t.Name, localVantage)
	if err != nil {
		return journal.Key{}, err
	}
	if _, err := os.Stat(filepath.Join(t.Journal, journal.CheckpointsName)); err == nil {
		return journal.Key{}, fmt.Errorf("the journal in %s is signed by a key that is not in %s: put it back, or begin a new journal in another folder",
			t.Journal, t.JournalKey)
	}
	return journal.CreateKey(t.JournalKey, origin)
}

// publicKey returns the key that the trial's journal is verified with. Where only the secret half is left, that will do.
func (t *trial) publicKey() (journal.PublicKey, error) {
	public, err := journal.ReadPublicKey(t.JournalKey + ".pub")
	if errors.Is(err, os.ErrNotExist) {
		if key, secretErr := journal.ReadKey(t.JournalKey); secretErr == nil {
			public, err = key.Public(), nil
		}
	}
	if err != nil {
		return journal.PublicKey{}, err
	}
	return public, t.checkOrigin(public)
}

// checkKey makes sure of the journal's key, if it was made beforehand.
func (t *trial) checkKey() error {
	key, err := journal.ReadKey(t.JournalKey)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return t.checkOrigin(key.Public())
}

// checkOrigin makes sure that a key is of this trial's journal.
func (t *trial) checkOrigin(key journal.PublicKey) error {
	origin, err := journal.Origin(t.Name, localVantage)
	if err == nil && key.Origin() != origin {
		err = fmt.Errorf("the key in %s is of the journal %s, and this trial's is %s", t.JournalKey, key.Origin(), origin)
	}
	return err
}
