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
	status, kind, size, err := v.get(ctx, strings.TrimSuffix(v.Target.URL, "/")+"/")
	took, slow := v.Now().Sub(began), verifier.SlowFactor*v.Policy.TargetLatency
	switch {
	case err != nil:
		o.Code, o.Detail = transport(err), err.Error()
	case status != http.StatusOK:
		o.Code, o.Detail = verifier.BadStatus, fmt.Sprintf("HTTP %d", status)
	case !strings.HasPrefix(kind, "text/html"), size == 0:
		o.Code, o.Detail = verifier.NoPage, fmt.Sprintf("%d bytes of %q", size, kind)
	case took > slow:
		o.Code, o.Detail = verifier.Slow, fmt.Sprintf("took %v, more than %v", took.Round(time.Millisecond), slow)
	default:
		o.Code = verifier.OK
	}
	return o
}

// controls asks sites that have nothing to do with the target. Whatever they answer shows that our way out works.
func controls(ctx context.Context, v *Vantage, _ *verifier.NodeState) []verifier.Observation {
	answers := make(chan verifier.Observation, len(v.Controls))
	for _, url := range v.Controls {
		go func() {
			began := v.Now()
			o := verifier.Observation{Endpoint: url, Code: verifier.OK}
			if _, _, _, err := v.get(ctx, url); err != nil {
				o.Code, o.Detail = transport(err), err.Error()
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

// get reads a page, up to maxPage of it.
func (v *Vantage) get(ctx context.Context, url string) (status int, kind string, size int64, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", 0, fmt.Errorf("ask for %s: %w", url, err)
	}
	answer, err := v.HTTP.Do(request)
	if err != nil {
		return 0, "", 0, err
	}
	defer answer.Body.Close()
	size, err = io.Copy(io.Discard, io.LimitReader(answer.Body, maxPage))
	return answer.StatusCode, answer.Header.Get("Content-Type"), size, err
}
