package behaviour

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
)

// proxyV2 is the header that the specification asks for; the first digit of
// kind is the family (1: IPv4, 2: IPv6), the second the protocol (1: TCP,
// 2: UDP).
func proxyV2(t *testing.T, kind byte, from, to string) string {
	t.Helper()
	client, server := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	addresses := append(client.Addr().AsSlice(), server.Addr().AsSlice()...)
	addresses = binary.BigEndian.AppendUint16(addresses, client.Port())
	addresses = binary.BigEndian.AppendUint16(addresses, server.Port())

	header := []byte("\r\n\r\n\x00\r\nQUIT\n\x21")
	header = append(header, kind)
	header = binary.BigEndian.AppendUint16(header, uint16(len(addresses)))
	return string(append(header, addresses...))
}

func requireIPv6(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6 loopback: %v", err)
	}
	_ = listener.Close()
}
