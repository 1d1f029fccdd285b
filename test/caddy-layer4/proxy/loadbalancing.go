package proxy

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"fairway.dev/test/caddy-layer4/layer4"
)

// LoadBalancing says how to choose an upstream, and for how long to try.
type LoadBalancing struct {
	// Selection is a policy; the default is random.
	Selection json.RawMessage `json:"selection,omitempty" caddy:"namespace=layer4.proxy.selection_policies inline_key=policy"`

	// TryDuration is how long a client may wait for an upstream that answers.
	// Zero means a single try.
	TryDuration caddy.Duration `json:"try_duration,omitempty"`

	// TryInterval is the pause between tries. Default: 250ms.
	TryInterval caddy.Duration `json:"try_interval,omitempty"`

	selector Selector
}

// Selector chooses an available upstream, or nil.
type Selector interface {
	Select([]*Upstream, *layer4.Connection) *Upstream
}

func (lb *LoadBalancing) provision(ctx caddy.Context) error {
	lb.selector = Random{}
	if lb.Selection != nil {
		policy, err := ctx.LoadModule(lb, "Selection")
		if err != nil {
			return fmt.Errorf("loading load balancing selection policy: %s", err)
		}
		lb.selector = policy.(Selector)
	}
	if lb.TryDuration > 0 && lb.TryInterval == 0 {
		lb.TryInterval = caddy.Duration(250 * time.Millisecond)
	}
	return nil
}

// available returns those of the pool that can be chosen, in order.
func available(pool []*Upstream) []*Upstream {
	var choice []*Upstream
	for _, upstream := range pool {
		if upstream.available() {
			choice = append(choice, upstream)
		}
	}
	return choice
}
