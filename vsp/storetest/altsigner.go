package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/vsp"
)

var altSignerGuarantees = []guarantee{
	{"AltSigner gives back every field, registered or not", func(t *testing.T, s vsp.Store) {
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			if rapid.Bool().Draw(rt, "registered") {
				require.NoError(rt, s.Insert(t.Context(), ticket(n)))
			}
			want := vsp.AltSigner{
				Address: rapid.String().Draw(rt, "address"),
				Change: vsp.Change{
					Request:   rapid.SliceOf(rapid.Byte()).Draw(rt, "request"),
					Signature: rapid.String().Draw(rt, "signature"),
					Answered:  rapid.Int64().Draw(rt, "answered"),
				},
			}
			require.NoError(rt, s.SetAltSigner(t.Context(), hash(n), want))
			got, err := s.AltSigner(t.Context(), hash(n))
			require.NoError(rt, err)
			want.Change = copied(want.Change)
			require.Equal(rt, want, got)
		})
	}},
	{"TicketAndSigner gives both, of a ticket that is there", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1), ticket(2))
		require.NoError(t, s.SetAltSigner(t.Context(), hash(2), signer(2)))
		require.NoError(t, s.SetAltSigner(t.Context(), hash(3), signer(3)))
		for n, address := range map[int]string{1: "", 2: signer(2).Address} {
			want, err := s.Ticket(t.Context(), hash(n))
			require.NoError(t, err)
			got, by, err := s.TicketAndSigner(t.Context(), hash(n))
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.Equal(t, address, by)
		}
		_, _, err := s.TicketAndSigner(t.Context(), hash(3))
		require.ErrorIs(t, err, vsp.ErrNoTicket)
	}},
	{"AltSigner says that there is none", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1))
		require.NoError(t, s.SetAltSigner(t.Context(), hash(2), signer(2)))
		_, err := s.AltSigner(t.Context(), hash(1))
		require.ErrorIs(t, err, vsp.ErrNoAltSigner)
	}},
	{"SetAltSigner leaves one that is there as it is", func(t *testing.T, s vsp.Store) {
		require.NoError(t, s.SetAltSigner(t.Context(), hash(1), signer(1)))
		require.ErrorIs(t, s.SetAltSigner(t.Context(), hash(1), signer(2)), vsp.ErrAltSignerExists)
		got, err := s.AltSigner(t.Context(), hash(1))
		require.NoError(t, err)
		require.Equal(t, signer(1), got)
	}},
	{"Of concurrent SetAltSigners of one ticket exactly one succeeds", func(t *testing.T, s vsp.Store) {
		const callers = 8
		errs := make([]error, callers)
		together(callers, func(n int) { errs[n] = s.SetAltSigner(t.Context(), hash(1), signer(n)) })
		winner := -1
		for n, err := range errs {
			if err == nil {
				require.Equal(t, -1, winner, "two succeeded")
				winner = n
				continue
			}
			require.ErrorIs(t, err, vsp.ErrAltSignerExists)
		}
		require.NotEqual(t, -1, winner, "none succeeded")
		got, err := s.AltSigner(t.Context(), hash(1))
		require.NoError(t, err)
		require.Equal(t, signer(winner), got)
	}},
	{"An alternate signer stays when its ticket is removed", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1))
		require.NoError(t, s.SetAltSigner(t.Context(), hash(1), signer(1)))
		require.NoError(t, s.Remove(t.Context(), hash(1)))
		got, err := s.AltSigner(t.Context(), hash(1))
		require.NoError(t, err)
		require.Equal(t, signer(1), got)
		require.Empty(t, answered(t, s, 1), "its request is none of the ticket's changes")
	}},
}

// signer returns the nth of some alternate signers.
func signer(n int) vsp.AltSigner {
	return vsp.AltSigner{
		Address: "SsAlternate" + string(rune('A'+n)),
		Change:  vsp.Change{Request: []byte("{}"), Signature: "sig", Answered: int64(n)},
	}
}
