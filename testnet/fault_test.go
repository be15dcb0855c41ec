package testnet

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"scrutineer/verifier"
	"scrutineer/vsp/vspapi"
)

// fault is a way in which a relay fails. It answers wrongly only where it changes an answer.
type fault struct {
	gone             bool // it takes no connections
	otherCertificate bool
	delay            time.Duration
	status           int // of HTTP, in place of an answer
	change           map[string]func(r *relay, header http.Header, body []byte) ([]byte, error)

	codes map[string]verifier.Code // what must be seen of each endpoint, where that is not OK
}

// well is the fault that is none.
const well = "nothing"

// The endpoints that a verifier looks at.
const (
	infoEndpoint = vspapi.PathInfo
	siteEndpoint = "/"
	tlsEndpoint  = "TLS"
)

// A slot of a scenario's verifier is so long that a slow answer can be told from none even on a busy machine. An answer may
// take a quarter of it; one that comes after half of it does not come.
const (
	scenarioSlot    = 2 * time.Second
	scenarioLatency = scenarioSlot / 20
	slowAnswer      = scenarioSlot * 3 / 8
	noAnswer        = time.Hour
)

// faults are those that a script can make, by name.
var faults = map[string]fault{
	well:          {},
	"refuses":     {gone: true, codes: seenAs(verifier.Refused, infoEndpoint, siteEndpoint, tlsEndpoint)},
	"hangs":       {delay: noAnswer, codes: seenAs(verifier.NoAnswer, infoEndpoint, siteEndpoint)},
	"is-slow":     {delay: slowAnswer, codes: seenAs(verifier.Slow, infoEndpoint, siteEndpoint)},
	"breaks":      {status: http.StatusServiceUnavailable, codes: seenAs(verifier.BadStatus, infoEndpoint, siteEndpoint)},
	"certificate": {otherCertificate: true, codes: seenAs(verifier.BadTLS, infoEndpoint, siteEndpoint, tlsEndpoint)},
	"empty-page": {change: changing(siteEndpoint, func(*relay, http.Header, []byte) ([]byte, error) { return nil, nil }),
		codes: seenAs(verifier.NoPage, siteEndpoint)},

	"signature": lying(verifier.BadSignature, func(_ *relay, header http.Header, body []byte) ([]byte, error) {
		header.Set(vspapi.ServerSignature, vspapi.Sign(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), body))
		return body, nil
	}),
	"garbage": lying(verifier.Garbage, func(r *relay, header http.Header, body []byte) ([]byte, error) {
		return r.sign(header, bytes.ToUpper(body[:len(body)/2])), nil
	}),
	"stale": lying(verifier.StaleHeight, func(r *relay, header http.Header, _ []byte) ([]byte, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.recorded == nil {
			return nil, errors.New("nothing was recorded")
		}
		return r.sign(header, r.recorded), nil
	}),
	"key": rewriting(verifier.WrongKey, func(info *vspapi.Info) { info.PubKey = make([]byte, ed25519.PublicKeySize) }),
	"network": rewriting(verifier.WrongNetwork, func(info *vspapi.Info) {
		info.Network = "testnet3"
	}),
	"api-version": rewriting(verifier.NoVersion3, func(info *vspapi.Info) { info.APIVersions = []int64{2} }),
	"postdated":   rewriting(verifier.StaleAnswer, func(info *vspapi.Info) { info.Timestamp += 3600 }),
	"understates": rewriting(verifier.OK, func(info *vspapi.Info) { info.Missed = 0 }),
}

// seenAs says how endpoints look while there is a fault.
func seenAs(code verifier.Code, endpoints ...string) map[string]verifier.Code {
	codes := make(map[string]verifier.Code)
	for _, endpoint := range endpoints {
		codes[endpoint] = code
	}
	return codes
}

type change = func(r *relay, header http.Header, body []byte) ([]byte, error)

func changing(endpoint string, how change) map[string]change { return map[string]change{endpoint: how} }

// lying is the fault of a VSP that says something else of itself.
func lying(code verifier.Code, how change) fault {
	return fault{change: changing(infoEndpoint, how), codes: seenAs(code, infoEndpoint)}
}

// rewriting is the fault of a VSP that states, signed, what is not so.
func rewriting(code verifier.Code, how func(*vspapi.Info)) fault {
	return lying(code, func(r *relay, header http.Header, body []byte) ([]byte, error) {
		var info vspapi.Info
		if err := json.Unmarshal(body, &info); err != nil {
			return nil, err
		}
		how(&info)
		changed, err := json.Marshal(info)
		return r.sign(header, changed), err
	})
}

// sign signs an answer with the VSP's own key.
func (r *relay) sign(header http.Header, body []byte) []byte {
	header.Set(vspapi.ServerSignature, vspapi.Sign(r.key, body))
	return body
}
