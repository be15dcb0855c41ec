package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
)

// TestOnlyChoicesAreShown has requests that carry a voting key where one belongs, and where none does.
func TestOnlyChoicesAreShown(t *testing.T) {
	for request, act := range map[string]string{
		`{"timestamp":1,"tickethash":"00","votechoices":{"a":"yes"},"tspendpolicy":{},"treasurypolicy":{}}`: "setvotechoices",
		`{"timestamp":1,"feetx":"00","votingkey":"` + votingKey + `","votechoices":{}}`:                     "payfee",
		`{"timestamp":1,"VotingKey":"` + votingKey + `"}`:                                                   "payfee",
		`{"timestamp":1,"votechoices":{},"note":"` + votingKey + `"}`:                                       "setvotechoices",
		`{"timestamp":1,"votechoices":{}} {"votingkey":"` + votingKey + `"}`:                                "payfee",
		`no JSON at all, ` + votingKey:                                                                      "payfee",
	} {
		v := viewChange(vsp.Change{Request: []byte(request), Signature: "signature"})
		require.Equal(t, act, v.Act, request)
		require.Equal(t, !strings.Contains(request, votingKey), v.Request == request, request)
		require.NotContains(t, v.Request, votingKey)
	}
}

func TestWrap(t *testing.T) {
	require.Equal(t, []string{"a b", "c", "toolong", "d"}, wrap("a b  c\n toolong d", 4))
	require.Empty(t, wrap("", 4))
}
