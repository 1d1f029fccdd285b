package proxy

import (
	"context"
	"net"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
)

// HealthChecks decide which upstreams take part in the choice.
type HealthChecks struct {
	Active  *ActiveHealthChecks  `json:"active,omitempty"`
	Passive *PassiveHealthChecks `json:"passive,omitempty"`
}

// ActiveHealthChecks connect to every peer now and then. A connection is all
// they ask for, so UDP peers always pass.
type ActiveHealthChecks struct {
	Port             int            `json:"port,omitempty"`
	Interval         caddy.Duration `json:"interval,omitempty"` // default 30s
	Timeout          caddy.Duration `json:"timeout,omitempty"`  // default 5s
	Fall             int            `json:"fall,omitempty"`
	Rise             int            `json:"rise,omitempty"`
	CloseIfUnhealthy bool           `json:"close_if_unhealthy,omitempty"`
}

// PassiveHealthChecks count failed dials. They are off without FailDuration.
type PassiveHealthChecks struct {
	FailDuration             caddy.Duration `json:"fail_duration,omitempty"`
	MaxFails                 int            `json:"max_fails,omitempty"`
	UnhealthyConnectionCount int            `json:"unhealthy_connection_count,omitempty"`
}

func (p *PassiveHealthChecks) threshold() int {
	if p.FailDuration > 0 && p.MaxFails == 0 {
		return 1
	}
	return p.MaxFails
}

func (c *HealthChecks) setDefaults() {
	if c.Active == nil {
		return
	}
	if c.Active.Interval == 0 {
		c.Active.Interval = caddy.Duration(30 * time.Second)
	}
	if c.Active.Timeout == 0 {
		c.Active.Timeout = caddy.Duration(5 * time.Second)
	}
}

func (c *HealthChecks) passive() *PassiveHealthChecks {
	if c == nil {
		return nil
	}
	return c.Passive
}

// checkActively runs until the config that asked for it is gone.
func (h *Handler) checkActively() {
	ticker := time.NewTicker(time.Duration(h.HealthChecks.Active.Interval))
	defer ticker.Stop()

	for {
		for _, upstream := range h.Upstreams {
			for _, p := range upstream.peers {
				go h.check(p)
			}
		}
		select {
		case <-ticker.C:
		case <-h.ctx.Done():
			return
		}
	}
}

func (h *Handler) check(p *peer) {
	active := h.HealthChecks.Active
	if active.Port > 0 {
		p.usePort(active.Port)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(active.Timeout))
	defer cancel()

	address := p.networkAddress()
	conn, err := new(net.Dialer).DialContext(ctx, address.Network, address.JoinHostPort(0))
	if err == nil {
		_ = conn.Close()
	} else {
		h.logger.Info("active health check failed", zap.String("peer", p.target), zap.Error(err))
	}
	if p.record(err == nil, active.Rise, active.Fall) && active.CloseIfUnhealthy {
		p.closeConnections()
	}
	h.metrics.checked(p, err == nil)
}
