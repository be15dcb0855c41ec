package server_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp/server"
)

func TestPassword(t *testing.T) {
	phc, err := server.HashPassword("correct horse")
	require.NoError(t, err)
	require.Regexp(t, `^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`, phc)
	other, err := server.HashPassword("correct horse")
	require.NoError(t, err)
	require.NotEqual(t, phc, other, "each has a salt of its own")

	p, err := server.ParsePassword(phc)
	require.NoError(t, err)
	require.Equal(t, phc, p.String())
	require.True(t, p.Is("correct horse"))
	for _, wrong := range []string{"", "correct hors", "correct horse ", "Correct horse"} {
		require.False(t, p.Is(wrong), wrong)
	}
	_, err = server.HashPassword("")
	require.Error(t, err)
}

// What other programs have made is read as well: this is argon2's own test (printf password | argon2 somesalt -id -t 2 -k 256).
func TestPasswordOfOthers(t *testing.T) {
	p, err := server.ParsePassword("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
	require.NoError(t, err)
	require.True(t, p.Is("password"))
	require.False(t, p.Is("differentpassword"))
}

var notPasswords = []string{
	"", "secret", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ",
	"$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
	"$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
	"$argon2id$v=19$t=2,m=256,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
	"$argon2id$v=19$m=256,t=2,p=1,x=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
	"$argon2id$v=19$m=256,t=0,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
	"$argon2id$v=19$m=256,t=2,p=0$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
	"$argon2id$v=19$m=7,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
	"$argon2id$v=19$m=999999,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
	"$argon2id$v=19$m=256,t=11,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
	"$argon2id$v=19$m=256,t=2,p=1$c29tZQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
	"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgL",
	"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4=",
	"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4\n",
}

func TestNoPassword(t *testing.T) {
	for _, text := range notPasswords {
		_, err := server.ParsePassword(text)
		require.Error(t, err, text)
		require.NotContains(t, err.Error(), "nf65", "an error may be logged")
	}
}

// What is taken for a password is written as it was read.
func FuzzParsePassword(f *testing.F) {
	f.Add("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
	for _, text := range notPasswords {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := server.ParsePassword(text)
		if err != nil {
			return
		}
		require.Equal(t, text, p.String())
		require.Equal(t, 5, strings.Count(text, "$"))
	})
}
