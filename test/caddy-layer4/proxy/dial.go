package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"strings"

	"go.uber.org/zap"

	"fairway.dev/test/caddy-layer4/layer4"
)

// dial connects to every peer of the upstream, or to none.
func (h *Handler) dial(upstream *Upstream, client *layer4.Connection) ([]net.Conn, error) {
	var conns []net.Conn
	for _, p := range upstream.peers {
		conn, err := h.dialPeer(upstream, p, client)
		h.logger.Debug("dial upstream",
			zap.Stringer("remote", client.RemoteAddr()),
			zap.String("upstream", p.target),
			zap.Error(err))
		if err != nil {
			p.countFailure(h.HealthChecks.passive())
			for _, open := range conns {
				_ = open.Close()
			}
			return nil, err
		}
		p.connections.Add(1)
		conns = append(conns, conn)
	}
	return conns, nil
}

func (h *Handler) dialPeer(upstream *Upstream, p *peer, client *layer4.Connection) (net.Conn, error) {
	address := p.networkAddress()
	network := upstream.narrow(address.Network)
	target := address.JoinHostPort(0)

	dialer := &net.Dialer{LocalAddr: upstream.localAddr(network, target)}
	conn, err := dialer.Dial(network, target)
	if err != nil {
		return nil, err
	}
	if upstream.TLS != nil {
		if conn, err = startTLS(conn, address.Host); err != nil {
			return nil, err
		}
	}
	if h.proxyVersion > 0 {
		return announce(conn, client, h.proxyVersion)
	}
	return conn, nil
}

func startTLS(conn net.Conn, host string) (net.Conn, error) {
	secured := tls.Client(conn, &tls.Config{ServerName: host})
	if err := secured.HandshakeContext(context.Background()); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}

// narrow applies the resolver preference to networks that leave it open.
func (u *Upstream) narrow(network string) string {
	if network != "tcp" && network != "udp" {
		return network
	}
	switch u.ResolverPreference {
	case "ipv4_only":
		return network + "4"
	case "ipv6_only":
		return network + "6"
	}
	return network
}

// localAddr picks the first source address of the target's family. Targets
// given by name keep the system's choice.
func (u *Upstream) localAddr(network, target string) net.Addr {
	to, err := netip.ParseAddrPort(target)
	if err != nil {
		return nil
	}
	for _, text := range u.LocalAddrs {
		from, err := netip.ParseAddrPort(text)
		if err != nil {
			ip, _ := netip.ParseAddr(text)
			from = netip.AddrPortFrom(ip, 0)
		}
		if !from.Addr().IsValid() || from.Addr().Is4() != to.Addr().Is4() {
			continue
		}
		if strings.HasPrefix(network, "udp") {
			return net.UDPAddrFromAddrPort(from)
		}
		return net.TCPAddrFromAddrPort(from)
	}
	return nil
}
