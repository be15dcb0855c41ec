package testnet

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// socketOwner returns the user whose socket on this computer is the near end of an open IPv4 connection, and whether there is
// one. Both ends are asked for: many connections, open or just closed, may have one of them.
func socketOwner(near, far netip.AddrPort) (uid int, ok bool) {
	// The kernel's table may be without a socket while others come and go.
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(pollInterval) {
		if uid, ok := findSocket(near, far); ok {
			return uid, true
		}
	}
	return 0, false
}

func findSocket(near, far netip.AddrPort) (uid int, ok bool) {
	file, err := os.Open("/proc/net/tcp") // proc(5): its second and third field are the addresses, its eighth is the user
	if err != nil {
		return 0, false
	}
	defer file.Close()
	from, to := socketName(near), socketName(far)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 7 && fields[1] == from && fields[2] == to {
			uid, err := strconv.Atoi(fields[7])
			return uid, err == nil
		}
	}
	return 0, false
}

func socketName(at netip.AddrPort) string {
	ip := at.Addr().Unmap().As4()
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(ip[:]), at.Port())
}
