package server

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
)

//go:embed home.html
var homeText string

var homePage = template.Must(template.New("home").Parse(homeText))

// homePolicy lets the page do nothing but be looked at.
const homePolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// home answers with the front page: what vspinfo says, for people.
func (s *Server) home(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), actTimeout)
	defer cancel()
	info, err := s.currentInfo(ctx)
	if err != nil {
		entryOf(r).err = err
		plain(w, http.StatusInternalServerError, "This page cannot be shown now. Please try again in a minute.")
		return
	}
	var page bytes.Buffer
	if err := homePage.Execute(&page, home{info, s.config.Service.Health(), s.config.Designation, s.config.SupportEmail}); err != nil {
		panic(err) // the template was parsed, and its data is our own
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", homePolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	_, _ = w.Write(page.Bytes())
}

// home is what the page shows.
type home struct {
	vspapi.Info
	health                    vsp.Health
	Designation, SupportEmail string
}

// gateText is how vspinfo begins to say that it is not the operator who has closed the VSP. The page has words of its own.
const gateText = "not taking new tickets now: "

// Closed reports whether the operator has closed the VSP.
func (h home) Closed() bool { return h.VspClosed && !strings.HasPrefix(h.VspClosedMsg, gateText) }

// Reasons is why no new tickets are taken, or would be taken if the operator had not closed the VSP.
func (h home) Reasons() (texts []string) {
	for _, reason := range h.health.Reasons {
		texts = append(texts, reason.Text)
	}
	return texts
}

// Looked is when node and wallets were looked at, to the minute; "" if never.
func (h home) Looked() string {
	if h.health.At.IsZero() {
		return ""
	}
	return h.health.At.UTC().Format("2006-01-02 15:04 MST")
}

// Ready is how many wallets could vote when they were looked at.
func (h home) Ready() int { return h.health.Ready }

// NobodyVotes reports that no wallet could.
func (h home) NobodyVotes() bool { return !h.health.At.IsZero() && h.health.Ready == 0 }

// TestNetwork reports whether the coins here are worth nothing.
func (h home) TestNetwork() bool { return h.Network != "mainnet" }

// Key is the public key as wallets are given it.
func (h home) Key() string { return base64.StdEncoding.EncodeToString(h.PubKey) }

// Proportion is the live tickets' share of the network's, in percent.
func (h home) Proportion() float64 { return 100 * float64(h.EstimatedNetworkProportion) }

// MissedPercent is the share of won votes that were not cast.
func (h home) MissedPercent() float64 { return percent(h.Missed, h.Voted+h.Missed) }

// ExpiredPercent is the share of ended tickets that never won.
func (h home) ExpiredPercent() float64 { return percent(h.Expired, h.Voted+h.Missed+h.Expired) }

func percent(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}
