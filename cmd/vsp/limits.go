package main

import (
	"net/netip"

	"scrutineer/cmd/configfile"
)

func (s *settings) checkLimits(file *configfile.File) {
	if s.Limits.RequestsPerMinute < 0 {
		file.Wrong("limits.requests_per_minute", "must not be negative; 0 is no limit")
	}
	for _, text := range s.Limits.TrustedProxies {
		prefix, ok := parsePrefix(text)
		if !ok {
			file.Wrong("limits.trusted_proxies", "%q is neither an address, such as 127.0.0.1, nor a network, such as 10.0.0.0/8", text)
			continue
		}
		s.proxies = append(s.proxies, prefix)
	}
}

// parsePrefix reads an address or a network.
func parsePrefix(text string) (netip.Prefix, bool) {
	if ip, err := netip.ParseAddr(text); err == nil && ip.Zone() == "" {
		ip = ip.Unmap()
		return netip.PrefixFrom(ip, ip.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.Masked(), err == nil
}

// checkPrivate refuses to show metrics to the world.
func (s *settings) checkPrivate(file *configfile.File) {
	const key = "metrics_listen"
	if file.CheckPrivate(key, s.MetricsListen) && s.MetricsListen == s.Listen {
		file.Wrong(key, "%s is what listen says: metrics need an address of their own", s.MetricsListen)
	}
}
