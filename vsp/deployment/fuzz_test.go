package deployment_test

import (
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp/deployment"
)

// FuzzRead: a description that is taken says the same when it is written and read again.
func FuzzRead(f *testing.F) {
	raw, err := toml.Marshal(healthy())
	require.NoError(f, err)
	f.Add(string(raw))
	f.Add(strings.Replace(string(raw), "latitude = 6.0", "latitude = nan", 1))
	f.Add("[[hosts]]\nname = 5\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := deployment.Read(text)
		if err != nil {
			return
		}
		written, err := toml.Marshal(d)
		require.NoError(t, err)
		again, err := deployment.Read(string(written))
		require.NoError(t, err, "%s", written)
		require.Equal(t, d, again)
	})
}

func TestReadNamesWhatIsWrong(t *testing.T) {
	raw, err := toml.Marshal(healthy())
	require.NoError(t, err)
	for change, want := range map[[2]string]string{
		{"account", "acount"}:                        "unknown key",
		{"name = 'front'", "name = 5"}:               "line 5: ",
		{"account = 'reviewer'", "account = 'root'"}: "reviewer.account: must not be root",
		{"[reviewer]", "[reviewer"}:                  "line 1: ",
	} {
		text := strings.Replace(string(raw), change[0], change[1], 1)
		require.NotEqual(t, string(raw), text, change)
		_, err := deployment.Read(text)
		require.ErrorContains(t, err, want)
	}
}
