package vsp

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFeeStatusNext goes through every status and every event. No answer stands for a refusal.
func TestFeeStatusNext(t *testing.T) {
	const none = FeeStatus("")
	for _, row := range []struct {
		from                           FeeStatus
		paid, accepted, refused, mined FeeStatus
	}{
		{FeeNone, FeeReceived, none, none, none},
		{FeeReceived, none, FeeBroadcast, FeeError, FeeConfirmed},
		{FeeBroadcast, none, FeeBroadcast, FeeError, FeeConfirmed},
		{FeeConfirmed, none, none, none, FeeConfirmed},
		{FeeError, FeeReceived, none, none, FeeConfirmed},
		{"", none, none, none, none},
		{"unheard of", none, none, none, none},
	} {
		for event, want := range map[FeeEvent]FeeStatus{
			FeePaid: row.paid, FeeAccepted: row.accepted, FeeRefused: row.refused, FeeMined: row.mined,
			"": none, "unheard of": none,
		} {
			got, err := row.from.Next(event)
			if want == none {
				require.ErrorContains(t, err, string(row.from), "%q after %q", event, row.from)
				require.Equal(t, row.from, got, "a refused event changes nothing")
				continue
			}
			require.NoError(t, err, "%q after %q", event, row.from)
			require.Equal(t, want, got, "%q after %q", event, row.from)
		}
	}
}

func TestFeeStatusPaid(t *testing.T) {
	for status, want := range map[FeeStatus]bool{
		FeeNone: false, FeeReceived: true, FeeBroadcast: true, FeeConfirmed: true, FeeError: false, "": false,
	} {
		require.Equal(t, want, status.Paid(), status)
		_, err := status.Next(FeePaid)
		require.False(t, status.Paid() && err == nil, "%q is paid, and can be paid again", status)
	}
}
