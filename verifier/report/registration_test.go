package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
)

// shopped is a step of the shopper's: the purchase, or else a payfee.
func shopped(at time.Time, number int64, code verifier.Code) verifier.Observation {
	step := verifier.StepPay
	if number == 1 {
		step = verifier.StepBuy
	}
	return verifier.Observation{Number: number, At: at, Kind: verifier.KindShopper, Vantage: "local", Endpoint: "registration", Code: code,
		Took: 250 * time.Millisecond, Errand: &verifier.Errand{Step: step, Ticket: verifier.Hash(hashNo(70))}}
}

func TestRegistrationsAreALineOfTheirOwn(t *testing.T) {
	e := evidence(t, time.Minute, "#####", 0)
	require.NotContains(t, draw(t, e).Text(), "shopper", "nobody shopped")
	raw, err := draw(t, e).JSON()
	require.NoError(t, err)
	require.NotContains(t, string(raw), "registrations")

	e.Seen = append(e.Seen, shopped(t0, 1, verifier.OK), shopped(t0, 2, verifier.OK))
	r := draw(t, e)
	require.Contains(t, r.Text(), "  registration  1 made by the mystery shopper: 1 up, 0 down, 0 unknown; 1\n")
	require.Len(t, r.Uptime, 1, "it is no endpoint with slots")
	page, err := r.HTML()
	require.NoError(t, err)
	require.Contains(t, string(page), "1 made by the mystery shopper")

	e.Seen[len(e.Seen)-1] = shopped(t0, 2, verifier.Declined)
	require.Contains(t, draw(t, e).Text(), "    1 down: declined, while it said that it takes tickets (declined)")
}
