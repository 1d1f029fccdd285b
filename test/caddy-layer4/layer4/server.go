package layer4

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
)

const (
	defaultIdleTimeout     = 30 * time.Second
	defaultMatchingTimeout = 3 * time.Second
)

// Server routes the clients of one or more network addresses.
type Server struct {
	// Listen holds Caddy network addresses, such as "tcp4/203.0.113.5:443".
	Listen []string `json:"listen,omitempty"`

	// Routes are tried in order; a client that fits none is closed.
	Routes Routes `json:"routes,omitempty"`

	// IdleTimeout ends a UDP association whose client has been silent for so
	// long. TCP has no such limit. Default: 30s.
	IdleTimeout caddy.Duration `json:"idle_timeout,omitempty"`

	// MatchingTimeout bounds the wait for the bytes that matchers ask for.
	// Default: 3s.
	MatchingTimeout caddy.Duration `json:"matching_timeout,omitempty"`

	addresses []caddy.NetworkAddress
	logger    *zap.Logger
}

func (s *Server) provision(ctx caddy.Context) error {
	s.logger = ctx.Logger()
	if s.IdleTimeout <= 0 {
		s.IdleTimeout = caddy.Duration(defaultIdleTimeout)
	}
	if s.MatchingTimeout <= 0 {
		s.MatchingTimeout = caddy.Duration(defaultMatchingTimeout)
	}
	if err := s.parseListen(); err != nil {
		return err
	}
	return s.Routes.provision(ctx)
}

func (s *Server) parseListen() error {
	replacer := caddy.NewReplacer()
	for i, text := range s.Listen {
		text = replacer.ReplaceAll(text, "")
		address, err := caddy.ParseNetworkAddress(text)
		if err != nil {
			return fmt.Errorf("parsing listener address '%s' in position %d: %v", text, i, err)
		}
		s.addresses = append(s.addresses, address)
	}
	return nil
}

// accept serves TCP clients until the listener is closed.
func (s *Server) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			s.logger.Debug("stopped accepting",
				zap.Stringer("address", listener.Addr()), zap.Error(err))
			return
		}
		go s.handle(conn)
	}
}

// handle serves one client, be it a TCP connection or a UDP association.
func (s *Server) handle(conn net.Conn) {
	defer func() { _ = conn.Close() }()

	client := &Connection{Conn: conn}
	err := s.Routes.serve(client, time.Duration(s.MatchingTimeout))
	if err != nil && !errors.Is(err, errPassedOn) {
		s.logger.Error("handling connection",
			zap.Stringer("local", conn.LocalAddr()),
			zap.Stringer("remote", conn.RemoteAddr()),
			zap.Error(err))
	}
}
