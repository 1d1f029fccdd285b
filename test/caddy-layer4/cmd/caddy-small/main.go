// Command caddy-small is Caddy with the layer4 stand-in and next to nothing
// else: for the demo, whose user waits for it to compile.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/filestorage"

	_ "fairway.dev/test/caddy-layer4/layer4"
	_ "fairway.dev/test/caddy-layer4/proxy"
)

func main() {
	caddycmd.Main()
}
