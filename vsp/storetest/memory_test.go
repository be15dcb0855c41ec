package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
)

func TestMemory(t *testing.T) {
	Run(t, func(*testing.T) vsp.Store { return new(Memory) })
}

// TestMemoryFails makes every operation fail, once carried out and once not.
func TestMemoryFails(t *testing.T) {
	fault := errors.New("connection lost")
	for _, apply := range []bool{true, false} {
		for name := range operations(nil) {
			s := new(Memory)
			prepare(t, s)
			var asked string
			s.Fail = func(op string) (bool, error) {
				asked = op
				return apply, fault
			}
			require.Same(t, fault, operations(s)[name](t.Context()))
			require.Equal(t, name, asked)
			s.Fail = nil
			require.Equal(t, apply && changing[name], changed(t, s), "%s carried out: %v", name, apply)
		}
	}
}

// TestMemoryCallsActTwice keeps callers from relying on one call.
func TestMemoryCallsActTwice(t *testing.T) {
	s := new(Memory)
	insert(t, s, ticket(1))
	calls := 0
	_, err := s.Update(t.Context(), hash(1), func(*vsp.Ticket) (*vsp.Change, error) {
		calls++
		return nil, nil
	})
	require.NoError(t, err)
	require.Equal(t, 2, calls)
}

var changing = map[string]bool{
	"Insert": true, "Update": true, "Remove": true, "Settle": true, "Rewind": true, "NextFeeIndex": true,
	"Heard": true, "Lead": true, "Resign": true, "SetAltSigner": true,
}

// changed reports whether one of operations was carried out on a store that was prepared for them.
func changed(t *testing.T, s *Memory) bool {
	all, err := s.Select(t.Context(), vsp.Filter{})
	require.NoError(t, err)
	if len(all) != 1 || all[0].Confirmed || len(touched(t, s, 10)) != 1 || lead(t, s, "c", time.Hour) {
		return true
	}
	if _, err := s.AltSigner(t.Context(), hash(1)); err == nil {
		return true
	}
	p, err := s.Position(t.Context())
	require.NoError(t, err)
	index, err := s.NextFeeIndex(t.Context(), "spub")
	require.NoError(t, err)
	return p != vsp.Position{} || index != 1
}
