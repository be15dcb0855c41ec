package sqlstore

import (
	"encoding/hex"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzChoices reads back what was stored, whichever type a driver gives it, and survives what no Store has stored.
func FuzzChoices(f *testing.F) {
	for _, text := range []string{"{}", `{"maxtreasuryspend":"yes"}`, "{", "[]", "null", `{"a":1}`, "", "\x00", `{"\ud800":""}`} {
		f.Add(text, "yes")
	}
	f.Fuzz(func(t *testing.T, key, choice string) {
		var damaged choicesColumn
		_ = damaged.Scan(key)
		if !utf8.ValidString(key) || !utf8.ValidString(choice) {
			return
		}
		want := map[string]string{key: choice}
		text, err := encodeChoices(want)
		require.NoError(t, err)
		var ofSQLite, ofMySQL choicesColumn
		require.NoError(t, ofSQLite.Scan(text))
		require.NoError(t, ofMySQL.Scan([]byte(text)))
		require.Equal(t, choicesColumn(want), ofSQLite)
		require.Equal(t, choicesColumn(want), ofMySQL)
	})
}

// FuzzParseKey takes 32 bytes or 64 hexadecimal digits, and nothing else.
func FuzzParseKey(f *testing.F) {
	for _, text := range []string{"", "0123456789abcdef0123456789abcdef", "\n", "zz"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := parseKey(text)
		if err != nil {
			require.Nil(t, key)
			return
		}
		_, err = NewSealer(key)
		require.NoError(t, err)
		again, err := parseKey([]byte(hex.EncodeToString(key) + "\n"))
		require.NoError(t, err)
		require.Equal(t, key, again)
	})
}
