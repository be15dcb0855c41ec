package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// sinceLine is the metric that says since when a wallet is as it is.
var sinceLine = regexp.MustCompile(`^vsp_wallet_problem_since_timestamp_seconds\{wallet=("(?:[^"\\]|\\.)*")\} (\S+)$`)

// maxScrape bounds what is read of a scrape, in bytes; some hundred lines are usual.
const maxScrape = 4 << 20

// serviceSince asks the running service since when each wallet is as it is. It returns nothing where it cannot be asked: it
// does not run, or has no private listener.
func serviceSince(ctx context.Context, s *settings) map[string]time.Time {
	if s.MetricsListen == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, walletTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.MetricsListen+"/metrics", nil)
	if err != nil {
		return nil
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil
	}
	defer answer.Body.Close()
	return readSince(io.LimitReader(answer.Body, maxScrape))
}

func readSince(scrape io.Reader) map[string]time.Time {
	since := map[string]time.Time{}
	lines := bufio.NewScanner(scrape)
	for lines.Scan() {
		found := sinceLine.FindStringSubmatch(lines.Text())
		if found == nil {
			continue
		}
		name, err := strconv.Unquote(found[1])
		seconds, numberErr := strconv.ParseFloat(found[2], 64)
		if err == nil && numberErr == nil {
			since[name] = time.UnixMilli(int64(seconds * 1000)).UTC()
		}
	}
	return since
}
