package behaviour

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// freeAddress returns an address that nobody listened on a moment ago, neither
// by TCP nor by UDP.
func freeAddress(t *testing.T, host string) string {
	t.Helper()
	for range 20 {
		listener := listenTCP(t, host)
		address := listener.Addr().String()
		socket, err := net.ListenPacket("udp", address)
		_ = listener.Close()
		if err == nil {
			_ = socket.Close()
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}

func listenTCP(t *testing.T, host string) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// tcpTarget serves each connection with the function, then closes it.
func tcpTarget(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener := listenTCP(t, "127.0.0.1")
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// namedTarget says its name first, as a server-first protocol does, and then
// everything that it received, once the client has said that it is done.
func namedTarget(t *testing.T, name string) string {
	t.Helper()
	return tcpTarget(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, name+":")
		received, _ := io.ReadAll(conn)
		_, _ = conn.Write(received)
	})
}

// echoTarget sends back at once.
func echoTarget(t *testing.T) string {
	t.Helper()
	return tcpTarget(t, func(conn net.Conn) { _, _ = io.Copy(conn, conn) })
}

// udpTarget answers each datagram with its sender, a space, and the datagram.
func udpTarget(t *testing.T) string {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	go func() {
		buffer := make([]byte, 64*1024)
		for {
			n, sender, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = socket.WriteTo(append([]byte(sender.String()+" "), buffer[:n]...), sender)
		}
	}()
	return "udp/" + socket.LocalAddr().String()
}

func dial(t *testing.T, network, address string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout(network, address, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// ask sends the text and its end, and returns all that comes back.
func ask(t *testing.T, address, text string) string {
	t.Helper()
	conn := dial(t, "tcp", address)
	_, _ = io.WriteString(conn, text)
	_ = conn.(*net.TCPConn).CloseWrite()
	reply, _ := io.ReadAll(conn)
	return string(reply)
}

// exchange sends the text and waits for as many bytes in return.
func exchange(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatalf("sending %q: %v", text, err)
	}
	reply := make([]byte, len(text))
	if _, err := io.ReadFull(conn, reply); err != nil || string(reply) != text {
		t.Fatalf("sent %q, got %q (%v)", text, reply, err)
	}
}

// askUDP sends one datagram and returns what udpTarget adds, and the datagram.
func askUDP(t *testing.T, conn net.Conn, text string) (sender, datagram string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 64*1024)
	n, err := conn.Read(buffer)
	if err != nil {
		t.Fatalf("no answer to %q: %v", text, err)
	}
	sender, datagram, _ = strings.Cut(string(buffer[:n]), " ")
	return sender, datagram
}

// accepts tells whether anyone listens on the address.
func accepts(address string) bool {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// adjacent returns two ports in a row, and the address of both.
func adjacent(t *testing.T) (first, second, address string) {
	t.Helper()
	for range 20 {
		one := netip.MustParseAddrPort(freeAddress(t, "127.0.0.1"))
		two := netip.AddrPortFrom(one.Addr(), one.Port()+1)
		if listener, err := net.Listen("tcp", two.String()); err == nil {
			_ = listener.Close()
			first, second = fmt.Sprint(one.Port()), fmt.Sprint(two.Port())
			return first, second, "127.0.0.1:" + first + "-" + second
		}
	}
	t.Fatal("no two free ports in a row")
	return "", "", ""
}

// newPipe returns a connection that hands its first write to the channel.
func newPipe() (net.Conn, <-chan []byte) {
	near, far := net.Pipe()
	first := make(chan []byte, 1)
	go func() {
		buffer := make([]byte, 16*1024)
		n, _ := far.Read(buffer)
		first <- buffer[:n]
		_ = far.Close()
	}()
	return near, first
}
