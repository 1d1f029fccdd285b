package behaviour

import (
	"crypto/tls"
	"io"
	"testing"
	"time"
)

// routed has a route for what the matcher selects, and one for the rest.
func routed(t *testing.T, matcher object, listen ...string) object {
	t.Helper()
	return object{"listen": listen, "routes": []object{
		{"match": []object{matcher}, "handle": []object{proxy(namedTarget(t, "match"))}},
		{"handle": []object{proxy(namedTarget(t, "rest"))}},
	}}
}

func TestRemoteIP(t *testing.T) {
	requireIPv6(t)
	c := startCaddy(t)
	v4, v6 := freeAddress(t, "127.0.0.1"), freeAddress(t, "::1")
	for name, test := range map[string]struct {
		ranges []string
		v4, v6 string
	}{
		"IPv4 network":  {[]string{"127.0.0.0/8"}, "match:", "rest:"},
		"IPv4 address":  {[]string{"192.0.2.1", "127.0.0.1"}, "match:", "rest:"},
		"IPv6 network":  {[]string{"::/64"}, "rest:", "match:"},
		"IPv6 address":  {[]string{"::1"}, "rest:", "match:"},
		"both families": {[]string{"127.0.0.1/32", "::1/128"}, "match:", "match:"},
		"others":        {[]string{"192.0.2.0/24", "2001:db8::/32"}, "rest:", "rest:"},
	} {
		t.Run(name, func(t *testing.T) {
			matcher := object{"remote_ip": object{"ranges": test.ranges}}
			c.apply(object{"test": routed(t, matcher, "tcp4/"+v4, "tcp6/"+v6)})
			if got := ask(t, v4, ""); got != test.v4 {
				t.Errorf("%s: %q", v4, got)
			}
			if got := ask(t, v6, ""); got != test.v6 {
				t.Errorf("%s: %q", v6, got)
			}
		})
	}
}

// A socket for both families sees IPv4 clients as IPv6 addresses.
func TestRemoteIPOnWildcard(t *testing.T) {
	c := startCaddy(t)
	address := freeAddress(t, "127.0.0.1")
	port := address[len("127.0.0.1"):]
	c.apply(object{"test": routed(t, object{"remote_ip": object{"ranges": []string{"127.0.0.1"}}}, "tcp/"+port)})
	if got := ask(t, address, ""); got != "match:" {
		t.Errorf("got %q", got)
	}
}

func TestNoRouteCloses(t *testing.T) {
	c := startCaddy(t)
	address := freeAddress(t, "127.0.0.1")
	only := routed(t, object{"remote_ip": object{"ranges": []string{"192.0.2.1"}}}, "tcp/"+address)
	only["routes"] = only["routes"].([]object)[:1]
	c.apply(object{"test": only})
	if got := ask(t, address, "hello"); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestServerName(t *testing.T) {
	c := startCaddy(t)
	address := freeAddress(t, "127.0.0.1")
	matcher := object{"tls": object{"sni": []string{"a.example", "*.b.example"}}}
	c.apply(object{"test": routed(t, matcher, "tcp/"+address)})

	for name, want := range map[string]string{
		"a.example": "match:", "www.b.example": "match:", "b.example": "rest:", "www.a.example": "rest:",
	} {
		if got := greet(t, address, name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := ask(t, address, "GET / HTTP/1.0\r\n\r\n"); got != "rest:GET / HTTP/1.0\r\n\r\n" {
		t.Errorf("not TLS: %q", got)
	}
}

// greet sends a ClientHello, in two halves, and returns the name of whom it
// reached.
func greet(t *testing.T, address, name string) string {
	t.Helper()
	conn := dial(t, "tcp", address)
	client, hello := newPipe()
	go func() { _ = tls.Client(client, &tls.Config{ServerName: name}).Handshake() }()
	text := <-hello
	_, _ = conn.Write(text[:20])
	time.Sleep(50 * time.Millisecond)
	_, _ = conn.Write(text[20:])

	reply := make([]byte, len("match:"))
	n, _ := io.ReadAtLeast(conn, reply, len("rest:"))
	return string(reply[:n])
}

func TestMatchingTimeout(t *testing.T) {
	c := startCaddy(t)
	address := freeAddress(t, "127.0.0.1")
	silent := routed(t, object{"tls": object{}}, "tcp/"+address)
	c.apply(object{"test": with(silent, "matching_timeout", "200ms")})

	conn := dial(t, "tcp", address)
	if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a silent client got %d bytes and %v, want the end", n, err)
	}
}
