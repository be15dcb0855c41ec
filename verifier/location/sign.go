package location

import (
	"fmt"
	"net/netip"
	"time"
)

// sameBoot is how close the boots of two machines are if one switch was thrown for both, in seconds.
const sameBoot = 2

// signs lists what makes one wonder about two hosts, and proves nothing.
func signs(a, b placed) []string {
	var all []string
	for _, x := range a.host.Addresses {
		for _, y := range b.host.Addresses {
			if net, ok := neighbours(x.Unmap(), y.Unmap()); ok {
				all = append(all, fmt.Sprintf("%s and %s both have addresses in %v.", a.host.Name, b.host.Name, net))
			}
		}
	}
	id := common(a, b, func(s Sight) string { return s.Identity.MachineID })
	if id != "" && oneBoot(a, b) == "" {
		all = append(all, fmt.Sprintf("%s and %s have one machine-id, %s: they were copied from one image, or are one machine that was booted in between.", a.host.Name, b.host.Name, id))
	}
	x, y := booted(a), booted(b)
	if x != 0 && y != 0 && max(x, y)-min(x, y) <= sameBoot {
		all = append(all, fmt.Sprintf("%s and %s were booted within %d seconds of each other, at %s.", a.host.Name, b.host.Name, sameBoot, time.Unix(x, 0).UTC().Format("02 Jan 2006 15:04:05")))
	}
	return all
}

// neighbours returns the network that two addresses share: a /24 or a /48, what one provider gives to one place.
func neighbours(a, b netip.Addr) (netip.Prefix, bool) {
	if a.Is4() != b.Is4() {
		return netip.Prefix{}, false
	}
	bits := 48
	if a.Is4() {
		bits = 24
	}
	net, err := a.Prefix(bits)
	return net, err == nil && net.Contains(b)
}

func booted(p placed) int64 {
	for _, s := range p.ids {
		if s.Identity.Booted != 0 {
			return s.Identity.Booted
		}
	}
	return 0
}

// changing tells of a host that was not always the same machine by its own word.
func changing(p placed) []string {
	var all []string
	if n := kinds(p.sights, func(s Sight) string { return s.Identity.MachineID }); n > 1 {
		all = append(all, fmt.Sprintf("%s told %d machine-ids in the course of the measurements: it was set up anew, or more than one machine answers.", p.host.Name, n))
	}
	if n := kinds(p.sights, func(s Sight) string { return s.Key }); n > 1 {
		all = append(all, fmt.Sprintf("%s proved %d of its host keys in the course of the measurements: it was set up anew, or more than one machine answers.", p.host.Name, n))
	}
	if id := returned(p.sights); id != "" {
		all = append(all, fmt.Sprintf("%s told the boot_id %s, then another, then that one again, which no kernel does: more than one machine answers.", p.host.Name, id))
	}
	return all
}

// kinds returns how many different things were told.
func kinds(sights []Sight, told func(Sight) string) int {
	all := map[string]bool{}
	for _, s := range sights {
		if text := told(s); text != "" {
			all[text] = true
		}
	}
	return len(all)
}

// returned returns a boot_id that a vantage was told again after another one. Of several vantages the clocks may differ.
func returned(sights []Sight) string {
	last, gone := map[string]string{}, map[[2]string]bool{} // by the vantage
	for _, s := range sights {
		id, before := s.Identity.BootID, last[s.Vantage]
		switch {
		case id == "" || id == before:
			continue
		case gone[[2]string{s.Vantage, id}]:
			return id
		}
		gone[[2]string{s.Vantage, before}] = true
		last[s.Vantage] = id
	}
	return ""
}

// Two hosts in one place answer every vantage in the same time, but for alikeWithin. From near by all do.
const (
	alikeWithin = time.Millisecond
	alikeFrom   = 5 * time.Millisecond
)

// alike tells of two hosts that answer all vantages in the same time, where it is not known that they are apart, or one.
func alike(a, b placed, known Pair) []string {
	if known.Standing == Proven || known.Same {
		return nil
	}
	n, longest := 0, time.Duration(0)
	for _, x := range a.discs {
		for _, y := range b.discs {
			if x.vantage.Name != y.vantage.Name {
				continue
			}
			if (x.trip - y.trip).Abs() > alikeWithin {
				return nil
			}
			n++
			longest = max(longest, x.trip)
		}
	}
	if n < 2 || longest < alikeFrom {
		return nil
	}
	return []string{fmt.Sprintf("%s and %s answer each of %d vantages within %s ms of each other.", a.host.Name, b.host.Name, n, ms(alikeWithin))}
}

// inFront tells of a host before which something else seems to answer TCP: much sooner than the host itself.
func inFront(p placed) []string {
	var worst Series
	var most time.Duration
	for _, s := range p.series {
		if s.Trip > 2*s.TCP && s.TCP > 0 && s.Trip-s.TCP > max(most, 5*time.Millisecond) {
			worst, most = s, s.Trip-s.TCP
		}
	}
	if most == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: from %s a TCP connection takes %s ms, and the host's own echo %s ms. Something nearer takes its connections (a shield, a proxy), or it is slow. That is no fault, and only its own echo counts.",
		p.host.Name, worst.Vantage, ms(worst.TCP), ms(worst.Trip))}
}
