package location

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"

	"scrutineer/vsp/deployment"
)

// Lookup is what a database of addresses says of the hosts'. Such databases guess, and servers they often guess wrong: it is
// no more than a sign.
type Lookup struct {
	Database string    `json:"database"` // its type, such as "GeoLite2-City"
	Built    time.Time `json:"built"`    // UTC
	Found    []Guess   `json:"found"`
}

// Guess is what a database says of one address.
type Guess struct {
	Host         string `json:"host"`
	Address      string `json:"address"`
	ASN          uint   `json:"asn,omitempty"` // of the network that announces it
	Organization string `json:"organization,omitempty"`
	City         string `json:"city,omitempty"`
	Country      string `json:"country,omitempty"` // ISO 3166-1
	Point        *Point `json:"point,omitempty"`
}

// LookUp asks a database in MaxMind's format (GeoLite2, DB-IP and others) for the addresses of all hosts. What it does not know
// is left out.
func LookUp(path string, hosts []deployment.Host) (Lookup, error) {
	db, err := maxminddb.Open(path)
	if err != nil {
		return Lookup{}, fmt.Errorf("open %s: %w", path, err)
	}
	defer db.Close()
	l := Lookup{Database: db.Metadata.DatabaseType, Built: db.Metadata.BuildTime().UTC(), Found: []Guess{}}
	for _, h := range hosts {
		for _, address := range h.Addresses {
			var record struct {
				ASN          uint   `maxminddb:"autonomous_system_number"`
				Organization string `maxminddb:"autonomous_system_organization"`
				City         struct {
					Names map[string]string `maxminddb:"names"`
				} `maxminddb:"city"`
				Country struct {
					Code string `maxminddb:"iso_code"`
				} `maxminddb:"country"`
				Location struct {
					Latitude  *float64 `maxminddb:"latitude"`
					Longitude *float64 `maxminddb:"longitude"`
				} `maxminddb:"location"`
			}
			found := db.Lookup(address.Unmap())
			if err := found.Decode(&record); err != nil {
				return l, fmt.Errorf("look %v up in %s: %w", address, path, err)
			}
			if !found.Found() {
				continue
			}
			f := Guess{Host: h.Name, Address: address.Unmap().String(), ASN: record.ASN, Organization: record.Organization,
				City: record.City.Names["en"], Country: record.Country.Code}
			if at := record.Location; at.Latitude != nil && at.Longitude != nil {
				f.Point = &Point{*at.Latitude, *at.Longitude}
			}
			l.Found = append(l.Found, f)
		}
	}
	return l, nil
}

// source says whose word it is.
func (l Lookup) source() string {
	return fmt.Sprintf("says %s of %s", l.Database, l.Built.Format("02 Jan 2006"))
}

// guesses are the signs that databases give: hosts in one network or one city, and claims that they place elsewhere.
func (e Evidence) guesses() []string {
	var all []string
	for i, l := range e.Lookups {
		later := func(other Lookup) bool { return other.Database == l.Database }
		if slices.ContainsFunc(e.Lookups[i+1:], later) {
			continue // it was asked again
		}
		l.Found = slices.DeleteFunc(slices.Clone(l.Found), func(f Guess) bool { return !e.has(f) })
		all = append(all, l.shared(func(f Guess) string {
			if f.ASN == 0 {
				return ""
			}
			return strings.TrimSpace(fmt.Sprintf("AS%d %s", f.ASN, f.Organization))
		})...)
		all = append(all, l.shared(Guess.city)...)
		all = append(all, e.elsewhere(l)...)
	}
	return all
}

// has reports whether an address is still the host's.
func (e Evidence) has(f Guess) bool {
	return slices.ContainsFunc(e.Deployment.Hosts, func(h deployment.Host) bool {
		for _, a := range h.Addresses {
			if h.Name == f.Host && a.Unmap().String() == f.Address {
				return true
			}
		}
		return false
	})
}

func (f Guess) city() string {
	if f.City == "" {
		return ""
	}
	return f.City + ", " + f.Country
}

// shared names what two hosts or more have in common.
func (l Lookup) shared(of func(Guess) string) []string {
	hosts := map[string][]string{}
	var order, all []string
	for _, f := range l.Found {
		what := of(f)
		if what == "" || slices.Contains(hosts[what], f.Host) {
			continue
		}
		if hosts[what] == nil {
			order = append(order, what)
		}
		hosts[what] = append(hosts[what], f.Host)
	}
	for _, what := range order {
		if len(hosts[what]) > 1 {
			all = append(all, fmt.Sprintf("%s have addresses in %s, %s.", and(hosts[what]), what, l.source()))
		}
	}
	return all
}

// and lists names.
func and(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// elsewhere names the hosts that a database places far from where they are said to be.
func (e Evidence) elsewhere(l Lookup) []string {
	var all []string
	for _, f := range l.Found {
		i := slices.IndexFunc(e.Deployment.Hosts, func(h deployment.Host) bool { return h.Name == f.Host })
		if f.Point == nil || !f.Point.Valid() {
			continue
		}
		h := e.Deployment.Hosts[i]
		if km := atLeast(*f.Point, claim(h)); km >= e.Apart {
			where := f.city()
			if where == "" {
				where = fmt.Sprintf("%.1f, %.1f %s", f.Point.Latitude, f.Point.Longitude, f.Country)
			}
			all = append(all, fmt.Sprintf("%s is said to be in %s, and its address in %s, %.0f km away, %s.", h.Name, h.Place, strings.TrimSpace(where),
				math.Round(Distance(*f.Point, claim(h))), l.source()))
		}
	}
	return all
}
