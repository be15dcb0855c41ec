package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"scrutineer/cmd/configfile"
	"scrutineer/cmd/program"
	"scrutineer/verifier/location"
	"scrutineer/vsp/deployment"
)

// placesRequest is what places is asked for on the command line.
type placesRequest struct {
	deployment, key, from, at string
	bind, site                string
	asnDB, cityDB             string
	with                      []string
	apart                     float64
	trips                     int
	json                      bool
}

func placesCommand() *cobra.Command {
	var r placesRequest
	c := &cobra.Command{
		Use:   "places --deployment FILE (--key KEY | --with FILE...)",
		Short: "Measure how far apart a VSP's machines really are",
		Long:  placesHelp,
		Args:  cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&r.deployment, "deployment", "", "the operator's description of the machines, a `FILE`")
	f.StringVar(&r.key, "key", "", "the reviewer's private SSH key, a `FILE` without a passphrase; without it nothing is measured here")
	f.StringVar(&r.from, "from", "here", "`NAME` of the place that we measure from")
	f.StringVar(&r.at, "at", "", "where that is, `LAT,LON` in degrees")
	f.StringArrayVar(&r.with, "with", nil, "a `FILE` that places --json wrote on another machine; may be repeated")
	f.Float64Var(&r.apart, "apart", location.DefaultApart, "how far apart two places are at least, in `KM`")
	f.IntVar(&r.trips, "trips", location.DefaultTrips, "`NUMBER` of round trips of each kind")
	f.StringVar(&r.site, "site", "", "look up the addresses of the VSP's site as well, by its `URL`")
	f.StringVar(&r.bind, "bind", "", "connect from this `ADDRESS` of ours")
	f.StringVar(&r.asnDB, "asn-db", "", "a database in MaxMind's format, such as GeoLite2-ASN.mmdb, a `FILE`")
	f.StringVar(&r.cityDB, "city-db", "", "another one, such as GeoLite2-City.mmdb, a `FILE`")
	f.BoolVar(&r.json, "json", false, "write JSON")
	_ = c.MarkFlagRequired("deployment") // it fails only for flags that are not there
	c.RunE = func(c *cobra.Command, _ []string) error {
		return r.run(c.Context(), c.OutOrStdout())
	}
	return c
}

func (r *placesRequest) run(ctx context.Context, out io.Writer) error {
	d, err := readDeployment(r.deployment)
	if err != nil {
		return err
	}
	site, err := r.parseSite()
	if err != nil {
		return program.Misuse(err)
	}
	lookups, err := r.lookUp(d)
	if err != nil {
		return program.Misuse(err)
	}
	looker, here, err := r.looker(d)
	if err != nil {
		return program.Misuse(err)
	}
	s := survey{location.Survey{Apart: r.apart}}
	if r.key != "" || site != nil {
		s.Vantages = append(s.Vantages, here)
	}
	for _, path := range r.with {
		if err := s.merge(path, d); err != nil {
			return program.Misuse(fmt.Errorf("--with: %s: %w", path, err))
		}
	}
	if r.key != "" {
		s.Sights = append(looker.Look(ctx, d.Hosts), s.Sights...)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if site != nil {
		look := location.SiteLooker{Vantage: r.from, Resolver: net.DefaultResolver, Patience: sitePatience, Now: time.Now}
		s.Sites = append([]location.Site{look.Look(ctx, site)}, s.Sites...)
	}
	s.Judgement = location.Judge(location.Evidence{Deployment: d, Vantages: s.Vantages, Sights: s.Sights, Sites: s.Sites, Lookups: lookups, Apart: r.apart})
	if r.json {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", " ") // as a file beside a trial it may have no line that is too long
		err = encoder.Encode(s)
	} else {
		err = writeText(out, s.text(d))
	}
	if err != nil {
		return fmt.Errorf("write the places: %w", err)
	}
	return s.answer()
}

// readDeployment reads the operator's description. All that is wrong in it is the answer no.
func readDeployment(path string) (deployment.Deployment, error) {
	var d deployment.Deployment
	file, err := configfile.Read(path, &d)
	if err != nil {
		return d, program.Misuse(fmt.Errorf("--deployment: %w", err))
	}
	if file.Err() == nil { // what could not be read would only be missing
		for _, m := range d.Mistakes() {
			file.Wrong(m.Key, "%s", m.Text)
		}
	}
	if err := file.Err(); err != nil {
		return d, program.AnswerNo(err)
	}
	return d, nil
}

// lookUp asks the databases of addresses, if any are given.
func (r *placesRequest) lookUp(d deployment.Deployment) ([]location.Lookup, error) {
	var all []location.Lookup
	for _, path := range (placesConfig{ASNDB: r.asnDB, CityDB: r.cityDB}).databases() {
		l, err := location.LookUp(path, d.Hosts)
		if err != nil {
			return nil, fmt.Errorf("a database of addresses: %w", err)
		}
		all = append(all, l)
	}
	return all, nil
}

// looker returns what measures, and the vantage that we are.
func (r *placesRequest) looker(d deployment.Deployment) (location.Looker, location.Vantage, error) {
	here := location.Vantage{Name: r.from}
	if r.from == "" || r.trips < 1 || r.trips > 10000 || !(r.apart > 0 && r.apart < 20000) {
		return location.Looker{}, here, errors.New("--from must be a name, --trips a number from 1 to 10000, --apart more than 0 and less than 20000")
	}
	if r.at != "" {
		point, err := parsePoint(r.at)
		if err != nil {
			return location.Looker{}, here, err
		}
		here.Point = &point
	}
	if r.key == "" && len(r.with) == 0 {
		return location.Looker{}, here, errors.New("there must be a --key, or --with files to judge without measuring anything here")
	}
	if r.key == "" {
		return location.Looker{}, here, nil
	}
	key, err := readSSHKey(r.key)
	if err != nil {
		return location.Looker{}, here, fmt.Errorf("--key: %w", err)
	}
	var bind netip.Addr
	if r.bind != "" {
		if bind, err = netip.ParseAddr(r.bind); err != nil {
			return location.Looker{}, here, fmt.Errorf("--bind: %w", err)
		}
	}
	return location.Looker{Vantage: r.from, Account: d.Reviewer.Account, Key: key, Trips: r.trips, Bind: bind,
		Patience: location.DefaultPatience, Now: time.Now}, here, nil
}

// readSSHKey reads the reviewer's private key.
func readSSHKey(path string) (ssh.Signer, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePrivateKey(raw)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		return nil, fmt.Errorf("%s has a passphrase: make a key for this alone, without one", path)
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// sitePatience is for all that is looked up of the site.
const sitePatience = 20 * time.Second

// parseSite returns the site's URL, nil if none is given.
func (r *placesRequest) parseSite() (*url.URL, error) {
	if r.site == "" {
		return nil, nil
	}
	site, err := url.Parse(r.site)
	if err != nil || site.Hostname() == "" || site.Scheme != "https" && site.Scheme != "http" {
		return nil, fmt.Errorf("--site: %q is no URL: write it like https://vsp.example.org", r.site)
	}
	return site, nil
}

func parsePoint(text string) (location.Point, error) {
	latitude, longitude, _ := strings.Cut(text, ",")
	lat, err := strconv.ParseFloat(strings.TrimSpace(latitude), 64)
	lon, also := strconv.ParseFloat(strings.TrimSpace(longitude), 64)
	p := location.Point{Latitude: lat, Longitude: lon}
	if err != nil || also != nil || !p.Valid() {
		return p, fmt.Errorf("--at: %q is no place: write it like 48.86,2.35", text)
	}
	return p, nil
}
