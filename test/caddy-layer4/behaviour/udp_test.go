package behaviour

import (
	"strings"
	"testing"
	"time"
)

func serveUDP(t *testing.T, c *caddy, handler object, idle string) string {
	t.Helper()
	address := freeAddress(t, "127.0.0.1")
	c.apply(object{"test": with(server(handler, "udp/"+address), "idle_timeout", idle)})
	return address
}

func TestUDP(t *testing.T) {
	c := startCaddy(t)
	address := serveUDP(t, c, proxy(udpTarget(t)), "30s")
	one, two := dial(t, "udp", address), dial(t, "udp", address)

	first, datagram := askUDP(t, one, "hello")
	if datagram != "hello" {
		t.Errorf("got %q", datagram)
	}
	large := strings.Repeat("x", 8000)
	if sender, datagram := askUDP(t, one, large); sender != first || datagram != large {
		t.Errorf("a large datagram came back as %d bytes, by way of %s after %s", len(datagram), sender, first)
	}
	if second, _ := askUDP(t, two, "hello"); second == first {
		t.Error("two clients share an association")
	}
}

func TestUDPIdleTimeout(t *testing.T) {
	c := startCaddy(t)
	conn := dial(t, "udp", serveUDP(t, c, proxy(udpTarget(t)), "200ms"))
	first, _ := askUDP(t, conn, "hello")
	time.Sleep(time.Second)
	if second, _ := askUDP(t, conn, "hello"); second == first {
		t.Error("the association outlived its idle timeout")
	}
}

func TestUDPProxyProtocolV2(t *testing.T) {
	c := startCaddy(t)
	address := serveUDP(t, c, with(proxy(udpTarget(t)), "proxy_protocol", "v2"), "30s")
	conn := dial(t, "udp", address)
	header := proxyV2(t, 0x12, conn.LocalAddr().String(), address)
	for _, text := range []string{"one", "two"} {
		if _, datagram := askUDP(t, conn, text); datagram != header+text {
			t.Errorf("the target received %q, want %q", datagram, header+text)
		}
	}
}

func TestUDPAfterReload(t *testing.T) {
	c := startCaddy(t)
	address, handler := freeAddress(t, "127.0.0.1"), proxy(udpTarget(t))
	c.apply(object{"test": server(handler, "udp/"+address)})
	conn := dial(t, "udp", address)
	first, _ := askUDP(t, conn, "hello")

	c.apply(object{
		"test":  server(handler, "udp/"+address),
		"other": server(object{"handler": "echo"}, "udp/"+freeAddress(t, "127.0.0.1")),
	})
	if second, _ := askUDP(t, conn, "again"); second == first {
		t.Error("the association survived a reload, which the documents deny")
	}
}
