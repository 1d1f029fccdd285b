package behaviour

import (
	"net/http"
	"strings"
	"testing"
)

type rejection struct {
	server object
	says   string
}

func rejections(listen string) map[string]rejection {
	proxied := proxy("127.0.0.1:9")
	matched := func(matcher object) object {
		return object{"routes": []object{{"match": []object{matcher}}}}
	}
	balanced := func(policy object) object {
		return server(with(proxied, "load_balancing", object{"selection": policy}))
	}
	return map[string]rejection{
		"unknown server field":    {object{"listne": []string{listen}}, `unknown field "listne"`},
		"unknown route field":     {object{"routes": []object{{"handler": "x"}}}, `unknown field "handler"`},
		"unknown handler field":   {server(with(proxied, "upstream", "x")), `unknown field "upstream"`},
		"unknown handler":         {server(object{"handler": "nosuch"}), "unknown module: layer4.handlers.nosuch"},
		"unknown matcher":         {matched(object{"nosuch": object{}}), "unknown module: layer4.matchers.nosuch"},
		"unknown TLS matcher":     {matched(object{"tls": object{"nosuch": "x"}}), "unknown module: tls.handshake_match.nosuch"},
		"unknown policy":          {balanced(object{"policy": "nosuch"}), "selection_policies.nosuch"},
		"policy without choice":   {balanced(object{"policy": "random_choose", "choose": 1}), "choose must be at least 2"},
		"bad range":               {matched(object{"remote_ip": object{"ranges": []string{"10.0.0.0/33"}}}), "10.0.0.0/33"},
		"bad listen address":      {object{"listen": []string{"tcp/127.0.0.1:99999"}}, "parsing listener address"},
		"bad upstream":            {server(proxy("127.0.0.1:http")), "upstream 0"},
		"upstream range":          {server(proxy("127.0.0.1:80-81")), "port ranges are currently not supported"},
		"no upstreams":            {server(object{"handler": "proxy"}), "no upstreams defined"},
		"empty list of upstreams": {server(object{"handler": "proxy", "upstreams": []object{}}), "no upstreams defined"},
		"bad PROXY version":       {server(with(proxied, "proxy_protocol", "v3")), "proxy_protocol"},
		"bad duration":            {object{"idle_timeout": "soon"}, "duration"},
	}
}

func TestRejectedConfigs(t *testing.T) {
	c := startCaddy(t)
	for name, test := range rejections("tcp/" + freeAddress(t, "127.0.0.1")) {
		t.Run(name, func(t *testing.T) {
			got := c.write(object{"own": test.server})
			if got.status != http.StatusInternalServerError {
				t.Errorf("status %d", got.status)
			}
			if !strings.Contains(got.problem(), test.says) {
				t.Errorf("the error does not say %s: %s", test.says, got.body)
			}
			if now := c.call(http.MethodGet, serversPath, "", ""); now.body != "{}" {
				t.Errorf("the rejected config stayed: %s", now.body)
			}
		})
	}
}

// Every field that Fairway may write, and every documented one beside it.
func TestAcceptedFields(t *testing.T) {
	c := startCaddy(t)
	for _, policy := range []object{
		{"policy": "random"}, {"policy": "random_choose", "choose": 2}, {"policy": "least_conn"},
		{"policy": "round_robin"}, {"policy": "weighted_round_robin"}, {"policy": "first"}, {"policy": "ip_hash"},
	} {
		c.apply(object{"own": object{
			"@id":    "own.1",
			"listen": []string{"tcp4/" + freeAddress(t, "127.0.0.1"), "udp4/" + freeAddress(t, "127.0.0.1")},
			"routes": []object{{
				"match": []object{{
					"remote_ip": object{"ranges": []string{"192.0.2.0/24", "2001:db8::1"}},
					"tls":       object{"sni": []string{"a.example", "*.b.example"}},
				}},
				"handle": []object{everyProxyField(policy)},
			}, {"handle": []object{{"handler": "echo"}}}, {"handle": []object{{"handler": "close"}}}},
			"idle_timeout": "30s", "matching_timeout": 3_000_000_000,
		}})
	}
}

func everyProxyField(policy object) object {
	return object{
		"handler": "proxy",
		"upstreams": []object{{
			"dial": []string{"127.0.0.1:9"}, "max_connections": 10, "weight": 2,
			"tls": object{}, "local_address": []string{"127.0.0.1"}, "resolver_preference": "ipv4_first",
		}},
		"proxy_protocol": "v2",
		"load_balancing": object{"selection": policy, "try_duration": "3s", "try_interval": "250ms"},
		"health_checks": object{
			"active": object{
				"interval": "5s", "timeout": "2s", "fall": 2, "rise": 2, "port": 9, "close_if_unhealthy": true,
			},
			"passive": object{"fail_duration": "10s", "max_fails": 3, "unhealthy_connection_count": 9},
		},
	}
}

func TestCompareAndSwap(t *testing.T) {
	c := startCaddy(t)
	before := c.call(http.MethodGet, serversPath, "", "")
	body := string(marshal(t, object{"own": server(object{"handler": "echo"}, "tcp/"+freeAddress(t, "127.0.0.1"))}))

	if got := c.call(http.MethodPost, serversPath, body, before.etag); got.status != http.StatusOK {
		t.Fatalf("write with the current Etag: %d %s", got.status, got.body)
	}
	if got := c.call(http.MethodPost, serversPath, "{}", before.etag); got.status != http.StatusPreconditionFailed {
		t.Errorf("write with an old Etag: %d %s", got.status, got.body)
	}
	if now := c.call(http.MethodGet, serversPath, "", ""); now.body != body {
		t.Errorf("read %s, not what was written", now.body)
	}
}

func TestMissingParents(t *testing.T) {
	c := startCaddyWith(t, object{})
	for _, test := range []struct {
		method, path, body string
		status             int
	}{
		{http.MethodGet, "/config/apps/layer4", "", http.StatusOK}, // null
		{http.MethodGet, serversPath, "", http.StatusBadRequest},
		{http.MethodPost, serversPath, "{}", http.StatusInternalServerError},
		{http.MethodPut, serversPath, "{}", http.StatusOK},
		{http.MethodPut, serversPath, "{}", http.StatusConflict},
		{http.MethodPost, serversPath, "{}", http.StatusOK},
	} {
		if got := c.call(test.method, test.path, test.body, ""); got.status != test.status {
			t.Errorf("%s %s: %d %s, want %d", test.method, test.path, got.status, got.body, test.status)
		}
	}
}

// Whether the app is there can be asked without a change: a Caddyfile that
// names it is translated, and nothing is loaded.
func TestAdaptKnowsTheApp(t *testing.T) {
	c := startCaddy(t)
	before := c.call(http.MethodGet, "/config/", "", "").body
	answer, err := http.Post("http://"+c.admin+"/adapt", "text/caddyfile", strings.NewReader("{\n\tlayer4 {\n\t}\n}\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("status %d", answer.StatusCode)
	}
	if now := c.call(http.MethodGet, "/config/", "", "").body; now != before {
		t.Errorf("the question changed the config: %s", now)
	}
}
