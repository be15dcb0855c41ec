package testnet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"

	"scrutineer/verifier/location/locationtest"
	"scrutineer/vsp/deployment"
)

// PlacesPlan says which machines a VSP has, and from where they are looked at.
type PlacesPlan struct {
	Dir      string    // for its files; made if missing
	Verifier string    // the executable
	Stations []Station // each has an address of its own
	Vantages []string  // cities; whoever comes from no other of them is in the last
	Site     string    // the VSP's URL, whose addresses are looked at; none if empty
	Apart    float64   // how far apart two places must be, in km; 500 if zero
	Trips    int       // round trips of each kind; 50 if zero
}

// Places is a VSP's machines, each an sshd with an account for the reviewer, behind a relay that is as far away as its place.
type Places struct {
	Deployment string // file
	Key        string // file, of the reviewer's
	Account    string
	plan       PlacesPlan
	world      *world
	block      *addressBlock
	reviewer   locationtest.Reviewer
	processes  []*Process
	relays     []*locationtest.Relay
}

// PlacesMissing says why there can be no machines with places here, and is nil if there can.
func PlacesMissing() error { return locationtest.Missing() }

// Ports of a station. What the deployment has is the relay's.
const (
	placePort = 2222
	sshdPort  = 2223
)

// firstPlaceUID is the user that the reviewer's account is on the first station.
const firstPlaceUID = 64400

// Honest returns the machines of a VSP whose operator tells the truth.
func Honest(voting int) []Station {
	all := []Station{{Name: "front", Role: deployment.Front, Claimed: "New-York"}}
	cities := []string{"Frankfurt", "Singapore", "Sao-Paulo"}
	for i := range voting {
		all = append(all, Station{Name: fmt.Sprintf("vote-%d", i+1), Role: deployment.Voting, Claimed: cities[i%len(cities)]})
	}
	return all
}

// StartPlaces gives the network's front end and voting hosts an sshd each.
func (n *Network) StartPlaces(ctx context.Context, plan PlacesPlan) (*Places, error) {
	plan.Dir = filepath.Join(n.Plan.Dir, "data", "places")
	return startPlaces(ctx, n.block, plan)
}

func startPlaces(ctx context.Context, block *addressBlock, plan PlacesPlan) (*Places, error) {
	plan.Apart, plan.Trips = cmp.Or(plan.Apart, 500), cmp.Or(plan.Trips, 50)
	p := &Places{plan: plan, block: block, Deployment: filepath.Join(plan.Dir, "deployment.toml"), Key: filepath.Join(plan.Dir, "reviewer.key"),
		world: &world{stations: plan.Stations, vantages: make(map[netip.Addr]City), home: Cities[plan.Vantages[len(plan.Vantages)-1]], firstUID: firstPlaceUID}}
	for i, city := range plan.Vantages {
		p.world.vantages[netip.MustParseAddr(p.vantageIP(i))] = Cities[city]
	}
	if err := p.start(ctx); err != nil {
		return nil, fmt.Errorf("start the VSP's machines: %w", errors.Join(err, p.Close()))
	}
	return p, nil
}

func (p *Places) vantageIP(i int) string { return p.block.address(hostVantages + i) }

func (p *Places) start(ctx context.Context) (err error) {
	if err := os.MkdirAll(p.plan.Dir, 0o755); err != nil {
		return err
	}
	if p.reviewer, err = locationtest.NewReviewer(p.Key); err != nil {
		return err
	}
	var d deployment.Deployment
	voting := 0
	for i := range p.plan.Stations {
		s := &p.plan.Stations[i]
		s.ip = p.block.address(hostFrontEnd)
		if s.Role == deployment.Voting {
			voting++
			s.ip = p.block.address(voting)
		}
		host, err := p.startStation(ctx, i)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		d.Hosts = append(d.Hosts, host)
	}
	d.Reviewer.Account = p.Account
	raw, err := toml.Marshal(d)
	if err != nil {
		return err
	}
	return os.WriteFile(p.Deployment, raw, 0o600)
}

// startStation starts a station's sshd and its relay, and returns what its operator writes of it.
func (p *Places) startStation(ctx context.Context, i int) (deployment.Host, error) {
	s := p.plan.Stations[i]
	dir := filepath.Join(p.plan.Dir, s.Name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return deployment.Host{}, err
	}
	ip := netip.MustParseAddr(s.ip)
	m, command, err := locationtest.Setup{Dir: dir, Listen: netip.AddrPortFrom(ip, sshdPort), Identity: p.identity(i),
		UID: firstPlaceUID + i, Reviewer: p.reviewer}.Prepare()
	if err != nil {
		return deployment.Host{}, err
	}
	p.Account = m.Account
	process, err := StartProcess(Program{Name: "sshd of " + s.Name, Path: command[0], Args: command[1:], Log: filepath.Join(dir, "log")})
	if err != nil {
		return deployment.Host{}, err
	}
	p.processes = append(p.processes, process)
	if err := process.WaitReady(ctx, listens(m.Address.String())); err != nil {
		return deployment.Host{}, err
	}
	relay, err := locationtest.NewRelay(netip.AddrPortFrom(ip, placePort), m.Address)
	if err != nil {
		return deployment.Host{}, err
	}
	p.relays = append(p.relays, relay)
	relay.Treat(func(client netip.AddrPort) locationtest.Line { return p.world.line(client, s) })
	at := Cities[s.Claimed]
	return deployment.Host{Name: s.Name, Roles: []deployment.Role{s.Role}, Addresses: []netip.Addr{ip}, SSHPort: placePort,
		HostKeys: []string{m.HostKey}, Place: s.Claimed, Latitude: &at.Latitude, Longitude: &at.Longitude}, nil
}

// identity returns which machine a station is.
func (p *Places) identity(i int) int {
	for k, other := range p.plan.Stations {
		if other.Name == p.plan.Stations[i].Twin {
			return k + 1
		}
	}
	return i + 1
}

// listens reports whether something takes connections at an address.
func listens(address string) func(context.Context) (bool, string) {
	return func(ctx context.Context) (bool, string) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return false, err.Error()
		}
		return true, fmt.Sprintf("close: %v", conn.Close())
	}
}

// Close ends the machines.
func (p *Places) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	for _, relay := range p.relays {
		relay.Close()
	}
	var errs []error
	for _, process := range p.processes {
		errs = append(errs, process.Stop(ctx))
	}
	return errors.Join(errs...)
}
