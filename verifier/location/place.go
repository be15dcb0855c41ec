package location

import (
	"math"
	"time"

	"scrutineer/verifier"
	"scrutineer/vsp/deployment"
)

// Place is where a host is by its operator's word, and where it must be by what was measured.
type Place struct {
	Host      string            `json:"host"`
	Roles     []deployment.Role `json:"roles"`
	Claim     string            `json:"claim"` // the place's name
	Latitude  float64           `json:"latitude"`
	Longitude float64           `json:"longitude"`
	Discs     []Disc            `json:"discs"`   // the smallest first; the host is in all of them
	Refuted   bool              `json:"refuted"` // the claim is out of one of them
}

// Disc is a part of the Earth that a host must be in, for it answered a vantage so soon.
type Disc struct {
	Vantage   string        `json:"vantage"`
	Latitude  *float64      `json:"latitude"` // of the vantage, by its reviewer's word; null with the longitude where it was not declared
	Longitude *float64      `json:"longitude"`
	Trip      time.Duration `json:"trip_ns"`       // there and back
	Radius    float64       `json:"radius_km"`     // at most
	Outside   bool          `json:"outside"`       // the claim is not in it
	Cite      verifier.Cite `json:"cite,omitzero"` // the entry of a journal that has it
}

// told returns where a host must be.
func (p placed) told() Place {
	at := claim(p.host)
	place := Place{Host: p.host.Name, Roles: p.host.Roles, Claim: p.host.Place, Latitude: at.Latitude, Longitude: at.Longitude, Discs: []Disc{}}
	for _, d := range p.discs {
		disc := Disc{Vantage: d.vantage.Name, Trip: d.trip, Radius: math.Ceil(d.radius), Cite: d.cite}
		if v := d.vantage.Point; v != nil {
			disc.Latitude, disc.Longitude = &v.Latitude, &v.Longitude
			disc.Outside = atLeast(*v, at) > d.radius
		}
		place.Refuted = place.Refuted || disc.Outside
		place.Discs = append(place.Discs, disc)
	}
	return place
}
