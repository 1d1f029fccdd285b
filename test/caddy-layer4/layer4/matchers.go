package layer4

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

func init() {
	caddy.RegisterModule(MatchRemoteIP{})
}

// MatchRemoteIP matches the client's address against addresses and CIDRs.
type MatchRemoteIP struct {
	Ranges []string `json:"ranges,omitempty"`

	prefixes []netip.Prefix
}

// CaddyModule returns the Caddy module information.
func (MatchRemoteIP) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "layer4.matchers.remote_ip",
		New: func() caddy.Module { return new(MatchRemoteIP) },
	}
}

// Provision parses the ranges.
func (m *MatchRemoteIP) Provision(caddy.Context) error {
	replacer := caddy.NewReplacer()
	for _, text := range m.Ranges {
		prefix, err := parsePrefix(replacer.ReplaceAll(text, ""))
		if err != nil {
			return err
		}
		m.prefixes = append(m.prefixes, prefix)
	}
	return nil
}

// parsePrefix takes a CIDR, or an address that stands for itself.
func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		return netip.ParsePrefix(text)
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(address, address.BitLen()), nil
}

// Match never needs a byte from the client.
func (m *MatchRemoteIP) Match(client *Connection) (bool, error) {
	remote, err := netip.ParseAddrPort(client.RemoteAddr().String())
	if err != nil {
		return false, fmt.Errorf("getting remote IP: %v", err)
	}
	// A socket for both families shows IPv4 clients as ::ffff:a.b.c.d.
	address := remote.Addr().Unmap()
	for _, prefix := range m.prefixes {
		if prefix.Contains(address) {
			return true, nil
		}
	}
	return false, nil
}

// Interface guards
var (
	_ Matcher           = (*MatchRemoteIP)(nil)
	_ caddy.Provisioner = (*MatchRemoteIP)(nil)
)
