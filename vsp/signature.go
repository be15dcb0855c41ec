package vsp

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"scrutineer/vsp/vspapi"
)

// maxVerified is how many signatures are remembered at least, and half of how many at most: 3 MB.
const maxVerified = 1 << 14

// verified remembers signatures that were found good. Whether one is depends on nothing but itself, and to find it out takes
// longer than all else that a question for a ticket's status costs: the wallet that asks for it signs the same body each time,
// with the same signature.
type verified struct {
	mu        sync.Mutex // guards what follows
	now, last map[[sha256.Size]byte]struct{}
}

// verifyRequest is vspapi.VerifyRequest.
func (s *Service) verifyRequest(address string, r Request) error {
	key := signatureKey(address, r)
	if s.verified.has(key) {
		return nil
	}
	if err := vspapi.VerifyRequest(address, r.body, r.signature, s.Profile.Params); err != nil {
		return err
	}
	s.verified.add(key)
	return nil
}

// signatureKey stands for all that a signature's being good depends on.
func signatureKey(address string, r Request) [sha256.Size]byte {
	all := make([]byte, 0, 2*binary.MaxVarintLen64+len(address)+len(r.signature)+len(r.body))
	all = append(binary.AppendUvarint(all, uint64(len(address))), address...)
	all = append(binary.AppendUvarint(all, uint64(len(r.signature))), r.signature...)
	return sha256.Sum256(append(all, r.body...))
}

func (v *verified) has(key [sha256.Size]byte) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.now[key]; ok {
		return true
	}
	_, ok := v.last[key]
	if ok {
		v.put(key) // what is asked for again is not forgotten
	}
	return ok
}

func (v *verified) add(key [sha256.Size]byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.put(key)
}

// put keeps a key. The lock must be held.
func (v *verified) put(key [sha256.Size]byte) {
	if len(v.now) == maxVerified || v.now == nil {
		v.now, v.last = make(map[[sha256.Size]byte]struct{}), v.now
	}
	v.now[key] = struct{}{}
}
