package server_test

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
)

func TestHome(t *testing.T) {
	const closedText = "Closed to new tickets.</strong> &lt;b&gt;Gone"
	oneLocked := func(r *rig) { r.voters.Wallets[1].Problem = vsp.Locked }
	allLocked := func(r *rig) { r.voters.Wallets[0].Problem, r.voters.Wallets[1].Problem = vsp.Locked, vsp.Locked }
	shut := func(r *rig) {
		terms := r.config.Terms
		terms.Closed, terms.ClosedMessage = true, "<b>Gone</b>"
		require.NoError(r, r.service.SetTerms(terms))
	}
	for _, test := range []struct {
		name     string
		change   []func(r *rig)
		has, not []string
	}{
		{"well", nil, []string{"2 of 2 online, 2 ready to vote", "<td>taken</td>", "2030-01-02 03:04 UTC"},
			[]string{"class=\"notice bad\"", "not taken"}},
		{"closed", []func(*rig){shut}, []string{closedText, "not taken"}, []string{"<li>", "Not taking", "No voting wallet"}},
		{"too few wallets", []func(*rig){oneLocked}, []string{"Not taking new tickets now:", "<li>1 of 2 voting wallets", "1 of 2 online, 1 ready", "not taken"},
			[]string{"Closed to", "not taking new tickets now:", "No voting wallet"}},
		{"no wallet", []func(*rig){allLocked}, []string{"Not taking new tickets now:", "No voting wallet is ready.", "0 of 2 online, 0 ready"}, nil},
		{"closed, and too few wallets", []func(*rig){shut, oneLocked}, []string{closedText, "Something is wrong here:", "<li>1 of 2 voting wallets"},
			[]string{"Not taking new tickets"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := seen(t)
				for _, change := range test.change {
					change(r)
				}
				r.look()
				answer := r.do(http.MethodGet, "/", nil)
				require.Equal(t, http.StatusOK, answer.StatusCode)
				require.Equal(t, "text/html; charset=utf-8", answer.Header.Get("Content-Type"))
				require.Contains(t, answer.Header.Get("Content-Security-Policy"), "default-src 'none'")
				page := text(t, answer)
				for _, want := range append(test.has, "Test &amp; Sons", "2 % of the vote reward", "a test network", "help@example.org",
					"/RckOFqgx1tk&#43;3jNYC&#43;h2ZH96/drE8WO1wLqyDXp9hg=", "200 on simnet", "0 (0.00 % of votes won)") {
					require.Contains(t, page, want)
				}
				for _, unwanted := range append(test.not, "<script") {
					require.NotContains(t, page, unwanted)
				}
			})
		})
	}
}

func TestHomeAway(t *testing.T) {
	r := newRig(t)
	r.chain.Fail = nodeAway()
	answer := r.do(http.MethodGet, "/", nil)
	require.Equal(t, http.StatusInternalServerError, answer.StatusCode)
	require.NotContains(t, text(t, answer), errAway.Error())
}
