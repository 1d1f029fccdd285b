// Package proxy stands in for the proxy handler of the layer4 app.
package proxy

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"fairway.dev/test/caddy-layer4/layer4"
)

func init() {
	caddy.RegisterModule(Handler{})
}

var errNoneAvailable = errors.New("no upstreams available")

// Handler connects each client to one of its upstreams.
type Handler struct {
	// Upstreams are the targets; at least one is required.
	Upstreams []*Upstream `json:"upstreams,omitempty"`

	HealthChecks  *HealthChecks  `json:"health_checks,omitempty"`
	LoadBalancing *LoadBalancing `json:"load_balancing,omitempty"`

	// ProxyProtocol is "v1" or "v2" to tell upstreams the client's address.
	ProxyProtocol string `json:"proxy_protocol,omitempty"`

	proxyVersion byte
	ctx          caddy.Context
	logger       *zap.Logger
	metrics      *metrics
}

// CaddyModule returns the Caddy module information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "layer4.handlers.proxy",
		New: func() caddy.Module { return new(Handler) },
	}
}

// Provision checks the configuration and starts the health checks.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.ctx, h.logger = ctx, ctx.Logger()
	h.metrics = newMetrics(ctx.GetMetricsRegistry())

	if h.LoadBalancing == nil {
		h.LoadBalancing = new(LoadBalancing)
	}
	if err := h.LoadBalancing.provision(ctx); err != nil {
		return err
	}
	if err := h.parseProxyProtocol(); err != nil {
		return err
	}
	if err := h.provisionUpstreams(); err != nil {
		return err
	}
	if h.HealthChecks != nil {
		h.HealthChecks.setDefaults()
		if h.HealthChecks.Active != nil {
			go h.checkActively()
		}
	}
	return nil
}

func (h *Handler) parseProxyProtocol() error {
	switch version := caddy.NewReplacer().ReplaceAll(h.ProxyProtocol, ""); version {
	case "":
	case "v1":
		h.proxyVersion = 1
	case "v2":
		h.proxyVersion = 2
	default:
		return fmt.Errorf(`proxy_protocol: "%s" should be empty, or one of "v1" "v2"`, version)
	}
	return nil
}

func (h *Handler) provisionUpstreams() error {
	if len(h.Upstreams) == 0 {
		return errors.New("no upstreams defined")
	}
	for i, upstream := range h.Upstreams {
		if err := upstream.provision(h); err != nil {
			return fmt.Errorf("upstream %d: %v", i, err)
		}
	}
	return nil
}

// Cleanup lets go of the peers shared with other configs.
func (h *Handler) Cleanup() error {
	for _, upstream := range h.Upstreams {
		upstream.release()
	}
	return nil
}

// Handle proxies the client until both sides are done.
func (h *Handler) Handle(client *layer4.Connection) error {
	upstream, conns, err := h.connect(client)
	if err != nil {
		return err
	}
	defer h.metrics.opened(upstream)()
	defer upstream.track(conns)()

	relay(client, conns)
	return nil
}

// connect tries upstreams for as long as load_balancing.try_duration allows;
// by default that is once.
func (h *Handler) connect(client *layer4.Connection) (*Upstream, []net.Conn, error) {
	start := time.Now()
	for {
		err := errNoneAvailable
		if upstream := h.LoadBalancing.selector.Select(h.Upstreams, client); upstream != nil {
			var conns []net.Conn
			if conns, err = h.dial(upstream, client); err == nil {
				return upstream, conns, nil
			}
		}
		if time.Since(start) >= time.Duration(h.LoadBalancing.TryDuration) {
			return nil, nil, err
		}
		select {
		case <-time.After(time.Duration(h.LoadBalancing.TryInterval)):
		case <-h.ctx.Done():
			return nil, nil, err
		}
	}
}

// Interface guards
var (
	_ caddy.Provisioner  = (*Handler)(nil)
	_ caddy.CleanerUpper = (*Handler)(nil)
	_ layer4.Handler     = (*Handler)(nil)
)
