package behaviour

import (
	"fmt"
	"io"
	"net"
	"sort"
	"strings"
	"testing"
)

// The target only answers once it has seen the end of the request, so this
// also shows that a half-closed connection stays open the other way.
func TestTCP(t *testing.T) {
	c := startCaddy(t)
	address := c.serve(proxy(namedTarget(t, "a")))
	request := strings.Repeat("0123456789", 100_000)
	if got := ask(t, address, request); got != "a:"+request {
		t.Errorf("got %d bytes back, want %d", len(got), len(request)+2)
	}
}

func TestUpstreamHalfClose(t *testing.T) {
	c := startCaddy(t)
	received := make(chan string, 1)
	address := c.serve(proxy(tcpTarget(t, func(conn net.Conn) {
		_ = conn.(*net.TCPConn).CloseWrite()
		buffer := make([]byte, 5)
		n, _ := conn.Read(buffer)
		received <- string(buffer[:n])
	})))

	conn := dial(t, "tcp", address)
	if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("read %d bytes and %v, not the end", n, err)
	}
	if _, err := conn.Write([]byte("later")); err != nil {
		t.Fatal(err)
	}
	if got := <-received; got != "later" {
		t.Errorf("the target received %q", got)
	}
}

func TestProxyProtocolV1(t *testing.T) {
	c := startCaddy(t)
	address := c.serve(with(proxy(namedTarget(t, "a")), "proxy_protocol", "v1"))
	got := ask(t, address, "hello")

	var clientPort, serverPort int
	if _, err := fmt.Sscanf(got, "a:PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\nhello", &clientPort, &serverPort); err != nil {
		t.Fatalf("got %q: %v", got, err)
	}
	if !strings.HasSuffix(address, fmt.Sprint(":", serverPort)) || clientPort == serverPort {
		t.Errorf("listening on %s, the target was told %q", address, got)
	}
}

func TestProxyProtocolV2(t *testing.T) {
	c := startCaddy(t)
	address := c.serve(with(proxy(echoTarget(t)), "proxy_protocol", "v2"))
	conn := dial(t, "tcp", address)
	header := proxyV2(t, 0x11, conn.LocalAddr().String(), address)

	got := make([]byte, len(header))
	if _, err := io.ReadFull(conn, got); err != nil {
		t.Fatal(err)
	}
	if string(got) != header {
		t.Errorf("the target was told %x, want %x", got, header)
	}
	exchange(t, conn, "hello") // and nothing comes between
}

func TestProxyProtocolV2OverIPv6(t *testing.T) {
	requireIPv6(t)
	c := startCaddy(t)
	address := freeAddress(t, "::1")
	c.apply(object{"test": server(with(proxy(echoTarget(t)), "proxy_protocol", "v2"), "tcp6/"+address)})
	conn := dial(t, "tcp", address)
	header := proxyV2(t, 0x21, conn.LocalAddr().String(), address)

	got := make([]byte, len(header))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != header {
		t.Errorf("the target was told %x (%v), want %x", got, err, header)
	}
}

func TestRoundRobin(t *testing.T) {
	c := startCaddy(t)
	address := c.serve(with(
		proxy(namedTarget(t, "a"), namedTarget(t, "b"), namedTarget(t, "c")),
		"load_balancing", object{"selection": object{"policy": "round_robin"}},
	))
	var turns []string
	for range 6 {
		turns = append(turns, ask(t, address, ""))
	}
	if strings.Join(turns[:3], "") != strings.Join(turns[3:], "") {
		t.Errorf("the second round differs: %v", turns)
	}
	sort.Strings(turns)
	if got := strings.Join(turns, ""); got != "a:a:b:b:c:c:" {
		t.Errorf("not two each: %s", got)
	}
}

func TestIPHashStays(t *testing.T) {
	c := startCaddy(t)
	address := c.serve(with(
		proxy(namedTarget(t, "a"), namedTarget(t, "b"), namedTarget(t, "c")),
		"load_balancing", object{"selection": object{"policy": "ip_hash"}},
	))
	first := ask(t, address, "")
	for range 5 {
		if got := ask(t, address, ""); got != first {
			t.Fatalf("moved from %q to %q", first, got)
		}
	}
}

// Why Fairway writes one upstream per target.
func TestSeveralDialsInOneUpstreamAllGetTheBytes(t *testing.T) {
	c := startCaddy(t)
	received := make(chan string, 2)
	collect := func(conn net.Conn) {
		buffer := make([]byte, 5)
		n, _ := conn.Read(buffer)
		received <- string(buffer[:n])
	}
	address := c.serve(object{
		"handler":   "proxy",
		"upstreams": []object{{"dial": []string{tcpTarget(t, collect), tcpTarget(t, collect)}}},
	})
	ask(t, address, "hello")
	if first, second := <-received, <-received; first != "hello" || second != "hello" {
		t.Errorf("received %q and %q", first, second)
	}
}

func TestDeadUpstream(t *testing.T) {
	c := startCaddy(t)
	dead := freeAddress(t, "127.0.0.1")
	policy := object{"selection": object{"policy": "first"}}
	targets := proxy(dead, namedTarget(t, "a"))

	t.Run("closes the client", func(t *testing.T) {
		if got := ask(t, c.serve(with(targets, "load_balancing", policy)), ""); got != "" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("is passed over by passive checks and another try", func(t *testing.T) {
		handler := with(targets, "load_balancing", with(policy, "try_duration", "5s"))
		handler = with(handler, "health_checks", object{"passive": object{"fail_duration": "1m"}})
		if got := ask(t, c.serve(handler), ""); got != "a:" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("is passed over after active checks", func(t *testing.T) {
		handler := with(targets, "load_balancing", policy)
		handler = with(handler, "health_checks", object{"active": object{"interval": "100ms", "fall": 2}})
		address := c.serve(handler)
		eventually(t, "the other upstream answers", func() bool { return ask(t, address, "") == "a:" })
	})
}
