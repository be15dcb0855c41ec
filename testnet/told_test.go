package testnet

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatMailsTell(t *testing.T) {
	one := Mail{Subject: "[NOW CRIT] wallet-2 is locked (vsp.example.org) #17", Raw: []byte("To: a\r\n\r\nworse\r\n")}
	require.Equal(t, []Told{{"NOW CRIT", "wallet-2 is locked"}}, one.Told())
	all := Mail{Subject: "[CRIT] wallet-1 is locked and 1 more (vsp.example.org) #17",
		Raw: []byte("To: a\r\n\r\n2 things went wrong together:\r\nCRIT #17 wallet-1 is locked\r\nWARN #18 wallet-2 is locked\r\n")}
	require.Equal(t, []Told{{"CRIT", "wallet-1 is locked"}, {"WARN", "wallet-2 is locked"}}, all.Told())
	require.True(t, all.Tells("[WARN] wallet-2 is locked"))
	require.True(t, all.Tells("] wallet-2 is locked"))
	require.False(t, all.Tells("[CRIT] wallet-2 is locked"))
	require.Empty(t, Mail{Subject: "hello"}.Told())
	require.Equal(t, []Told{{"ALIVE", "All is well"}}, Mail{Subject: "[ALIVE] All is well (vsp.example.org)"}.Told())
}
