// Package behaviour describes from outside, through the admin API and real
// sockets, what Fairway expects of a Caddy with the layer4 app. The stand-in
// must pass, and so must a real build: FAIRWAY_CADDY names its binary.
package behaviour

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait; a loaded machine makes it generous.
const patience = 10 * time.Second

var caddyBinary = os.Getenv("FAIRWAY_CADDY")

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if caddyBinary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "caddy-layer4-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()

	caddyBinary = filepath.Join(dir, "caddy")
	if out, err := exec.Command("go", "build", "-o", caddyBinary, "../cmd/caddy").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building Caddy: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// object is short for the JSON objects that configs are made of.
type object = map[string]any

// caddy is a process of the test's own.
type caddy struct {
	t     *testing.T
	admin string
}

const serversPath = "/config/apps/layer4/servers"

// startCaddy runs a Caddy whose layer4 app has no servers yet.
func startCaddy(t *testing.T) *caddy {
	return startCaddyWith(t, object{"layer4": object{"servers": object{}}})
}

func startCaddyWith(t *testing.T, apps object) *caddy {
	t.Helper()
	dir := t.TempDir()
	c := &caddy{t: t, admin: freeAddress(t, "127.0.0.1")}
	config := marshal(t, object{
		"admin":   object{"listen": c.admin, "config": object{"persist": false}},
		"logging": object{"logs": object{"default": object{"level": "WARN"}}},
		"apps":    apps,
	})
	file := filepath.Join(dir, "caddy.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}

	log := new(bytes.Buffer)
	process := exec.Command(caddyBinary, "run", "--config", file)
	process.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
	process.Stdout, process.Stderr = log, log
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
		if t.Failed() {
			t.Logf("Caddy's log:\n%s", log)
		}
	})
	eventually(t, "Caddy answers", func() bool {
		conn, err := net.Dial("tcp", c.admin)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return c
}

// answer is what the admin API says.
type answer struct {
	status int
	body   string
	etag   string
}

// problem is the text of an error, empty if the body is something else.
func (a answer) problem() string {
	var parsed struct{ Error string }
	_ = json.Unmarshal([]byte(a.body), &parsed)
	return parsed.Error
}

// call opens a connection of its own, as each write, even one that is rejected,
// replaces the admin listener and drops the connections that are open. A new
// one that still reached the old listener ends too, by a reset or an early end,
// before Caddy has read from it: try again.
func (c *caddy) call(method, path, body, ifMatch string) answer {
	c.t.Helper()
	var err error
	for range 5 {
		var got answer
		if got, err = c.callOnce(method, path, body, ifMatch); err == nil {
			return got
		}
		if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
			break
		}
	}
	c.t.Fatal(err)
	return answer{}
}

func (c *caddy) callOnce(method, path, body, ifMatch string) (answer, error) {
	request, err := http.NewRequest(method, "http://"+c.admin+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Close = true
	request.Header.Set("Content-Type", "application/json")
	if ifMatch != "" {
		request.Header.Set("If-Match", ifMatch)
	}
	response, err := (&http.Client{Timeout: patience}).Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, string(bytes.TrimSpace(text)), response.Header.Get("Etag")}, err
}

// write replaces all servers of the layer4 app.
func (c *caddy) write(servers object) answer {
	c.t.Helper()
	return c.call(http.MethodPost, serversPath, string(marshal(c.t, servers)), "")
}

// apply is write for servers that are fine.
func (c *caddy) apply(servers object) {
	c.t.Helper()
	if got := c.write(servers); got.status != http.StatusOK {
		c.t.Fatalf("config was rejected: %d %s", got.status, got.body)
	}
}

// serve applies one server with one route and returns its address.
func (c *caddy) serve(handler object) string {
	c.t.Helper()
	address := freeAddress(c.t, "127.0.0.1")
	c.apply(object{"test": server(handler, "tcp/"+address)})
	return address
}

func server(handler object, listen ...string) object {
	return object{"listen": listen, "routes": []object{{"handle": []object{handler}}}}
}

// proxy is the handler with one upstream per target.
func proxy(targets ...string) object {
	var upstreams []object
	for _, target := range targets {
		upstreams = append(upstreams, object{"dial": []string{target}})
	}
	return object{"handler": "proxy", "upstreams": upstreams}
}

// with returns a copy of the object with one more field.
func with(o object, key string, value any) object {
	extended := object{key: value}
	for k, v := range o {
		if k != key {
			extended[k] = v
		}
	}
	return extended
}

func marshal(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}
