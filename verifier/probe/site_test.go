package probe

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
)

func TestSite(t *testing.T) {
	page := func(kind, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			fmt.Fprint(w, text)
		}
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    verifier.Code
	}{
		{"a page", page("text/html; charset=utf-8", "<p>Welcome"), verifier.OK},
		{"no HTML", page("text/plain", "Welcome"), verifier.NoPage},
		{"an empty page", page("text/html", ""), verifier.NoPage},
		{"not found", http.NotFound, verifier.BadStatus},
		{"proxy without a server", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, verifier.BadStatus},
		{"moved to a page", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/" {
				http.Redirect(w, r, "/home", http.StatusFound)
				return
			}
			page("text/html", "<p>Home")(w, r)
		}, verifier.OK},
		{"slow", func(w http.ResponseWriter, r *http.Request) {
			pause(r, 5*impatient+50*time.Millisecond)
			page("text/html", "<p>At last")(w, r)
		}, verifier.Slow},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, verifier.NoAnswer},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(test.handler)
			defer server.Close()
			v := vantage(t, server.URL)
			if test.want == verifier.Slow {
				v.Policy.TargetLatency = impatient
			}
			o := of(t, v.Round(t.Context()), verifier.KindSite)
			require.Equal(t, test.want, o.Code, o.Detail)
			require.Equal(t, "/", o.Endpoint)
		})
	}
}

// TestControls: any answer of a site that has nothing to do with the target shows that we can see; each is noted.
func TestControls(t *testing.T) {
	answering := httptest.NewServer(http.NotFoundHandler())
	defer answering.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	v := vantage(t, gone.URL)
	require.NotContains(t, kinds(v.Round(t.Context())), verifier.KindControl, "there are none")
	v.Controls = []string{answering.URL, gone.URL, "http://127.0.0.1:1/%zz"}
	codes := make(map[string]verifier.Code)
	for _, o := range v.Round(t.Context()) {
		if o.Kind == verifier.KindControl {
			codes[o.Endpoint] = o.Code
		}
	}
	require.Equal(t, map[string]verifier.Code{answering.URL: verifier.OK, gone.URL: verifier.Refused, v.Controls[2]: verifier.NoAnswer}, codes)
}

// TestControlsTellTheTime: where other sites' clocks say that ours is off, nothing that was seen counts.
func TestControlsTellTheTime(t *testing.T) {
	offset := time.Duration(0)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().UTC().Add(offset).Format(http.TimeFormat))
	}))
	defer site.Close()
	v := vantage(t, site.URL)
	v.Controls = []string{site.URL}
	for _, test := range []struct {
		offset time.Duration
		want   verifier.Code
	}{{0, verifier.OK}, {-4 * time.Minute, verifier.OK}, {4 * time.Minute, verifier.OK}, {-6 * time.Minute, verifier.OurClock}, {6 * time.Minute, verifier.OurClock}} {
		offset = test.offset
		o := of(t, v.Round(t.Context()), verifier.KindControl)
		require.Equal(t, test.want, o.Code, "%v: %s", test.offset, o.Detail)
	}
}

func kinds(seen []verifier.Observation) []string {
	var all []string
	for _, o := range seen {
		all = append(all, o.Kind)
	}
	return all
}

func TestSecure(t *testing.T) {
	require.NotContains(t, kinds(vantage(t, "http://127.0.0.1:1").Round(t.Context())), verifier.KindTLS, "there is no TLS to see")

	quiet := log.New(io.Discard, "", 0) // a server complains of each client that turns away
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = quiet
	server.StartTLS()
	defer server.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Certificate())
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.Config.ErrorLog = quiet
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.StartTLS()
	defer old.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()

	tests := []struct {
		name, url string
		roots     *x509.CertPool
		want      verifier.Code
	}{
		{"in order", server.URL, trusted, verifier.OK},
		{"nobody vouches for it", server.URL, nil, verifier.BadTLS},
		{"TLS 1.1 at most", old.URL, trusted, verifier.BadTLS},
		{"no TLS behind https", "https://" + plain.Listener.Addr().String(), trusted, verifier.BadTLS},
		{"nobody there", "https://127.0.0.1:1", trusted, verifier.Refused},
		{"silent", "https://" + silent.Addr().String(), trusted, verifier.NoAnswer},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := vantage(t, test.url)
			v.Roots, v.Policy.TargetLatency = test.roots, impatient
			o := of(t, v.Round(t.Context()), verifier.KindTLS)
			require.Equal(t, test.want, o.Code, o.Detail)
			if test.want == verifier.OK {
				require.Equal(t, &verifier.TLSState{Version: "TLS 1.3", NotAfter: server.Certificate().NotAfter.UTC()}, o.TLS)
			} else {
				require.Nil(t, o.TLS)
			}
		})
	}
}
