package behaviour

import (
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestReloadKeepsConnections(t *testing.T) {
	c := startCaddy(t)
	address := freeAddress(t, "127.0.0.1")
	own := server(proxy(echoTarget(t)), "tcp/"+address)
	c.apply(object{"own": own})
	conn := dial(t, "tcp", address)
	exchange(t, conn, "before")

	for range 3 {
		c.apply(object{"own": own, "new": server(object{"handler": "echo"}, "tcp/"+freeAddress(t, "127.0.0.1"))})
		exchange(t, conn, "while others change")
	}
	c.apply(object{"own": server(proxy(namedTarget(t, "new")), "tcp/"+address)})
	exchange(t, conn, "after its own target has changed")
	if got := ask(t, address, ""); got != "new:" {
		t.Errorf("a new client reached %q", got)
	}
	c.apply(object{})
	exchange(t, conn, "after its server is gone")
	if accepts(address) {
		t.Error("the port of a removed server still accepts")
	}
}

// held is an address in use by another program, one that does not share.
func held(t *testing.T) string {
	t.Helper()
	return listenTCP(t, "127.0.0.1").Addr().String()
}

func TestFailedStart(t *testing.T) {
	for name, test := range map[string]struct{ address, says string }{
		"address in use":  {held(t), "address already in use"},
		"address missing": {"192.0.2.1:4711", "cannot assign requested address"},
	} {
		t.Run(name, func(t *testing.T) {
			c := startCaddy(t)
			serving := c.serve(proxy(namedTarget(t, "old")))
			got := c.write(object{"own": server(object{"handler": "echo"}, "tcp/"+test.address)})
			if got.status != http.StatusInternalServerError || !strings.Contains(got.body, test.says) {
				t.Errorf("%d %s", got.status, got.body)
			}
			if !strings.Contains(got.body, "layer4 app module: start: ") || !strings.Contains(got.body, test.address) {
				t.Errorf("the error does not name the phase and %s: %s", test.address, got.body)
			}
			if got := ask(t, serving, ""); got != "old:" {
				t.Errorf("the config before does not serve on: %q", got)
			}
		})
	}
}

// The defect that Fairway must never trigger: what a failed start has opened
// stays open, outside any config.
func TestFailedStartLeaksListeners(t *testing.T) {
	c := startCaddy(t)
	leaked := freeAddress(t, "127.0.0.1")
	handler := proxy(namedTarget(t, "rejected"))
	// One server's addresses are opened in order, servers are not.
	got := c.write(object{"own": server(handler, "tcp/"+leaked, "tcp/"+held(t))})
	if got.status != http.StatusInternalServerError {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if now := c.call(http.MethodGet, serversPath, "", ""); now.body != "{}" {
		t.Fatalf("the rejected config stayed: %s", now.body)
	}
	if got := ask(t, leaked, ""); got != "rejected:" {
		t.Errorf("the listener was closed, or serves %q", got)
	}

	c.apply(object{"own": server(object{"handler": "echo"}, "tcp/"+freeAddress(t, "127.0.0.1"))})
	if got := ask(t, leaked, ""); got != "rejected:" {
		t.Errorf("a good config freed the listener, or it serves %q", got)
	}
}

func TestSharedPortIsNotNoticed(t *testing.T) {
	c := startCaddy(t)
	address := freeAddress(t, "127.0.0.1")
	c.apply(object{
		"one": server(proxy(namedTarget(t, "one")), "tcp/"+address),
		"two": server(proxy(namedTarget(t, "two")), "tcp/"+address),
	})
	seen := make(map[string]bool)
	eventually(t, "both servers get clients", func() bool {
		seen[ask(t, address, "")] = true
		return seen["one:"] && seen["two:"]
	})
}

func TestPortRange(t *testing.T) {
	c := startCaddy(t)
	first, second, address := adjacent(t)
	c.apply(object{"own": server(proxy(namedTarget(t, "a")), "tcp/"+address)})
	for _, port := range []string{first, second} {
		if got := ask(t, net.JoinHostPort("127.0.0.1", port), ""); got != "a:" {
			t.Errorf("port %s of %s: %q", port, address, got)
		}
	}
}
