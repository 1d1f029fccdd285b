package behaviour

import (
	"io"
	"testing"
	"time"
)

// route leads to a target of a name, where the matchers say so.
func route(t *testing.T, name string, matchers ...object) object {
	t.Helper()
	return routeTo(proxy(namedTarget(t, name)), matchers...)
}

func routeTo(handler object, matchers ...object) object {
	r := object{"handle": []object{handler}}
	if len(matchers) > 0 {
		r["match"] = matchers
	}
	return r
}

func subroute(routes ...object) object {
	return object{"handler": "subroute", "routes": routes}
}

func sni(names ...string) object { return object{"tls": object{"sni": names}} }

func from(ranges ...string) object { return object{"remote_ip": object{"ranges": ranges}} }

var (
	everyone = from("127.0.0.0/8")
	nobody   = from("192.0.2.1/32")
)

// serveRoutes applies a server and returns its address.
func (c *caddy) serveRoutes(routes ...object) string {
	c.t.Helper()
	address := freeAddress(c.t, "127.0.0.1")
	c.apply(object{"test": object{
		"listen": []string{"tcp/" + address}, "routes": routes, "matching_timeout": "500ms",
	}})
	return address
}

// Several names on one socket, and a catch-all for what is left: what Fairway
// writes. Each ClientHello comes in two packets.
func TestServersByName(t *testing.T) {
	c := startCaddy(t)
	address := c.serveRoutes(
		route(t, "exact", sni("a.example", "x.b.example")),
		route(t, "wild", sni("*.b.example")),
		route(t, "rest"),
	)
	for name, want := range map[string]string{
		"a.example": "exact:", "x.b.example": "exact:", "A.Example": "exact:",
		"y.b.example": "wild:", "x.y.b.example": "rest:", "b.example": "rest:", "c.example": "rest:",
	} {
		if got := greet(t, address, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := ask(t, address, "hello"); got != "rest:hello" {
		t.Errorf("not TLS: %q", got)
	}
}

// Five bytes tell that a client does not speak TLS. One that sends fewer and
// waits is closed, and so is one that waits for the server to speak: no
// catch-all behind a matcher of TLS ever sees them.
func TestTooFewBytesToTell(t *testing.T) {
	c := startCaddy(t)
	address := c.serveRoutes(route(t, "match", sni("a.example")), route(t, "rest"))
	for _, text := range []string{"", "HELO"} {
		conn := dial(t, "tcp", address)
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%q: got %d bytes and %v, want the end", text, n, err)
		}
	}
}

// Why Fairway never puts source ranges beside names or in a catch-all.
func TestRoutesThatOvertake(t *testing.T) {
	c := startCaddy(t)
	named := route(t, "match", sni("a.example"))
	for what, routes := range map[string][]object{
		"a matcher that says yes at once": {named, route(t, "rest", everyone)},
		"one that says no at once":        {named, route(t, "none", nobody), route(t, "rest")},
	} {
		if got := greet(t, c.serveRoutes(routes...), "a.example"); got != "rest:" {
			t.Errorf("%s: %q", what, got)
		}
	}
}

func TestSubroute(t *testing.T) {
	c := startCaddy(t)
	closed := routeTo(object{"handler": "close"})
	address := c.serveRoutes(
		routeTo(subroute(route(t, "match", everyone), closed), sni("a.example")),
		routeTo(subroute(route(t, "none", nobody), closed), sni("b.example")),
		routeTo(subroute(route(t, "none", nobody)), sni("c.example")),
		routeTo(subroute(route(t, "rest", everyone), closed)),
	)
	for name, want := range map[string]string{
		"a.example": "match:",
		"b.example": "",
		// A subroute without an end is passed by.
		"c.example": "rest:",
		"d.example": "rest:",
	} {
		if got := greet(t, address, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// Names are told apart for new clients only: those that are connected stay.
func TestRoutesComeAndGoAroundConnections(t *testing.T) {
	c := startCaddy(t)
	address := freeAddress(t, "127.0.0.1")
	apply := func(routes ...object) {
		c.apply(object{"test": object{"listen": []string{"tcp/" + address}, "routes": routes}})
	}
	echo := routeTo(object{"handler": "echo"})
	named := route(t, "match", sni("a.example"))
	apply(named, echo)
	conn := dial(t, "tcp", address)
	exchange(t, conn, "hello")
	apply(echo)
	apply(named, route(t, "more", sni("b.example")), echo)
	time.Sleep(50 * time.Millisecond)
	exchange(t, conn, "still there")
}
