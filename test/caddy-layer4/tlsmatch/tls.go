// Package tlsmatch is the layer4 app's matcher for TLS. It stands apart because
// it brings Caddy's whole TLS app with it, which takes minutes to compile.
package tlsmatch

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddytls"

	"fairway.dev/test/caddy-layer4/layer4"
)

func init() {
	caddy.RegisterModule(MatchTLS{})
}

// MatchTLS matches TLS clients by their ClientHello, with the handshake
// matchers that Caddy itself has for its TLS app, sni above all.
type MatchTLS struct {
	Raw caddy.ModuleMap `json:"-" caddy:"namespace=tls.handshake_match"`

	matchers []caddytls.ConnectionMatcher
}

// CaddyModule returns the Caddy module information.
func (MatchTLS) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "layer4.matchers.tls",
		New: func() caddy.Module { return new(MatchTLS) },
	}
}

// UnmarshalJSON takes the whole object as the map of handshake matchers.
func (m *MatchTLS) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &m.Raw)
}

// Provision loads the handshake matchers.
func (m *MatchTLS) Provision(ctx caddy.Context) error {
	loaded, err := ctx.LoadModule(m, "Raw")
	if err != nil {
		return fmt.Errorf("loading TLS matchers: %v", err)
	}
	for _, matcher := range loaded.(map[string]any) {
		m.matchers = append(m.matchers, matcher.(caddytls.ConnectionMatcher))
	}
	return nil
}

// Match says no to whatever is not TLS, and ErrNeedMore until the ClientHello
// is complete.
func (m *MatchTLS) Match(client *layer4.Connection) (bool, error) {
	matched := false
	err := withClientHello(client, func(hello *tls.ClientHelloInfo) {
		matched = m.matchHello(hello)
	})
	return matched, err
}

func (m *MatchTLS) matchHello(hello *tls.ClientHelloInfo) bool {
	for _, matcher := range m.matchers {
		if !matcher.Match(hello) {
			return false
		}
	}
	return true
}

var errSeenHello = errors.New("the ClientHello is all we came for")

// withClientHello lets the standard library parse the bytes read ahead: it
// starts a handshake and leaves it as soon as the ClientHello is known. Any
// other end of that handshake means that these bytes are not TLS.
func withClientHello(client *layer4.Connection, visit func(*tls.ClientHelloInfo)) error {
	input := &helloConn{Conn: client, reader: client.Peek()}
	server := tls.Server(input, &tls.Config{
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			hello.Conn = client
			visit(hello)
			return nil, errSeenHello
		},
	})
	err := server.HandshakeContext(context.Background())
	if !errors.Is(err, errSeenHello) && input.ranDry {
		return layer4.ErrNeedMore
	}
	return nil
}

// helloConn reads what was read ahead, and sends the client nothing.
type helloConn struct {
	net.Conn
	reader io.Reader
	ranDry bool
}

func (c *helloConn) Read(p []byte) (int, error) {
	n, err := c.reader.Read(p)
	c.ranDry = c.ranDry || errors.Is(err, layer4.ErrNeedMore)
	return n, err
}

func (c *helloConn) Write(p []byte) (int, error) { return len(p), nil }

func (c *helloConn) Close() error { return nil }

// Interface guards
var (
	_ layer4.Matcher    = (*MatchTLS)(nil)
	_ caddy.Provisioner = (*MatchTLS)(nil)
	_ json.Unmarshaler  = (*MatchTLS)(nil)
)
