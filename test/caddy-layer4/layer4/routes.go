package layer4

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/caddyserver/caddy/v2"
)

var errMatchingTimeout = errors.New("aborted matching according to timeout")

// Matcher tells whether a route is meant for a client. It answers ErrNeedMore
// when that depends on bytes that have not arrived.
type Matcher interface {
	Match(*Connection) (bool, error)
}

// Handler serves a client to the end, or passes it on. (The real app also has
// handlers that wrap the next one; none of them is here.)
type Handler interface {
	Handle(*Connection) error
}

// Route gives the clients that its matchers select to its handler.
type Route struct {
	// Match holds sets of matchers: all of a set must match, one set is
	// enough, and no set at all means every client.
	Match []caddy.ModuleMap `json:"match,omitempty" caddy:"namespace=layer4.matchers"`

	// Handle lists the handlers. As each of ours ends the connection, those
	// after the first are checked but never reached.
	Handle []json.RawMessage `json:"handle,omitempty" caddy:"namespace=layer4.handlers inline_key=handler"`

	sets    [][]Matcher
	handler Handler
}

func (r *Route) provision(ctx caddy.Context) error {
	loaded, err := ctx.LoadModule(r, "Match")
	if err != nil {
		return fmt.Errorf("loading matcher modules: %v", err)
	}
	for _, set := range loaded.([]map[string]any) {
		var matchers []Matcher
		for _, matcher := range set {
			matchers = append(matchers, matcher.(Matcher))
		}
		r.sets = append(r.sets, matchers)
	}

	loaded, err = ctx.LoadModule(r, "Handle")
	if err != nil {
		return err
	}
	for _, handler := range loaded.([]any) {
		if r.handler == nil {
			r.handler = handler.(Handler)
		}
	}
	return nil
}

func (r *Route) matches(client *Connection) (bool, error) {
	for _, set := range r.sets {
		if matched, err := allMatch(set, client); matched || err != nil {
			return matched, err
		}
	}
	return len(r.sets) == 0, nil
}

func allMatch(set []Matcher, client *Connection) (bool, error) {
	for _, matcher := range set {
		if matched, err := matcher.Match(client); !matched || err != nil {
			return false, err
		}
	}
	return true, nil
}

// Routes are tried from first to last.
type Routes []*Route

func (routes Routes) provision(ctx caddy.Context) error {
	for i, route := range routes {
		if err := route.provision(ctx); err != nil {
			return fmt.Errorf("route %d: %v", i, err)
		}
	}
	return nil
}

// errPassedOn says that a handler has left a client to the routes after its own.
var errPassedOn = errors.New("no route for this client")

// serve gives the client to its route, reading ahead only while a matcher asks
// for it, so that protocols in which the server speaks first need no bytes at
// all. A client without a route is passed on.
func (routes Routes) serve(client *Connection, timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	for {
		route, err := routes.choose(client)
		if err == nil && route < 0 {
			return errPassedOn
		}
		if err == nil {
			if err := client.SetReadDeadline(time.Time{}); err != nil {
				return err
			}
			if err := routes[route].handler.Handle(client); !errors.Is(err, errPassedOn) {
				return err
			}
			routes = routes[route+1:]
			continue
		}
		if !errors.Is(err, ErrNeedMore) {
			return err
		}
		if err := client.SetReadDeadline(deadline); err != nil {
			return err
		}
		if err := client.prefetch(); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = errMatchingTimeout
			}
			return fmt.Errorf("matching connection: %w", err)
		}
	}
}

// choose returns the place of the first route that matches, -1 if none does,
// and ErrNeedMore if that is still open.
//
// Who overtakes whom is a habit of the real app. A route with matchers of its
// own overtakes those that wait for more bytes. A catch-all does not, unless
// the route right before it has said no: that hides those that wait before it.
func (routes Routes) choose(client *Connection) (int, error) {
	decided, waiting := false, false
	for i, route := range routes {
		matched, err := route.matches(client)
		switch {
		case errors.Is(err, ErrNeedMore):
			// Before the first byte nothing overtakes the first route.
			if len(client.prefetched) == 0 && !decided {
				return -1, ErrNeedMore
			}
			waiting = true
		case err != nil:
			return -1, fmt.Errorf("matching connection: %w", err)
		case !matched, route.handler == nil:
			decided, waiting = true, false
		case waiting && len(route.sets) == 0:
			continue
		default:
			return i, nil
		}
	}
	if waiting {
		return -1, ErrNeedMore
	}
	return -1, nil
}
