package storetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
)

var feeIndexGuarantees = []guarantee{
	{"NextFeeIndex counts each key from 1", func(t *testing.T, s vsp.Store) {
		for want := uint32(1); want <= 3; want++ {
			for _, xpub := range []string{"spubA", "spuba"} {
				got, err := s.NextFeeIndex(t.Context(), xpub)
				require.NoError(t, err)
				require.Equal(t, want, got)
			}
		}
	}},
	{"NextFeeIndex gives concurrent callers indexes of their own", func(t *testing.T, s vsp.Store) {
		const callers, rounds = 8, 5
		got, errs := make([][]uint32, callers), make([]error, callers)
		together(callers, func(n int) {
			for range rounds {
				index, err := s.NextFeeIndex(t.Context(), "spub")
				got[n], errs[n] = append(got[n], index), errors.Join(errs[n], err)
			}
		})
		require.NoError(t, errors.Join(errs...))
		all := slices.Sorted(slices.Values(slices.Concat(got...)))
		require.Len(t, slices.Compact(slices.Clone(all)), callers*rounds, "an index was given twice: %v", all)
	}},
}
