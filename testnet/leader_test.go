package testnet

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// metrics returns what a front end shows on its private listener, by name with labels.
func (f *FrontEnd) metrics(ctx context.Context) (map[string]float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.MetricsURL+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	answer, err := patient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("/metrics of %s: HTTP %d", f.name, answer.StatusCode)
	}
	values := make(map[string]float64)
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, text, ok := strings.Cut(lines.Text(), " ")
		if value, err := strconv.ParseFloat(text, 64); ok && err == nil && !strings.HasPrefix(name, "#") {
			values[name] = value
		}
	}
	return values, nil
}

// leader returns the front end that does the work on the chain, and how far it is; nil if none does at the moment. That
// two do is an error.
func (p *play) leader(ctx context.Context) (leads *FrontEnd, scanned int64, err error) {
	for _, front := range p.vsp.FrontEnds {
		if !front.fit() {
			continue
		}
		values, err := front.metrics(ctx)
		if err != nil {
			return nil, 0, err
		}
		if values["vsp_leading"] != 1 {
			continue
		}
		if leads != nil {
			return nil, 0, fmt.Errorf("%s and %s lead", leads.Name(), front.Name())
		}
		leads, scanned = front, int64(values["vsp_scan_height"])
	}
	return leads, scanned, nil
}
