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

// socketOwner returns the user whose socket has an IPv4 address on this computer, and whether there is one. It must be that
// of an open connection.
func socketOwner(at netip.AddrPort) (uid int, ok bool) {
	// The kernel's table may be without a socket while others come and go.
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(pollInterval) {
		if uid, ok := findSocket(at); ok {
			return uid, true
		}
	}
	return 0, false
}

func findSocket(at netip.AddrPort) (uid int, ok bool) {
	file, err := os.Open("/proc/net/tcp") // proc(5): its second field is the local address, its eighth the user
	if err != nil {
		return 0, false
	}
	defer file.Close()
	ip := at.Addr().Unmap().As4()
	want := fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(ip[:]), at.Port())
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 7 && fields[1] == want {
			uid, err := strconv.Atoi(fields[7])
			return uid, err == nil
		}
	}
	return 0, false
}
