package proxy

import (
	"io"
	"net"
	"sync"

	"fairway.dev/test/caddy-layer4/layer4"
)

// relay copies both ways until both sides have said that they are done. A side
// that is done sending may still receive: its end is passed on as the end of
// one direction only.
func relay(client *layer4.Connection, upstreams []net.Conn) {
	var writers []io.Writer
	for _, upstream := range upstreams {
		writers = append(writers, upstream)
	}

	clientDone := make(chan struct{})
	go func() {
		defer close(clientDone)
		_, _ = io.Copy(io.MultiWriter(writers...), client)
		for _, upstream := range upstreams {
			closeWrite(upstream)
		}
	}()

	var upstreamsDone sync.WaitGroup
	for _, upstream := range upstreams {
		upstreamsDone.Go(func() { _, _ = io.Copy(client, upstream) })
	}
	upstreamsDone.Wait()
	_ = client.CloseWrite()
	<-clientDone
}

// closeWrite ends one direction of a stream. Datagrams know no such thing:
// there the client is gone for good, and closing ends the wait for replies.
func closeWrite(conn net.Conn) {
	if stream, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = stream.CloseWrite()
		return
	}
	_ = conn.Close()
}
