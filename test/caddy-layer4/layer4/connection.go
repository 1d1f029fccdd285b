package layer4

import (
	"errors"
	"io"
	"net"
)

// maxPrefetched bounds what matchers may read ahead of one client.
const maxPrefetched = 16 * 1024

var (
	// ErrNeedMore is what a matcher answers when it cannot tell yet.
	ErrNeedMore = errors.New("more bytes are needed to match")

	errPrefetchedTooMuch = errors.New("matching buffer is full")
)

// Connection is one client. Matchers may look at its first bytes without
// taking them away from the handler.
type Connection struct {
	net.Conn

	// One chunk per read from the client, so that datagrams keep their
	// boundaries when they are handed out again.
	prefetched [][]byte
}

// Read hands out what was read ahead before it reads from the client.
func (c *Connection) Read(p []byte) (int, error) {
	if len(c.prefetched) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.prefetched[0])
	c.prefetched[0] = c.prefetched[0][n:]
	if len(c.prefetched[0]) == 0 {
		c.prefetched = c.prefetched[1:]
	}
	return n, nil
}

// Peek returns a reader over the bytes read ahead so far. It fails with
// ErrNeedMore at their end.
func (c *Connection) Peek() io.Reader {
	readers := make([]io.Reader, 0, len(c.prefetched)+1)
	for _, chunk := range c.prefetched {
		readers = append(readers, &chunkReader{chunk})
	}
	return io.MultiReader(append(readers, needMore{})...)
}

// CloseWrite tells the client that nothing more will come, where its protocol
// has a way to say so.
func (c *Connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// prefetch reads ahead once.
func (c *Connection) prefetch() error {
	total := 0
	for _, chunk := range c.prefetched {
		total += len(chunk)
	}
	if total >= maxPrefetched {
		return errPrefetchedTooMuch
	}
	chunk := make([]byte, maxDatagram)
	n, err := c.Conn.Read(chunk)
	if n > 0 {
		c.prefetched = append(c.prefetched, chunk[:n])
	}
	return err
}

// chunkReader is bytes.Reader without its other methods, of which
// io.MultiReader makes use.
type chunkReader struct{ rest []byte }

func (r *chunkReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

type needMore struct{}

func (needMore) Read([]byte) (int, error) { return 0, ErrNeedMore }
