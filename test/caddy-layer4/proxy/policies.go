package proxy

import (
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"

	"fairway.dev/test/caddy-layer4/layer4"
)

func init() {
	caddy.RegisterModule(Random{})
	caddy.RegisterModule(RandomChoose{})
	caddy.RegisterModule(LeastConn{})
	caddy.RegisterModule(&RoundRobin{})
	caddy.RegisterModule(&WeightedRoundRobin{})
	caddy.RegisterModule(First{})
	caddy.RegisterModule(IPHash{})
}

func policyInfo(name string, create func() caddy.Module) caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  caddy.ModuleID("layer4.proxy.selection_policies." + name),
		New: create,
	}
}

// Random chooses any.
type Random struct{}

// CaddyModule returns the Caddy module information.
func (Random) CaddyModule() caddy.ModuleInfo {
	return policyInfo("random", func() caddy.Module { return new(Random) })
}

// Select chooses any.
func (Random) Select(pool []*Upstream, _ *layer4.Connection) *Upstream {
	choice := available(pool)
	if len(choice) == 0 {
		return nil
	}
	return choice[rand.IntN(len(choice))]
}

// RandomChoose draws some and chooses the least used of them.
type RandomChoose struct {
	Choose int `json:"choose,omitempty"` // default 2
}

// CaddyModule returns the Caddy module information.
func (RandomChoose) CaddyModule() caddy.ModuleInfo {
	return policyInfo("random_choose", func() caddy.Module { return new(RandomChoose) })
}

// Provision sets the default.
func (r *RandomChoose) Provision(caddy.Context) error {
	if r.Choose == 0 {
		r.Choose = 2
	}
	return nil
}

// Validate refuses a draw that leaves no choice.
func (r *RandomChoose) Validate() error {
	if r.Choose < 2 {
		return errors.New("choose must be at least 2")
	}
	return nil
}

// Select draws some and chooses the least used of them.
func (r *RandomChoose) Select(pool []*Upstream, client *layer4.Connection) *Upstream {
	choice := available(pool)
	rand.Shuffle(len(choice), func(i, j int) { choice[i], choice[j] = choice[j], choice[i] })
	return LeastConn{}.Select(choice[:min(r.Choose, len(choice))], client)
}

// LeastConn chooses among the least used.
type LeastConn struct{}

// CaddyModule returns the Caddy module information.
func (LeastConn) CaddyModule() caddy.ModuleInfo {
	return policyInfo("least_conn", func() caddy.Module { return new(LeastConn) })
}

// Select chooses among the least used.
func (LeastConn) Select(pool []*Upstream, client *layer4.Connection) *Upstream {
	var least []*Upstream
	for _, upstream := range available(pool) {
		switch {
		case len(least) == 0 || upstream.connections() < least[0].connections():
			least = []*Upstream{upstream}
		case upstream.connections() == least[0].connections():
			least = append(least, upstream)
		}
	}
	return Random{}.Select(least, client)
}

// RoundRobin takes turns.
type RoundRobin struct{ turn atomic.Uint32 }

// CaddyModule returns the Caddy module information.
func (*RoundRobin) CaddyModule() caddy.ModuleInfo {
	return policyInfo("round_robin", func() caddy.Module { return new(RoundRobin) })
}

// Select takes the next available turn.
func (r *RoundRobin) Select(pool []*Upstream, _ *layer4.Connection) *Upstream {
	for range pool {
		upstream := pool[r.turn.Add(1)%uint32(len(pool))]
		if upstream.available() {
			return upstream
		}
	}
	return nil
}

// WeightedRoundRobin takes turns as often as weights say, evenly mixed.
type WeightedRoundRobin struct {
	mu     sync.Mutex
	credit map[*Upstream]int
}

// CaddyModule returns the Caddy module information.
func (*WeightedRoundRobin) CaddyModule() caddy.ModuleInfo {
	return policyInfo("weighted_round_robin", func() caddy.Module { return new(WeightedRoundRobin) })
}

// Select gives everyone credit by weight and lets the richest pay for all.
func (w *WeightedRoundRobin) Select(pool []*Upstream, _ *layer4.Connection) *Upstream {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.credit == nil {
		w.credit = make(map[*Upstream]int)
	}
	var richest *Upstream
	total := 0
	for _, upstream := range available(pool) {
		weight := max(upstream.Weight, 1)
		total += weight
		w.credit[upstream] += weight
		if richest == nil || w.credit[upstream] > w.credit[richest] {
			richest = upstream
		}
	}
	if richest != nil {
		w.credit[richest] -= total
	}
	return richest
}

// First chooses in the order of the list.
type First struct{}

// CaddyModule returns the Caddy module information.
func (First) CaddyModule() caddy.ModuleInfo {
	return policyInfo("first", func() caddy.Module { return new(First) })
}

// Select chooses in the order of the list.
func (First) Select(pool []*Upstream, _ *layer4.Connection) *Upstream {
	for _, upstream := range pool {
		if upstream.available() {
			return upstream
		}
	}
	return nil
}

// IPHash keeps a client's address on one upstream, and moves as few clients as
// possible when the list changes (rendezvous hashing).
type IPHash struct{}

// CaddyModule returns the Caddy module information.
func (IPHash) CaddyModule() caddy.ModuleInfo {
	return policyInfo("ip_hash", func() caddy.Module { return new(IPHash) })
}

// Select chooses by the client's address.
func (IPHash) Select(pool []*Upstream, client *layer4.Connection) *Upstream {
	address := client.RemoteAddr().String()
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	var chosen *Upstream
	var highest uint32
	for _, upstream := range available(pool) {
		hash := fnv.New32a()
		_, _ = hash.Write([]byte(upstream.String() + address))
		if sum := hash.Sum32(); chosen == nil || sum > highest {
			chosen, highest = upstream, sum
		}
	}
	return chosen
}

// Interface guards
var (
	_ Selector          = Random{}
	_ Selector          = (*RandomChoose)(nil)
	_ Selector          = LeastConn{}
	_ Selector          = (*RoundRobin)(nil)
	_ Selector          = (*WeightedRoundRobin)(nil)
	_ Selector          = First{}
	_ Selector          = IPHash{}
	_ caddy.Provisioner = (*RandomChoose)(nil)
	_ caddy.Validator   = (*RandomChoose)(nil)
)
