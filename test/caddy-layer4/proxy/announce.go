package proxy

import (
	"net"

	"github.com/pires/go-proxyproto"

	"fairway.dev/test/caddy-layer4/layer4"
)

// announce tells the upstream about the client with a PROXY protocol header:
// once at the start of a stream, or in front of every datagram.
func announce(upstream net.Conn, client *layer4.Connection, version byte) (net.Conn, error) {
	from, to := client.RemoteAddr(), client.LocalAddr()
	header := proxyproto.HeaderProxyFromAddrs(version, from, to)
	header.Command = proxyproto.PROXY

	if _, datagrams := upstream.(*net.UDPConn); datagrams {
		// A socket on the wildcard address cannot tell which address the
		// client sent to; the real app then claims loopback.
		if local, ok := to.(*net.UDPAddr); ok && local.IP.IsUnspecified() {
			header.DestinationAddr = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: local.Port}
		}
		prefix, err := header.Format()
		if err != nil {
			// v1 has no words for UDP: datagrams then go out bare.
			prefix = nil
		}
		return &prefixedConn{Conn: upstream, prefix: prefix}, nil
	}

	if _, err := header.WriteTo(upstream); err != nil {
		_ = upstream.Close()
		return nil, err
	}
	return upstream, nil
}

// prefixedConn puts the same bytes in front of every datagram.
type prefixedConn struct {
	net.Conn
	prefix []byte
}

func (c *prefixedConn) Write(datagram []byte) (int, error) {
	message := make([]byte, 0, len(c.prefix)+len(datagram))
	message = append(append(message, c.prefix...), datagram...)
	if _, err := c.Conn.Write(message); err != nil {
		return 0, err
	}
	return len(datagram), nil
}
