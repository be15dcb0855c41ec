package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp/network"
	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/sqlstore/mariadbtest"
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

// benchStores is where the configuration of each kind of Store comes from, as serveEnv has it.
var benchStores = []struct {
	name   string
	config func(b *testing.B) any
}{
	{"memory", func(*testing.B) any { return nil }},
	{"sqlite", func(b *testing.B) any {
		return storeConfig{Config: sqlstore.Config{Path: filepath.Join(b.TempDir(), "vsp.db")}}
	}},
	{"mariadb", func(b *testing.B) any {
		c := mariadbtest.Start(b).Config(b)
		return storeConfig{Config: sqlstore.Config{MySQL: &c}, Password: c.Password}
	}},
}

// BenchmarkRequests measures the API as wallets see it: over HTTP on loopback, with a connection for each client, against a
// server in a process of its own, whose memory is what the table tells of; for MariaDB without that server's. Every ticket
// is new to the server and to its node, every request is signed, and the limits are on. The node is in memory: what a real
// one takes comes on top.
func BenchmarkRequests(b *testing.B) {
	var table results
	for _, store := range benchStores {
		for _, endpoint := range []string{vspinfo, ticketstatus, feeaddress, payfee} {
			b.Run(store.name+"/"+filepath.Base(endpoint), func(b *testing.B) {
				load := newLoad(b, store.config(b))
				for _, clients := range []int{1, 16, 64} {
					b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
						requests := load.prepare(b, endpoint, b.N)
						b.ResetTimer()
						r := load.run(b, requests, clients)
						b.StopTimer()
						r.store, r.endpoint, r.clients = store.name, filepath.Base(endpoint), clients
						table.keep(r)
						r.report(b)
					})
				}
			})
		}
	}
	table.print(os.Stdout)
}

// load is a server and what is asked of it.
type load struct {
	*served
	tickets *vsptest.Chain // makes tickets; the server's makes the coins for them
	fees    *vsptest.Chain // pays their fees
	made    uint32         // tickets
	status  []byte         // a request for the status of a ticket that is paid
}

func newLoad(b *testing.B, config any) *load {
	profile, err := network.Lookup("simnet")
	require.NoError(b, err)
	var text []byte
	if config != nil {
		text, err = json.Marshal(config)
		require.NoError(b, err)
	}
	newChain := func() *vsptest.Chain { return vsptest.NewChain(profile.Params, height) }
	return &load{served: startServed(b, string(text)), tickets: newChain(), fees: newChain()}
}

// prepare makes requests that will be granted.
func (l *load) prepare(b *testing.B, endpoint string, n int) [][]byte {
	switch endpoint {
	case vspinfo:
		return slices.Repeat([][]byte{[]byte("GET " + vspapi.PathInfo + " HTTP/1.1\r\nHost: vsp.example.org\r\n\r\n")}, n)
	case ticketstatus:
		if l.status == nil {
			t := l.buy(1)[0]
			l.run(b, l.payments(b, []vsptest.Ticket{t}), 1)
			l.status = raw(vspapi.PathTicketStatus, t.Holder, fields{"tickethash": t.Hash().String()})
		}
		return slices.Repeat([][]byte{l.status}, n)
	case feeaddress:
		return offers(l.buy(n))
	}
	return l.payments(b, l.buy(n))
}

func (l *load) buy(n int) []vsptest.Ticket {
	tickets := make([]vsptest.Ticket, n)
	for i := range tickets {
		l.made++
		tickets[i] = l.tickets.Ticket(vsptest.NewHolder(l.tickets.Params, l.made))
	}
	return tickets
}

func offers(tickets []vsptest.Ticket) [][]byte {
	requests := make([][]byte, len(tickets))
	for i, t := range tickets {
		requests[i] = raw(vspapi.PathFeeAddress, t.Holder, fields{"timestamp": time.Now().Unix(), "tickethash": t.Hash().String(),
			"tickethex": vsptest.Hex(t.Tx), "parenthex": vsptest.Hex(t.Parent)})
	}
	return requests
}

func (l *load) payments(b *testing.B, tickets []vsptest.Ticket) [][]byte {
	answers := l.run(b, offers(tickets), 64).answers
	requests := make([][]byte, len(tickets))
	for i, t := range tickets {
		var offer vspapi.FeeAddressResponse
		require.NoError(b, json.Unmarshal(answers[i], &offer))
		fee := l.fees.Pay(offer.FeeAddress, dcrutil.Amount(offer.FeeAmount))
		requests[i] = raw(vspapi.PathPayFee, t.Holder, fields{"timestamp": time.Now().Unix(), "tickethash": t.Hash().String(),
			"feetx": vsptest.Hex(fee), "votingkey": t.VotingKey(), "votechoices": fields{}, "tspendpolicy": fields{}, "treasurypolicy": fields{}})
	}
	return requests
}

// raw is a request as it goes over the wire.
func raw(path string, h vsptest.Holder, f fields) []byte {
	s := f.by(h)
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: vsp.example.org\r\nContent-Length: %d\r\n%s: %s\r\n\r\n%s",
		path, len(s.body), s.header[0], s.header[1], s.body)
}

// run sends requests by so many clients at once, each of which waits for its answer before it asks again. All must be granted.
func (l *load) run(b *testing.B, requests [][]byte, clients int) result {
	r := result{took: make([]time.Duration, len(requests)), answers: make([][]byte, len(requests))}
	var next atomic.Int64
	var running sync.WaitGroup
	begin, used := time.Now(), l.used()
	for client := range clients {
		running.Go(func() {
			if err := l.client(client, requests, &next, &r); err != nil {
				b.Errorf("client %d: %v", client, err)
			}
		})
	}
	running.Wait()
	r.whole, r.used = time.Since(begin), l.used()-used
	r.memory, r.most = l.memory()
	if b.Failed() {
		b.FailNow()
	}
	return r
}

// client is one wallet, with an address of its own.
func (l *load) client(number int, requests [][]byte, next *atomic.Int64, r *result) error {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+number))}, Timeout: 10 * time.Second}
	conn, err := dialer.Dial("tcp", l.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for {
		i := int(next.Add(1)) - 1
		if i >= len(requests) {
			return nil
		}
		start := time.Now()
		if _, err := conn.Write(requests[i]); err != nil {
			return err
		}
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			return err
		}
		if r.answers[i], err = io.ReadAll(answer.Body); err != nil {
			return err
		}
		r.took[i] = time.Since(start)
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", answer.Status, r.answers[i])
		}
	}
}

// result is what one run has shown.
type result struct {
	store, endpoint string
	clients         int
	whole           time.Duration
	used            time.Duration // of the server's processors
	took            []time.Duration
	answers         [][]byte
	memory, most    float64 // of the server, in MB
}

// quantile returns how long at most so much of the requests took, in milliseconds.
func (r result) quantile(q float64) float64 {
	sorted := slices.Sorted(slices.Values(r.took))
	return float64(sorted[min(int(q*float64(len(sorted))), len(sorted)-1)].Microseconds()) / 1000
}

func (r result) rate() float64 { return float64(len(r.took)) / r.whole.Seconds() }

// cpu returns how long the server has worked on a request, in microseconds. It does not depend on what else the machine does.
func (r result) cpu() float64 { return float64(r.used.Microseconds()) / float64(len(r.took)) }

func (r result) report(b *testing.B) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(r.rate(), "req/s")
	b.ReportMetric(r.quantile(0.5), "p50-ms")
	b.ReportMetric(r.quantile(0.99), "p99-ms")
	b.ReportMetric(r.cpu(), "cpu-us/req")
	b.ReportMetric(r.memory, "RSS-MB")
}

// results is the last result of each benchmark, in their order.
type results []result

func (rs *results) keep(r result) {
	r.answers = nil
	same := func(before result) bool {
		return before.store == r.store && before.endpoint == r.endpoint && before.clients == r.clients
	}
	if i := slices.IndexFunc(*rs, same); i >= 0 {
		(*rs)[i] = r
		return
	}
	*rs = append(*rs, r)
}

func (rs results) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "store\tendpoint\tclients\trequests\treq/s\tp50 ms\tp99 ms\tCPU us\tRSS MB\tat most\t")
	for _, r := range rs {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%.0f\t%.2f\t%.2f\t%.0f\t%.0f\t%.0f\t\n", r.store, r.endpoint, r.clients, len(r.took), r.rate(),
			r.quantile(0.5), r.quantile(0.99), r.cpu(), r.memory, r.most)
	}
	t.Flush()
}
