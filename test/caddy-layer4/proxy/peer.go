package proxy

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// peers are shared by everything that dials the same string: other upstreams,
// other servers, and the configs before and after. So is their health.
var peers = caddy.NewUsagePool()

// peer is what is known about one dial string.
type peer struct {
	target string

	down  atomic.Bool
	fails atomic.Int32

	// connections counts those ever opened. The real one never counts down
	// either, so max_connections and unhealthy_connection_count fill up for
	// good, and least_conn means "fewest so far".
	connections atomic.Int32

	mu        sync.Mutex
	address   caddy.NetworkAddress
	passed    int // checks in a row
	failed    int
	openConns map[net.Conn]struct{}
}

func acquirePeer(dial string) (*peer, error) {
	target := caddy.NewReplacer().ReplaceAll(dial, "")
	address, err := parseTarget(target)
	if err != nil {
		return nil, err
	}
	shared, _ := peers.LoadOrStore(target, &peer{
		target:    target,
		address:   address,
		openConns: make(map[net.Conn]struct{}),
	})
	return shared.(*peer), nil
}

func (p *peer) release() { _, _ = peers.Delete(p.target) }

func (p *peer) networkAddress() caddy.NetworkAddress {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.address
}

// usePort redirects the peer, clients included, for as long as it is known:
// that is what health_checks.active.port does in the real app
// (mholt/caddy-l4#458), and why it is better left alone.
func (p *peer) usePort(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.address.StartPort, p.address.EndPort = uint(port), uint(port)
}

// countFailure remembers a failed dial for as long as the policy says.
func (p *peer) countFailure(passive *PassiveHealthChecks) {
	if passive == nil || passive.FailDuration == 0 {
		return
	}
	p.fails.Add(1)
	time.AfterFunc(time.Duration(passive.FailDuration), func() { p.fails.Add(-1) })
}

// record takes one check's result. The state changes after rise good or fall
// bad ones in a row; record tells whether this one took the peer down.
func (p *peer) record(healthy bool, rise, fall int) (wentDown bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if healthy {
		p.passed, p.failed = p.passed+1, 0
		if p.passed >= max(rise, 1) {
			p.down.Store(false)
		}
		return false
	}
	p.passed, p.failed = 0, p.failed+1
	return p.failed >= max(fall, 1) && p.down.CompareAndSwap(false, true)
}

func (p *peer) track(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.openConns[conn] = struct{}{}
}

func (p *peer) untrack(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.openConns, conn)
}

func (p *peer) closeConnections() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.openConns {
		_ = conn.Close()
	}
}
