package votes

import (
	"strings"
	"testing"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"
)

const someTicket = "7e0d9df31d82858a7feab4efe56b47c25a87911e90b15a4f9c3f6fbf6ede1fe4"

func TestReadTickets(t *testing.T) {
	hash, err := chainhash.NewHashFromStr(someTicket)
	require.NoError(t, err)
	tests := []struct {
		name, text string
		want       int
		err        string
	}{
		{"nothing", "", 0, ""},
		{"one", someTicket, 1, ""},
		{"comments, spaces, empty lines", "# mine\n\n  " + someTicket + " # first\r\n\t" + someTicket + "\n#" + someTicket, 2, ""},
		{"capitals", strings.ToUpper(someTicket), 1, ""},
		{"too short", someTicket + "\n\n# x\n" + someTicket[1:], 0, `line 4: "` + someTicket[1:] + `" is not a ticket's hash: it has 63 characters`},
		{"too long", someTicket + "0", 0, "line 1: "},
		{"two on a line", someTicket + " " + someTicket, 0, "line 1: "},
		{"not hex", "\n" + someTicket[1:] + "g", 0, "line 2: "},
		{"binary", "\x00\xff\xfe", 0, `line 1: "\x00\xff\xfe" is not`},
		{"a line without end", strings.Repeat("a", 1<<20), 0, "line 1: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tickets, err := ReadTickets(strings.NewReader(test.text))
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				require.Less(t, len(err.Error()), 300)
				return
			}
			require.NoError(t, err)
			require.Len(t, tickets, test.want)
			for _, ticket := range tickets {
				require.Equal(t, *hash, ticket)
			}
		})
	}
}

// FuzzReadTickets writes what was read, and reads it again.
func FuzzReadTickets(f *testing.F) {
	f.Add(someTicket + " # mine\n\n" + someTicket)
	f.Add("# nothing")
	f.Add(someTicket[2:])
	f.Fuzz(func(t *testing.T, text string) {
		tickets, err := ReadTickets(strings.NewReader(text))
		if err != nil {
			require.Contains(t, err.Error(), "line ")
			require.Empty(t, tickets)
			return
		}
		var again strings.Builder
		for _, ticket := range tickets {
			require.Contains(t, strings.ToLower(text), ticket.String())
			again.WriteString(ticket.String() + "\n")
		}
		reread, err := ReadTickets(strings.NewReader(again.String()))
		require.NoError(t, err)
		require.Equal(t, tickets, reread)
	})
}
