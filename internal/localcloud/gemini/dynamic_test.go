package gemini

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai"
)

var inlineSource = &genai.BatchJobSource{InlinedRequests: []*genai.InlinedRequest{{Contents: genai.Text("hello")}}}

// all signs what goes to any URI by one scheme.
func all(scheme Scheme) func(string) Scheme { return func(string) Scheme { return scheme } }

func TestBatchWithURIs(t *testing.T) {
	t.Parallel()
	for _, scheme := range []Scheme{SchemeEd25519, SchemeRS256} {
		t.Run(string(scheme), func(t *testing.T) {
			t.Parallel()
			registered, first, second := newReceiver(t, nil), newReceiver(t, nil), newReceiver(t, nil)
			s, client := start(t, Options{DynamicSigningFor: all(scheme), ResultPointer: PointerFile})
			create(t, client, registered.URL)
			metadata := map[string]any{"job": "42", "n": 7.0, "nested": map[string]any{"a": true}}
			name := createBatch(t, client, &genai.BatchJobSource{FileName: uploadText(t, client, requests(3))}, &genai.CreateBatchJobConfig{
				WebhookConfig: &genai.WebhookConfig{Uris: []string{first.URL + "/dynamic/token/a?x=1", second.URL}, UserMetadata: metadata},
			})

			deliveries := []got{first.wait(t, 1)[0], second.wait(t, 1)[0]}
			job, err := client.Batches.Get(t.Context(), name, nil)
			must(t, err)
			set, _ := fetchKeys(t, s)
			data := map[string]any{"id": name, "output_file_uri": job.Dest.FileName}
			want := envelope{Type: "batch.succeeded", Version: "v1", Data: data, UserMetadata: metadata}
			for i, g := range deliveries {
				event := decodeEvent(t, g.body)
				want.Timestamp = event.Timestamp
				if diff := cmp.Diff(want, event); diff != "" {
					t.Errorf("event at URI %d (-want +got):\n%s", i+1, diff)
				}
				if !set.signedBy(t, scheme, g) || g.entries() != 1 || !messageID.MatchString(g.header.Get("webhook-id")) {
					t.Errorf("the delivery to URI %d is not signed, or not once, or its id is not msg_<uuid>", i+1)
				}
			}
			if deliveries[0].header.Get("webhook-id") == deliveries[1].header.Get("webhook-id") {
				t.Error("both URIs got the same id")
			}
			time.Sleep(50 * time.Millisecond)
			if n := []int{len(registered.all()), len(first.all()), len(second.all())}; !cmp.Equal([]int{0, 1, 1}, n) {
				t.Errorf("deliveries at the webhook and the URIs: %v, want 0, 1, 1", n)
			}
		})
	}
}

func TestURIsAreNeverShown(t *testing.T) {
	t.Parallel()
	const token = "path-token-of-the-customer"
	ok, broken := newReceiver(t, nil), newReceiver(t, func(int) int { return 500 })
	closed := newReceiver(t, nil)
	closed.Close()
	log := &lockedBuffer{}
	var mu sync.Mutex
	var observed []Delivery
	s, client := start(t, Options{
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Observe: func(d Delivery) {
			mu.Lock()
			defer mu.Unlock()
			observed = append(observed, d)
		},
	})
	var uris []string
	for _, r := range []*receiver{ok, broken, closed} {
		uris = append(uris, r.URL+"/dynamic/"+token)
	}
	name := createBatch(t, client, inlineSource, &genai.CreateBatchJobConfig{WebhookConfig: &genai.WebhookConfig{Uris: uris}})
	ok.wait(t, 1)
	broken.wait(t, 1)
	eventually(t, "failures", func() bool {
		mu.Lock()
		defer mu.Unlock()
		failures := 0
		for _, d := range observed {
			if d.Status == 0 {
				failures++
			}
		}
		return failures >= 4 && len(observed) > failures
	})
	_, batch := call(t, s, "GET", "/v1beta/"+name, "", map[string]string{"x-goog-api-key": testKey})
	must(t, s.Close())
	for what, text := range map[string]string{"log": log.String(), "observer": fmt.Sprintf("%+v", observed), "get": fmt.Sprint(batch)} {
		if strings.Contains(text, token) {
			t.Errorf("the %s shows the URI", what)
		}
	}
	for _, d := range observed {
		if d.WebhookID != "" || d.Scheme != SchemeEd25519 || d.EventType != "batch.succeeded" || !messageID.MatchString(d.ID) {
			t.Errorf("delivery %+v", d)
		}
	}
	if !strings.Contains(log.String(), observed[0].ID) {
		t.Error("the log does not have the delivery at all")
	}
}

func TestDynamicDeliveryIsRetried(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []int
		want    []int
	}{
		"until accepted": {[]int{503, 302, 401, 204}, []int{503, 302, 401, 204}},
		"not after 410":  {[]int{500, 410, 200}, []int{500, 410}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, func(n int) int { return c.answers[min(n, len(c.answers))-1] })
			s, _ := start(t, Options{DisableAfter: 1}) // which is about registered webhooks only
			id, err := s.EmitTo(r.URL, "batch.succeeded", nil, EmitOptions{ID: "msg_given"})
			if err != nil || id != "msg_given" {
				t.Fatalf("id %q, %v", id, err)
			}
			r.wait(t, len(c.want))
			time.Sleep(100 * time.Millisecond)
			var statuses []int
			for i, d := range s.Deliveries() {
				statuses = append(statuses, d.Status)
				if d.Attempt != i+1 || d.ID != "msg_given" {
					t.Errorf("attempt %d: %+v", i+1, d)
				}
			}
			if diff := cmp.Diff(c.want, statuses); diff != "" {
				t.Errorf("statuses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSchemeOfEachDelivery(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	s, client := start(t, Options{DynamicSigningFor: func(uri string) Scheme {
		switch {
		case strings.HasSuffix(uri, "/documented"):
			return SchemeRS256
		case strings.HasSuffix(uri, "/wrong"):
			return SchemeHMAC
		}
		return ""
	}})
	create(t, client, r.URL, "video.generated") // nothing of this goes there
	for name, c := range map[string]struct {
		path   string
		scheme Scheme
		want   Scheme
		err    error
	}{
		"by default":        {"", "", SchemeEd25519, nil},
		"as for that URI":   {"/documented", "", SchemeRS256, nil},
		"as for that event": {"/documented", SchemeEd25519, SchemeEd25519, nil},
		"not HMAC":          {"", SchemeHMAC, "", ErrOptions},
		"not HMAC either":   {"/wrong", "", "", ErrOptions},
		"not unknown":       {"", "v1a", "", ErrOptions},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := s.EmitTo(r.URL+c.path, "batch.succeeded", map[string]any{"id": "batches/of-a-stranger"}, EmitOptions{Scheme: c.scheme})
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if c.err != nil {
				return
			}
			eventually(t, "the delivery", func() bool {
				for _, d := range s.Deliveries() {
					if d.ID == id {
						return true
					}
				}
				return false
			})
			set, _ := fetchKeys(t, s)
			all := r.all()
			g := all[len(all)-1]
			other := map[Scheme]Scheme{SchemeRS256: SchemeEd25519, SchemeEd25519: SchemeRS256}[c.want]
			if g.header.Get("webhook-id") != id || !set.signedBy(t, c.want, g) || set.signedBy(t, other, g) {
				t.Errorf("not signed with %s alone", c.want)
			}
		})
	}
}

func TestEmitToRefuses(t *testing.T) {
	t.Parallel()
	s, _ := start(t, Options{})
	for _, uri := range []string{"", "example.com/path-token", "http://example.com/path-token", "https:///path-token", "https://h/%zz/path-token"} {
		if _, err := s.EmitTo(uri, "batch.succeeded", nil, EmitOptions{}); !errors.Is(err, ErrURI) || strings.Contains(err.Error(), "path-token") {
			t.Errorf("uri %q: %v, want ErrURI without it", uri, err)
		}
	}
	if _, err := s.EmitTo("https://example.com", "batch.succeeded", func() {}, EmitOptions{}); err == nil {
		t.Error("data that is no JSON was taken")
	}
	must(t, s.Close())
	if _, err := s.EmitTo("https://example.com", "batch.succeeded", nil, EmitOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v, want ErrClosed", err)
	}
}
