package proxy

import (
	"fmt"
	"net"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// Upstream is one choice of the load balancer.
type Upstream struct {
	// Dial holds Caddy network addresses. With more than one, each client is
	// connected to all of them at once: they get the same bytes, and what they
	// answer is mixed. So that is not the way to list alternatives.
	Dial []string `json:"dial,omitempty"`

	// LocalAddrs are source addresses; the first of a fitting family is used.
	LocalAddrs []string `json:"local_address,omitempty"`

	// ResolverPreference is checked; only its "_only" values have an effect.
	ResolverPreference string `json:"resolver_preference,omitempty"`

	// TLS, if set, is spoken to the upstream. None of its options are here:
	// they would bring half of Caddy with them.
	TLS *struct{} `json:"tls,omitempty"`

	// MaxConnections takes the upstream out of the choice once a peer has had
	// so many connections (see peer.connections).
	MaxConnections int `json:"max_connections,omitempty"`

	// Weight counts for weighted_round_robin; below 1 means 1.
	Weight int `json:"weight,omitempty"`

	peers     []*peer
	maxFails  int32
	closeDown bool
}

// String identifies the upstream to ip_hash and in metrics.
func (u *Upstream) String() string { return strings.Join(u.Dial, ",") }

func (u *Upstream) provision(h *Handler) error {
	switch u.ResolverPreference {
	case "", "ipv4_only", "ipv6_only", "ipv4_first", "ipv6_first":
	default:
		return fmt.Errorf("resolver_preference: unknown value %q; must be one of: "+
			"ipv4_only, ipv6_only, ipv4_first, ipv6_first", u.ResolverPreference)
	}
	for _, target := range u.Dial {
		p, err := acquirePeer(target)
		if err != nil {
			return err
		}
		u.peers = append(u.peers, p)
	}
	u.adoptHealthChecks(h.HealthChecks)
	return nil
}

func (u *Upstream) adoptHealthChecks(checks *HealthChecks) {
	if checks == nil {
		return
	}
	if passive := checks.Passive; passive != nil {
		u.maxFails = int32(passive.threshold())
		if u.MaxConnections == 0 {
			u.MaxConnections = passive.UnhealthyConnectionCount
		}
	}
	u.closeDown = checks.Active != nil && checks.Active.CloseIfUnhealthy
}

// release gives the peers up for reuse by later configs. The upstream keeps
// pointing at them, as its connections may outlive its config.
func (u *Upstream) release() {
	for _, p := range u.peers {
		p.release()
	}
}

// available tells whether every peer can take another connection.
func (u *Upstream) available() bool {
	for _, p := range u.peers {
		switch {
		case p.down.Load():
			return false
		case u.maxFails > 0 && p.fails.Load() >= u.maxFails:
			return false
		case u.MaxConnections > 0 && int(p.connections.Load()) >= u.MaxConnections:
			return false
		}
	}
	return true
}

func (u *Upstream) connections() int {
	total := 0
	for _, p := range u.peers {
		total += int(p.connections.Load())
	}
	return total
}

// track makes the connections (one per peer, in order) end with the health of
// their peer if so configured, and returns what closes them in the end.
func (u *Upstream) track(conns []net.Conn) (closeAll func()) {
	if u.closeDown {
		for i, p := range u.peers {
			p.track(conns[i])
		}
	}
	return func() {
		for i, conn := range conns {
			_ = conn.Close()
			if u.closeDown {
				u.peers[i].untrack(conn)
			}
		}
	}
}

// parseTarget refuses port ranges, which only listeners can have.
func parseTarget(text string) (caddy.NetworkAddress, error) {
	address, err := caddy.ParseNetworkAddress(text)
	if err != nil {
		return caddy.NetworkAddress{}, err
	}
	if address.PortRangeSize() != 1 {
		return caddy.NetworkAddress{}, fmt.Errorf("%s: port ranges are currently not supported", text)
	}
	return address, nil
}
