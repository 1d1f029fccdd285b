// Command caddy is Caddy with the layer4 stand-in.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "fairway.dev/test/caddy-layer4/globaloption"
	_ "fairway.dev/test/caddy-layer4/layer4"
	_ "fairway.dev/test/caddy-layer4/proxy"
	_ "fairway.dev/test/caddy-layer4/tlsmatch"
)

func main() {
	caddycmd.Main()
}
