// Package layer4 stands in for the layer4 app of github.com/mholt/caddy-l4 in
// tests: the same module IDs, JSON fields and habits, for the part that
// Fairway writes. See README.md for what is missing.
package layer4

import (
	"errors"
	"fmt"
	"net"

	"github.com/caddyserver/caddy/v2"
)

func init() {
	caddy.RegisterModule(App{})
}

// App holds the servers, keyed by a name of the user's choice.
type App struct {
	Servers map[string]*Server `json:"servers,omitempty"`

	ctx       caddy.Context
	listeners []net.Listener
	sockets   []net.PacketConn
}

// CaddyModule returns the Caddy module information.
func (App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "layer4",
		New: func() caddy.Module { return new(App) },
	}
}

// Provision prepares every server, opening nothing.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx = ctx
	for name, server := range a.Servers {
		if err := server.provision(ctx); err != nil {
			return fmt.Errorf("server '%s': %v", name, err)
		}
	}
	return nil
}

// Start opens the listeners of all servers, in map order.
//
// A failure leaves open what was opened before it. Caddy does not call Stop on
// an app that failed to start, so those sockets go on accepting, with the
// routes of the rejected config, until the process ends. The real app does the
// same; tests of Fairway rely on that to show that it never causes it. Do not
// "fix" this here.
//
// Two servers on one address are no failure either: Caddy listens with
// SO_REUSEPORT, and the kernel spreads clients over both.
func (a *App) Start() error {
	for _, server := range a.Servers {
		for _, address := range server.addresses {
			opened, err := address.ListenAll(a.ctx, net.ListenConfig{})
			if err != nil {
				return err
			}
			for _, socket := range opened {
				a.serve(server, socket)
			}
		}
	}
	return nil
}

func (a *App) serve(server *Server, socket any) {
	switch socket := socket.(type) {
	case net.Listener:
		a.listeners = append(a.listeners, socket)
		go server.accept(socket)
	case net.PacketConn:
		a.sockets = append(a.sockets, socket)
		go server.receive(socket)
	}
}

// Stop closes the listening sockets only: TCP connections being proxied carry
// on for as long as both ends like, across any number of reloads.
func (a *App) Stop() error {
	var failures []error
	for _, socket := range a.sockets {
		failures = append(failures, socket.Close())
	}
	for _, listener := range a.listeners {
		failures = append(failures, listener.Close())
	}
	return errors.Join(failures...)
}

// Interface guards
var (
	_ caddy.App         = (*App)(nil)
	_ caddy.Provisioner = (*App)(nil)
)
