package vspd

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/decred/dcrd/hdkeychain/v3"
	"go.etcd.io/bbolt"

	"scrutineer/vsp/network"
)

// Where the extended public keys are: each in a bucket since version 5, the only one in the root before.
const (
	xpubBucket      = "xpubbkt"
	oldXPubKey      = "feeXPub"
	oldLastIndexKey = "lastaddressindex"
)

// XPub is an extended public key that fee addresses derive from.
type XPub struct {
	ID      uint32 // tickets name it
	Key     string
	Last    uint32    // the last index that was used of its external branch; 0 if none was
	Retired time.Time // UTC; zero while it is in use
}

// readXPubs sets XPubs and Network.
func (d *Database) readXPubs(root *bbolt.Bucket) error {
	var err error
	if d.Version < xpubsVersion {
		d.XPubs, err = readOldXPub(root)
	} else {
		d.XPubs, err = readXPubs(root.Bucket([]byte(xpubBucket)))
	}
	if err != nil {
		return err
	}
	d.Network, err = networkOf(d.XPubs[len(d.XPubs)-1].Key)
	return err
}

func readOldXPub(root *bbolt.Bucket) ([]XPub, error) {
	key := root.Get([]byte(oldXPubKey))
	if key == nil {
		return nil, errors.New("it has no extended public key")
	}
	x := XPub{Key: string(key)}
	if last := root.Get([]byte(oldLastIndexKey)); last != nil { // none was used while there is none
		if len(last) != 4 {
			return nil, fmt.Errorf("its last fee index has %d bytes: want 4", len(last))
		}
		x.Last = binary.LittleEndian.Uint32(last)
	}
	return []XPub{x}, nil
}

func readXPubs(bucket *bbolt.Bucket) ([]XPub, error) {
	if bucket == nil {
		return nil, fmt.Errorf("it has no bucket %s", xpubBucket)
	}
	var all []XPub
	err := bucket.ForEach(func(id, value []byte) error {
		x, err := decodeXPub(id, value)
		if err != nil {
			return fmt.Errorf("its extended public key %x: %w", id, err)
		}
		all = append(all, x)
		return nil
	})
	if err == nil && len(all) == 0 {
		err = errors.New("it has no extended public key")
	}
	slices.SortFunc(all, func(a, b XPub) int { return cmp.Compare(a.ID, b.ID) })
	return all, err
}

func decodeXPub(id, value []byte) (XPub, error) {
	if len(id) != 4 {
		return XPub{}, fmt.Errorf("its id has %d bytes: want 4", len(id))
	}
	var stored struct {
		Key     string `json:"key"`
		Last    uint32 `json:"lastusedidx"`
		Retired int64  `json:"retired"`
	}
	if err := json.Unmarshal(value, &stored); err != nil {
		return XPub{}, err
	}
	x := XPub{ID: binary.LittleEndian.Uint32(id), Key: stored.Key, Last: stored.Last}
	if stored.Retired != 0 {
		x.Retired = time.Unix(stored.Retired, 0).UTC()
	}
	return x, nil
}

// networkOf returns the network that an extended public key is of. The database does not name it otherwise.
func networkOf(xpub string) (network.Profile, error) {
	for _, name := range network.Names() {
		profile, err := network.Lookup(name)
		if err != nil {
			return network.Profile{}, err
		}
		key, err := hdkeychain.NewKeyFromString(xpub, profile.Params)
		switch {
		case err != nil:
		case key.IsPrivate():
			return network.Profile{}, errors.New("its extended public key is a private one, which must never be on a server")
		default:
			return profile, nil
		}
	}
	return network.Profile{}, errors.New("its extended public key is of no network that is known here")
}
