package probe

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"scrutineer/verifier"
)

// maxPage is how much of a page is read, in bytes.
const maxPage = 1 << 20

// site asks for the front page, as a holder's browser would.
func site(ctx context.Context, v *Vantage, _ *verifier.NodeState) verifier.Observation {
	o := verifier.Observation{Endpoint: "/"}
	began := v.Now()
	p, err := v.get(ctx, strings.TrimSuffix(v.Target.URL, "/")+"/")
	took, slow := v.Now().Sub(began), verifier.SlowFactor*v.Policy.TargetLatency
	switch {
	case err != nil:
		o.Code, o.Detail = transport(err), err.Error()
	case p.status != http.StatusOK:
		o.Code, o.Detail = verifier.BadStatus, fmt.Sprintf("HTTP %d", p.status)
	case !strings.HasPrefix(p.kind, "text/html"), p.size == 0:
		o.Code, o.Detail = verifier.NoPage, fmt.Sprintf("%d bytes of %q", p.size, p.kind)
	case took > slow:
		o.Code, o.Detail = verifier.Slow, fmt.Sprintf("took %v, more than %v", took.Round(time.Millisecond), slow)
	default:
		o.Code = verifier.OK
	}
	return o
}

// controls asks sites that have nothing to do with the target. Whatever they answer shows that our way out works; and if it
// has a date, whether our clock can be trusted: by it the target's statements are judged.
func controls(ctx context.Context, v *Vantage, _ *verifier.NodeState) []verifier.Observation {
	answers := make(chan verifier.Observation, len(v.Controls))
	for _, url := range v.Controls {
		go func() {
			began := v.Now()
			o := verifier.Observation{Endpoint: url, Code: verifier.OK}
			p, err := v.get(ctx, url)
			if err != nil {
				o.Code, o.Detail = transport(err), err.Error()
			} else if !p.date.IsZero() && !v.timely(p.date, began, v.Now()) {
				o.Code, o.Detail = verifier.OurClock, "dated "+p.date.UTC().Format(time.RFC3339)
			}
			o.Took = v.Now().Sub(began)
			answers <- o
		}()
	}
	var seen []verifier.Observation
	for range v.Controls {
		seen = append(seen, <-answers)
	}
	return seen
}

// page is what is looked at of an answer.
type page struct {
	status int
	kind   string
	size   int64     // bytes, up to maxPage
	date   time.Time // when it was made, by the site's clock; zero if it does not say
}

// get reads a page.
func (v *Vantage) get(ctx context.Context, url string) (page, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return page{}, fmt.Errorf("ask for %s: %w", url, err)
	}
	answer, err := v.HTTP.Do(request)
	if err != nil {
		return page{}, err
	}
	defer answer.Body.Close()
	size, err := io.Copy(io.Discard, io.LimitReader(answer.Body, maxPage))
	date, _ := http.ParseTime(answer.Header.Get("Date")) // zero if there is none
	return page{answer.StatusCode, answer.Header.Get("Content-Type"), size, date}, err
}
