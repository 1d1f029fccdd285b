package layer4

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	// maxDatagram is what the real app makes room for; the rest of a larger
	// datagram is lost.
	maxDatagram = 9000

	// maxQueued datagrams of one client wait for its handler before it holds
	// up the whole socket.
	maxQueued = 5
)

// receive serves UDP clients until the socket is closed. A reload closes it,
// and with it ends every association: the next datagram of a client meets the
// new config and reaches the upstream from another port.
func (s *Server) receive(socket net.PacketConn) {
	table := &associations{server: s, socket: socket, byClient: make(map[string]*association)}
	defer table.closeAll()

	buffer := make([]byte, maxDatagram)
	for {
		n, client, err := socket.ReadFrom(buffer)
		if err != nil {
			s.logger.Debug("stopped receiving",
				zap.Stringer("address", socket.LocalAddr()), zap.Error(err))
			return
		}
		table.deliver(client, append([]byte(nil), buffer[:n]...))
	}
}

// associations are the UDP clients of one socket, by their address and port.
type associations struct {
	server *Server
	socket net.PacketConn

	mu       sync.Mutex
	byClient map[string]*association
}

func (t *associations) deliver(client net.Addr, datagram []byte) {
	for {
		a := t.find(client)
		select {
		case a.queue <- datagram:
			return
		case <-a.done: // it went idle this very moment: open a new one
		}
	}
}

// find returns the client's association, starting one if there is none.
func (t *associations) find(client net.Addr) *association {
	t.mu.Lock()
	defer t.mu.Unlock()

	key := client.String()
	if a, ok := t.byClient[key]; ok {
		return a
	}
	a := &association{
		PacketConn: t.socket,
		client:     client,
		idle:       time.Duration(t.server.IdleTimeout),
		queue:      make(chan []byte, maxQueued),
		done:       make(chan struct{}),
	}
	a.forget = sync.OnceFunc(func() {
		t.mu.Lock()
		delete(t.byClient, key)
		t.mu.Unlock()
		close(a.done)
	})
	t.byClient[key] = a
	go t.server.handle(a)
	return a
}

func (t *associations) closeAll() {
	t.mu.Lock()
	open := make([]*association, 0, len(t.byClient))
	for _, a := range t.byClient {
		open = append(open, a)
	}
	t.mu.Unlock()
	for _, a := range open {
		a.forget()
	}
}

// association makes the datagrams of one client look like a connection.
type association struct {
	net.PacketConn

	client   net.Addr
	idle     time.Duration
	deadline time.Time // used by the handler's goroutine alone
	rest     []byte    // of a datagram larger than the last read
	queue    chan []byte
	done     chan struct{}
	forget   func()
}

// Read returns at most one datagram. Only the client keeps an association
// alive; what the upstream sends does not count.
func (a *association) Read(p []byte) (int, error) {
	if len(a.rest) == 0 {
		datagram, err := a.next()
		if err != nil {
			return 0, err
		}
		a.rest = datagram
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

func (a *association) next() ([]byte, error) {
	wait, cause := a.idle, io.EOF
	if left := time.Until(a.deadline); !a.deadline.IsZero() && left < wait {
		wait, cause = left, os.ErrDeadlineExceeded
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()

	select {
	case datagram := <-a.queue:
		return datagram, nil
	case <-a.done:
		return nil, io.EOF
	case <-timer.C:
		if errors.Is(cause, io.EOF) {
			a.forget()
		}
		return nil, cause
	}
}

func (a *association) Write(p []byte) (int, error) { return a.WriteTo(p, a.client) }

func (a *association) RemoteAddr() net.Addr { return a.client }

func (a *association) SetReadDeadline(t time.Time) error {
	a.deadline = t
	return nil
}

// Close ends the association, not the socket it shares with all others.
func (a *association) Close() error {
	a.forget()
	return nil
}
