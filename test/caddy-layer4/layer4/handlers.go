package layer4

import (
	"io"

	"github.com/caddyserver/caddy/v2"
)

func init() {
	caddy.RegisterModule(Close{})
	caddy.RegisterModule(Echo{})
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

// Interface guards
var (
	_ Handler = Close{}
	_ Handler = Echo{}
)
