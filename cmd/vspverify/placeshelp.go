package main

// placesHelp is what places --help says first.
const placesHelp = `places measures how far apart a VSP's machines really are. Light in fibre goes 100 km and
back in a millisecond: a host that answers within 1 ms is at most 100 km away, whatever
anybody says. Delay can be added and never taken away, so a slow answer proves nothing.

What is timed is an echo inside of the reviewer's own SSH session, bound to the host's
pinned key: sshd's answer to keepalive@openssh.com, and random bytes through cat, which
nobody can return before they came. The slower of the two counts, each at its best.

One vantage draws a disc around itself. Three, each near one of the hosts, prove three
places. So run this on several machines, and merge what they saw:

    paris$     vspverify places ... --from Paris --at 48.86,2.35 --json > paris.json
    singapore$ vspverify places ... --from Singapore --at 1.35,103.82 --with paris.json

Without --key nothing is measured here, and what the files have is judged:

    office$    vspverify places --deployment FILE --with paris.json --with singapore.json

Without --at no disc is drawn, and hosts are only bounded from above. Files that are
merged are believed: take them from machines that are yours. A machine that has several
addresses connects from the one that --bind names.

Hosts are also measured through each other: where a host's sshd passes connections on
(AllowTcpForwarding), a whole session with the next one goes through it, bound to that
one's key. So two that are near each other are found out by a vantage near one of them.

A deployment, as its operator fills it in:

    [reviewer]
    account = "reviewer"      # unprivileged, with KEY's public half, no password

    [[hosts]]                 # one front end or more, three voting hosts or more
    name = "vote-1"
    roles = ["voting"]        # or ["front"]
    addresses = ["192.0.2.7", "2001:db8::7"]   # all that are public
    ssh_port = 22
    host_keys = ["ssh-ed25519 AAAA..."]   # of /etc/ssh/ssh_host_ed25519_key.pub
    place = "Paris"
    latitude = 48.86          # degrees; north is positive
    longitude = 2.35          # east is positive

With --site the VSP's name is looked up in IPv4 and IPv6, and so are the names in the
certificates that it shows: none may lead to a voting host (PL-6). What databases of
addresses say (--asn-db, --city-db) is a sign, and changes no verdict.

--json writes apart_km, vantages, sights (every measurement), sites and judgement
(findings, pairs, refuted claims, troubles, signs, limits).

Exit codes: 0 PL-4 and PL-5 pass, 1 they do not or a claim is refuted, 2 used wrongly,
3 no host could be measured.`
