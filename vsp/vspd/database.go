package vspd

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"scrutineer/vsp/network"
)

// The versions of vspd's database that are known here. Version 5 came with vspd 1.4, version 4 with 1.1; version 3 was
// in no release, and is version 4 without alternate signing addresses. Before that tickets were stored otherwise.
const (
	oldestVersion = 3
	altSigVersion = 4
	xpubsVersion  = 5
	newestVersion = xpubsVersion
)

// The names of vspd's buckets and of the keys that are not a ticket's (vspd database/database.go).
const (
	rootBucket    = "vspbkt"
	ticketBucket  = "ticketbkt"
	changeBucket  = "votechangebkt"
	altSigBucket  = "altsigbkt"
	versionKey    = "version"
	privateKeyKey = "privatekey"
)

// lockWait is how long Open waits for a vspd that is about to end.
const lockWait = 3 * time.Second

// Database is an open database of vspd. Only one goroutine may use it. While it is open, vspd cannot open the file.
type Database struct {
	Version uint32
	Network network.Profile    // that its extended public keys are of
	Key     ed25519.PrivateKey // that it signs answers with: a secret
	XPubs   []XPub             // by ID; the last one is in use

	db                        *bbolt.DB
	tx                        *bbolt.Tx
	tickets, changes, signers *bbolt.Bucket // signers may be nil
}

// Open opens the database at path to read it. Close it when done.
func Open(path string) (*Database, error) {
	d := &Database{}
	if err := guard(func() error { return d.open(path) }); err != nil {
		return nil, errors.Join(fmt.Errorf("open vspd's database %s: %w", path, err), d.Close())
	}
	return d, nil
}

func (d *Database) open(path string) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return pathless(err)
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return errors.New("it is no database: an empty file, or none at all")
	}
	d.db, err = bbolt.Open(path, 0, &bbolt.Options{ReadOnly: true, Timeout: lockWait, NoStatistics: true})
	if errors.Is(err, berrors.ErrTimeout) {
		return errors.New("vspd is running on it: stop vspd first, or name the backup that it writes (vspd.db-backup)")
	}
	if err != nil {
		return fmt.Errorf("it is no bbolt database: %w", pathless(err))
	}
	if d.tx, err = d.db.Begin(false); err != nil {
		return err
	}
	// A read behind the end of the file is not an error but a fault.
	if d.tx.Size() > info.Size() {
		return fmt.Errorf("it is cut short: it has %d bytes of %d", info.Size(), d.tx.Size())
	}
	return d.readRoot()
}

// readRoot reads all that is not a ticket's.
func (d *Database) readRoot() error {
	root := d.tx.Bucket([]byte(rootBucket))
	if root == nil {
		return errors.New("it is a bbolt database, but not vspd's")
	}
	version := root.Get([]byte(versionKey))
	if len(version) != 4 {
		return fmt.Errorf("its version has %d bytes: want 4", len(version))
	}
	d.Version = binary.LittleEndian.Uint32(version)
	switch {
	case d.Version < oldestVersion:
		return fmt.Errorf("it is version %d, of vspd 1.0: start vspd 1.4 or 1.5 with it once, which brings it to version %d, "+
			"then stop vspd and come back", d.Version, newestVersion)
	case d.Version > newestVersion:
		return fmt.Errorf("it is version %d, and this program knows none newer than %d, of vspd 1.5", d.Version, newestVersion)
	}
	seed := root.Get([]byte(privateKeyKey))
	if len(seed) != ed25519.SeedSize {
		return fmt.Errorf("its signing key has %d bytes: want %d", len(seed), ed25519.SeedSize)
	}
	d.Key = ed25519.NewKeyFromSeed(seed)
	if err := d.readXPubs(root); err != nil {
		return err
	}
	return d.findBuckets(root)
}

func (d *Database) findBuckets(root *bbolt.Bucket) error {
	d.tickets = root.Bucket([]byte(ticketBucket))
	d.changes = root.Bucket([]byte(changeBucket))
	d.signers = root.Bucket([]byte(altSigBucket))
	switch {
	case d.tickets == nil:
		return fmt.Errorf("it has no bucket %s", ticketBucket)
	case d.changes == nil:
		return fmt.Errorf("it has no bucket %s", changeBucket)
	case d.signers == nil && d.Version >= altSigVersion:
		return fmt.Errorf("it has no bucket %s", altSigBucket)
	}
	return nil
}

// Close lets go of the file.
func (d *Database) Close() error {
	var errs []error
	if d.tx != nil {
		errs = append(errs, d.tx.Rollback())
	}
	if d.db != nil {
		errs = append(errs, d.db.Close())
	}
	d.tx, d.db = nil, nil
	return errors.Join(errs...)
}

// verify has bbolt check every page, and returns the first thing that is wrong. A file that was copied while vspd wrote
// to it may lack tickets and look whole otherwise.
func (d *Database) verify() error {
	var first error
	for err := range d.tx.Check() {
		if first == nil {
			first = err
		}
	}
	if first != nil {
		return fmt.Errorf("%w: %w", errDamaged, first)
	}
	return nil
}

var errDamaged = errors.New("the file is damaged: was it copied while vspd was running? Use the backup that vspd writes")

// guard makes an error of what bbolt does when a file's pages are not what they should be: it panics, or follows a wrong
// reference out of the file.
func guard(act func() error) (err error) {
	before := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(before)
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w (%v)", errDamaged, cause)
		}
	}()
	return act()
}

// pathless returns the cause of an error that names its file, where the caller names it.
func pathless(err error) error {
	var of *os.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
