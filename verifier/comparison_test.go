package verifier

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCompareNamesEachPlace(t *testing.T) {
	type inner struct {
		N []int          `json:"n"`
		M map[string]any `json:"m,omitempty"`
	}
	a := map[string]any{"x": inner{N: []int{1, 2}}, "y": "text", "z": nil, "same": []inner{{}}}
	b := map[string]any{"x": inner{N: []int{1, 3, 4}, M: map[string]any{"k": true}}, "y": []int{}, "z": 0, "same": []inner{{}}}
	differences, err := Compare(a, b)
	require.NoError(t, err)
	require.Equal(t, []Difference{{"x.m", "", `{"k":true}`}, {"x.n[1]", "2", "3"}, {"x.n[2]", "", "4"}, {"y", `"text"`, "[]"}, {"z", "null", "0"}}, differences)
	differences, err = Compare(a, a)
	require.NoError(t, err)
	require.Empty(t, differences)
	_, err = Compare(func() {}, 1)
	require.Error(t, err)
}
