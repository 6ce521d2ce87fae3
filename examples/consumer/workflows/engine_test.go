package workflows_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/localcloud"
)

// bearer stands for the token of the workflows' service account.
const bearer = "Bearer of-the-service-account"

// patience is for anything to happen.
const patience = time.Minute

// engine runs executions, which share the network: Google's hosts are servers of the test,
// and there are no others.
type engine struct {
	t     *testing.T
	env   map[string]string
	hosts map[string]string // to the URL of a server
	// timeUp ends all waiting for callbacks.
	timeUp chan struct{}

	mu        sync.Mutex
	count     int
	callbacks map[string]chan struct{} // of executions that run, by path
	awaited   int                      // how often a callback was waited for
	strays    []string                 // addresses that were asked for and are not Google's
	server    *httptest.Server
}

func newEngine(t *testing.T, env, hosts map[string]string) *engine {
	t.Helper()
	e := &engine{t: t, env: env, hosts: hosts, timeUp: make(chan struct{}), callbacks: map[string]chan struct{}{}}
	e.server = httptest.NewServer(http.HandlerFunc(e.called))
	t.Cleanup(e.server.Close)
	hosts["workflowexecutions.googleapis.com"] = e.server.URL
	return e
}

// execute runs a definition to its end.
func (e *engine) execute(definition map[string]any, argument any) (any, error) {
	e.mu.Lock()
	e.count++
	id := fmt.Sprintf("execution-%d", e.count)
	e.mu.Unlock()
	return (&execution{engine: e, definition: definition, id: id}).run(argument)
}

// called takes a callback, as Workflows does: 404 when the execution has ended, 429 when
// one waits to be taken.
func (e *engine) called(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	waits := e.callbacks[r.URL.Path]
	if waits == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	select {
	case waits <- struct{}{}:
	default:
		w.WriteHeader(http.StatusTooManyRequests)
	}
}

// forget closes the callbacks of an execution.
func (x *execution) forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, path := range x.callbacks {
		delete(x.engine.callbacks, path)
	}
}

// library is Workflows' standard library, as far as it blocks.
func (e *engine) library(x *execution, name string, arguments map[string]any) (any, error) {
	switch name {
	case "http.get", "http.post", "http.delete":
		return e.http(strings.ToUpper(strings.TrimPrefix(name, "http.")), arguments)
	case "events.create_callback_endpoint":
		only(arguments, "http_callback_method")
		path := fmt.Sprintf("/v1/projects/123456789012/locations/europe-west1/workflows/gemini-wait/executions/%s/callbacks/%d", x.id, len(x.callbacks))
		e.mu.Lock()
		defer e.mu.Unlock()
		x.callbacks = append(x.callbacks, path)
		e.callbacks[path] = make(chan struct{}, 1)
		return map[string]any{"url": "https://workflowexecutions.googleapis.com" + path}, nil
	case "events.await_callback":
		only(arguments, "callback", "timeout")
		return e.await(as[string](as[map[string]any](arguments["callback"])["url"]), as[float64](arguments["timeout"]))
	case "sys.log":
		only(arguments, "severity", "text")
		e.t.Logf("%v", arguments["text"])
		return nil, nil
	case "googleapis.secretmanager.v1.projects.secrets.versions.accessString":
		only(arguments, "project_id", "secret_id", "version")
		if got := fmt.Sprintf("projects/%v/secrets/%v", arguments["project_id"], arguments["secret_id"]); got != localcloud.APIKeySecret || arguments["version"] != "latest" {
			panic(mistake("secret " + got))
		}
		return localcloud.APIKey, nil
	}
	panic(mistake("there is no " + name))
}

func (e *engine) await(address string, seconds float64) (any, error) {
	u, err := url.Parse(address)
	ensure(err)
	e.mu.Lock()
	e.awaited++
	waits := e.callbacks[u.Path]
	e.mu.Unlock()
	if seconds < 1 || seconds > 31536000 {
		panic(mistake("an execution lasts a year at most"))
	}
	select {
	case <-waits:
		return map[string]any{"http_request": map[string]any{}}, nil
	case <-e.timeUp:
		return nil, raised{map[string]any{"tags": []any{"TimeoutError"}, "message": "time is up"}}
	case <-time.After(patience):
		panic(mistake("nobody called back"))
	}
}

// http makes a request: a status of 400 and more is raised.
func (e *engine) http(method string, arguments map[string]any) (any, error) {
	only(arguments, "url", "query", "headers", "body", "auth")
	request, err := e.request(method, arguments)
	if err != nil {
		return nil, err
	}
	client := http.Client{Timeout: patience}
	response, err := client.Do(request)
	if err != nil {
		return nil, raised{map[string]any{"tags": []any{"ConnectionError"}, "message": err.Error()}}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	ensure(err)
	var body any = string(text)
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") && len(text) > 0 {
		body = decoded(text)
	}
	result := map[string]any{"code": float64(response.StatusCode), "body": body}
	if response.StatusCode >= http.StatusBadRequest {
		result["tags"], result["message"] = []any{"HttpError"}, response.Status
		return nil, raised{result}
	}
	return result, nil
}

func (e *engine) request(method string, arguments map[string]any) (*http.Request, error) {
	u, err := url.Parse(as[string](arguments["url"]))
	ensure(err)
	server, known := e.hosts[u.Host]
	if !known || u.Scheme != "https" {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.strays = append(e.strays, u.Host)
		return nil, raised{map[string]any{"tags": []any{"ConnectionFailedError", "ConnectionError"}, "message": "there is no " + u.Host}}
	}
	if query, ok := arguments["query"].(map[string]any); ok {
		q := u.Query()
		for name, value := range query {
			q.Set(name, as[string](value))
		}
		u.RawQuery = q.Encode()
	}
	to, err := url.Parse(server)
	ensure(err)
	u.Scheme, u.Host = to.Scheme, to.Host
	var body bytes.Buffer
	if value, ok := arguments["body"]; ok {
		ensure(json.NewEncoder(&body).Encode(as[map[string]any](value)))
	}
	request, err := http.NewRequest(method, u.String(), &body)
	ensure(err)
	if body.Len() > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	if headers, ok := arguments["headers"].(map[string]any); ok {
		for name, value := range headers {
			request.Header.Set(name, as[string](value))
		}
	}
	if auth, ok := arguments["auth"].(map[string]any); ok {
		if auth["type"] != "OAuth2" {
			panic(mistake(fmt.Sprintf("auth: %v", auth)))
		}
		request.Header.Set("Authorization", bearer)
	}
	return request, nil
}
