package proxy

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics has the names of the real app; they start anew with each config.
type metrics struct {
	total   *prometheus.CounterVec
	active  *prometheus.GaugeVec
	healthy *prometheus.GaugeVec
}

func newMetrics(registry *prometheus.Registry) *metrics {
	byUpstream := []string{"upstream"}
	return &metrics{
		total: register(registry, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "caddy_layer4_proxy_connections_total",
			Help: "Connections proxied so far.",
		}, byUpstream)),
		active: register(registry, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "caddy_layer4_proxy_active_connections",
			Help: "Connections being proxied.",
		}, byUpstream)),
		healthy: register(registry, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "caddy_layer4_proxy_upstream_healthy",
			Help: "Result of the last active health check: 1 passed, 0 failed.",
		}, byUpstream)),
	}
}

// register returns the collector that an earlier handler of the same config
// has registered, if there is one.
func register[C prometheus.Collector](registry *prometheus.Registry, collector C) C {
	var already prometheus.AlreadyRegisteredError
	if errors.As(registry.Register(collector), &already) {
		return already.ExistingCollector.(C)
	}
	return collector
}

func (m *metrics) opened(upstream *Upstream) (closed func()) {
	m.total.WithLabelValues(upstream.String()).Inc()
	active := m.active.WithLabelValues(upstream.String())
	active.Inc()
	return active.Dec
}

func (m *metrics) checked(p *peer, passed bool) {
	value := 0.0
	if passed {
		value = 1
	}
	m.healthy.WithLabelValues(p.target).Set(value)
}
