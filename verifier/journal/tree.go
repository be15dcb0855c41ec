package journal

import (
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// edge is the right edge of a Merkle tree: the roots of its whole subtrees, the widest first. It is all that is needed to
// add to a tree and to know its root.
type edge struct {
	size  int64
	roots []tlog.Hash
}

// add adds a record's hash. If stored is not nil, it is given each hash that this completes, with its index as tlog counts.
func (e *edge) add(leaf tlog.Hash, stored func(index int64, hash tlog.Hash)) {
	hash, index := leaf, int64(0)
	if stored != nil {
		index = tlog.StoredHashIndex(0, e.size)
		stored(index, hash)
	}
	for range bits.TrailingZeros64(uint64(e.size) + 1) {
		last := len(e.roots) - 1
		hash = tlog.NodeHash(e.roots[last], hash)
		e.roots = e.roots[:last]
		if index++; stored != nil {
			stored(index, hash)
		}
	}
	e.roots = append(e.roots, hash)
	e.size++
}

// tree returns the tree's size and root.
func (e *edge) tree() tlog.Tree {
	if e.size == 0 {
		root, _ := tlog.TreeHash(0, nil) // of nothing, which cannot go wrong
		return tlog.Tree{Hash: root}
	}
	root := e.roots[len(e.roots)-1]
	for _, left := range slices.Backward(e.roots[:len(e.roots)-1]) {
		root = tlog.NodeHash(left, root)
	}
	return tlog.Tree{N: e.size, Hash: root}
}

func (e *edge) clone() edge { return edge{e.size, slices.Clone(e.roots)} }

// storedHashes returns a reader of the hashes of a tree. For each question it goes over the records' hashes once, which
// costs time and hardly any memory. Leaves calls its argument with each, in order.
func storedHashes(leaves func(func(tlog.Hash)) error) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		wanted := make(map[int64]int, len(indexes))
		for i, index := range indexes {
			wanted[index] = i
		}
		hashes := make([]tlog.Hash, len(indexes))
		var e edge
		err := leaves(func(leaf tlog.Hash) {
			e.add(leaf, func(index int64, hash tlog.Hash) {
				if i, ok := wanted[index]; ok {
					hashes[i] = hash
				}
			})
		})
		return hashes, err
	})
}
