// Package globaloption lets a Caddyfile name the layer4 app, without servers:
// enough to tell a Caddy that has it from one that does not.
package globaloption

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("layer4", parse)
}

func parse(d *caddyfile.Dispenser, _ any) (any, error) {
	for d.Next() {
		for d.NextBlock(0) {
			return nil, d.Errf("the stand-in has no syntax for servers: %s", d.Val())
		}
	}
	return httpcaddyfile.App{Name: "layer4", Value: json.RawMessage("{}")}, nil
}
