package location

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"scrutineer/verifier"
	"scrutineer/vsp/deployment"
)

// front judges PL-6: by addresses, and by whether a front end is a voting wallet's machine. Its place is advisory.
func (j Judgement) front(e Evidence, all []placed) verifier.Finding {
	role := map[string]bool{}
	for _, p := range all {
		role[p.host.Name] = p.host.Has(deployment.Front)
	}
	pairs := slices.DeleteFunc(slices.Clone(j.Pairs), func(p Pair) bool { return role[p.A] == role[p.B] })
	f := finding("PL-6", e, pairs)
	f.Verdict, f.Says = e.addresses(all)
	for _, s := range e.Sites {
		if s.Cite != (verifier.Cite{}) {
			f.Cites = append(f.Cites, s.Cite)
		}
	}
	apart := 0
	for _, p := range pairs {
		switch {
		case p.Same:
			f.Verdict, f.Class = verifier.Refuted, verifier.Stated
			f.Says = slices.Concat(p.Says, f.Says)
		case p.Standing == Proven:
			apart++
		}
	}
	f.Says = append(f.Says, fmt.Sprintf("Place, which is advisory: of %d pairs of a front end and a voting wallet %d are proven apart.", len(pairs), apart))
	return f
}

// addresses judges whether the site has an address that is a voting host's. One that was found once counts whatever was found
// since; that there is none is said by the newest look of each vantage, each of which must have seen all.
func (e Evidence) addresses(all []placed) (verifier.Verdict, []string) {
	if shared := e.shared(); len(shared) > 0 {
		return verifier.Fail, append(shared, "Only another address for the one or the other would change this.")
	}
	var troubles []string
	newest := e.newestSites()
	for _, s := range newest {
		for _, t := range s.Troubles {
			troubles = append(troubles, fmt.Sprintf("From %s %s.", s.Vantage, t))
		}
		if len(s.Found) == 0 {
			troubles = append(troubles, fmt.Sprintf("From %s no address of %s was found.", s.Vantage, s.URL))
		}
	}
	for _, p := range all {
		if p.host.Has(deployment.Voting) && len(p.discs) == 0 {
			troubles = append(troubles, fmt.Sprintf("That %s is at its addresses is its operator's word alone: it was not measured.", p.host.Name))
		}
	}
	differ := "The deployment's addresses of front ends and voting wallets differ"
	switch {
	case len(newest) == 0:
		return verifier.Unproven, []string{differ + "; the site's name and certificate were not looked up."}
	case len(troubles) > 0:
		return verifier.Unproven, append([]string{differ + ", and none that was found of the site is a voting wallet's; but not all was seen."}, troubles...)
	default:
		return verifier.Pass, append([]string{e.distinct(newest)}, e.remarks(newest)...)
	}
}

// shared says which addresses of the site are a voting host's.
func (e Evidence) shared() []string {
	var all []string
	for _, s := range e.Sites {
		for _, f := range s.Found {
			h, known := e.owner(f.Address, deployment.Voting)
			says := fmt.Sprintf("%v is an address of the voting wallet %s, and of the site (%s).", f.Address, h.Name, f.By)
			if known && !slices.Contains(all, says) {
				all = append(all, says)
			}
		}
	}
	return all
}

// owner returns the host with a role and an address.
func (e Evidence) owner(at netip.Addr, role deployment.Role) (deployment.Host, bool) {
	for _, h := range e.Deployment.Hosts {
		if h.Has(role) && slices.ContainsFunc(h.Addresses, func(a netip.Addr) bool { return a.Unmap() == at }) {
			return h, true
		}
	}
	return deployment.Host{}, false
}

// newestSites returns the last look of each vantage, in the order in which they looked first.
func (e Evidence) newestSites() []Site {
	var all []Site
	for _, s := range e.Sites {
		i := slices.IndexFunc(all, func(t Site) bool { return t.Vantage == s.Vantage })
		switch {
		case i < 0:
			all = append(all, s)
		case !s.At.Before(all[i].At):
			all[i] = s
		}
	}
	return all
}

// distinct says what was looked at and found to differ.
func (e Evidence) distinct(sites []Site) string {
	var four, six []string
	for _, s := range sites {
		for _, f := range s.Found {
			text := fmt.Sprintf("%v (%s)", f.Address, f.By)
			switch {
			case slices.Contains(four, text) || slices.Contains(six, text):
			case f.Address.Is4():
				four = append(four, text)
			default:
				six = append(six, text)
			}
		}
	}
	list := func(all []string) string {
		if len(all) == 0 {
			return "none"
		}
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("No address of the site is a voting wallet's: IPv4 %s; IPv6 %s.", list(four), list(six))
}

// remarks says what else is worth knowing of the addresses, and counts for nothing.
func (e Evidence) remarks(sites []Site) []string {
	var all []string
	add := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	for _, s := range sites {
		for _, f := range s.Found {
			if _, ours := e.owner(f.Address, deployment.Front); !ours {
				add("%v (%s) is no front end's in the deployment: something stands in front of it, or the description lacks an address.", f.Address, f.By)
			}
		}
		for _, peer := range s.Peers {
			if h, voting := e.owner(peer.Unmap(), deployment.Voting); voting {
				add("%v, of the voting wallet %s, is a peer of our node: it is known on the network.", peer.Unmap(), h.Name)
			}
		}
	}
	return all
}
