package testnet

import (
	"cmp"
	"net/netip"
	"sync"
	"time"

	"scrutineer/verifier/location"
	"scrutineer/verifier/location/locationtest"
	"scrutineer/vsp/deployment"
)

// City is a place that machines are in.
type City struct {
	Name string
	location.Point
}

// Cities are so far from each other that a computer which is busy does not blur which is which.
var Cities = map[string]City{
	"Frankfurt": {"Frankfurt", location.Point{Latitude: 50.11, Longitude: 8.68}},
	"Singapore": {"Singapore", location.Point{Latitude: 1.35, Longitude: 103.82}},
	"Sao-Paulo": {"Sao-Paulo", location.Point{Latitude: -23.55, Longitude: -46.63}},
	"New-York":  {"New-York", location.Point{Latitude: 40.71, Longitude: -74.01}},
}

// Station is a VSP's machine in the world: where its operator says that it is, and where it is.
type Station struct {
	Name    string
	Role    deployment.Role
	Claimed string        // a city
	Real    string        // if another
	Padding time.Duration // that its operator adds to each round trip
	Jitter  time.Duration // that there is on top
	Twin    string        // another station, which is the same machine
	ip      string
}

// world says how long it takes from anywhere to anywhere.
type world struct {
	stations []Station
	vantages map[netip.Addr]City // by the addresses that they connect from
	home     City                // of everybody else
	firstUID int                 // that of the account on the first station; the others follow

	mu  sync.Mutex
	cut string // the city whose vantage reaches nothing
}

func (s Station) city() City { return Cities[cmp.Or(s.Real, s.Claimed)] }

// line returns what is between a client and a station: at the least what light needs, and what the operator adds. Loopback
// connections do not tell where they come from: vantages are known by the address that they connect from, and what another
// station's sshd passes on by its user.
func (w *world) line(client netip.AddrPort, s Station) locationtest.Line {
	w.mu.Lock()
	cut := w.cut
	w.mu.Unlock()
	if city, ok := w.vantages[client.Addr().Unmap()]; ok {
		return w.between(city, s, city.Name == cut)
	}
	uid, ok := socketOwner(client, netip.AddrPortFrom(netip.MustParseAddr(s.ip), placePort))
	if i := uid - w.firstUID; i >= 0 && i < len(w.stations) {
		return w.between(w.stations[i].city(), s, false)
	}
	return w.between(w.home, s, !ok || w.home.Name == cut)
}

func (w *world) between(from City, s Station, cut bool) locationtest.Line {
	light := location.Distance(from.Point, s.city().Point) / location.KmPerMs
	return locationtest.Line{Trip: time.Duration(light*1e6) + s.Padding, Jitter: s.Jitter, Cut: cut}
}

// isolate cuts a city's vantage off, and only that.
func (w *world) isolate(city string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = city
}
