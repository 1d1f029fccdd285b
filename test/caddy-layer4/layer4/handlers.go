package layer4

import (
	"fmt"
	"io"
	"time"

	"github.com/caddyserver/caddy/v2"
)

func init() {
	caddy.RegisterModule(Close{})
	caddy.RegisterModule(Echo{})
	caddy.RegisterModule(new(Subroute))
}

// Close drops the client.
type Close struct{}

// CaddyModule returns the Caddy module information.
func (Close) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "layer4.handlers.close",
		New: func() caddy.Module { return new(Close) },
	}
}

// Handle drops the client.
func (Close) Handle(client *Connection) error { return client.Close() }

// Echo sends everything back.
type Echo struct{}

// CaddyModule returns the Caddy module information.
func (Echo) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "layer4.handlers.echo",
		New: func() caddy.Module { return new(Echo) },
	}
}

// Handle sends everything back.
func (Echo) Handle(client *Connection) error {
	_, err := io.Copy(client, client)
	return err
}

// Subroute has routes of its own. Clients that fit none of them go on to the
// routes after the one that it is in.
type Subroute struct {
	Routes          Routes         `json:"routes,omitempty"`
	MatchingTimeout caddy.Duration `json:"matching_timeout,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Subroute) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "layer4.handlers.subroute",
		New: func() caddy.Module { return new(Subroute) },
	}
}

// Provision prepares the routes.
func (s *Subroute) Provision(ctx caddy.Context) error {
	if s.MatchingTimeout <= 0 {
		s.MatchingTimeout = caddy.Duration(defaultMatchingTimeout)
	}
	if err := s.Routes.provision(ctx); err != nil {
		return fmt.Errorf("setting up subroutes: %v", err)
	}
	return nil
}

// Handle gives the client to one of the routes.
func (s *Subroute) Handle(client *Connection) error {
	return s.Routes.serve(client, time.Duration(s.MatchingTimeout))
}

// Interface guards
var (
	_ Handler           = Close{}
	_ Handler           = Echo{}
	_ Handler           = (*Subroute)(nil)
	_ caddy.Provisioner = (*Subroute)(nil)
)
