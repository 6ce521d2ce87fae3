package function

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/sethvargo/go-envconfig"

	"example.com/gemini-webhook/internal/config"
)

var environment = map[string]string{
	"GOOGLE_CLOUD_PROJECT": "a-project",
	"QUEUE_TOPIC":          "queue",
	"OUTCOMES_TOPIC":       "outcomes",
	"STATE_BUCKET":         "state-bucket",
	"PUSH_AUDIENCE":        "https://receiver.example",
	"PUSH_SERVICE_ACCOUNT": "push@a-project.iam.gserviceaccount.com",
}

func newTestWebhook(t *testing.T, more map[string]string) *Webhook {
	t.Helper()
	// Emulators that are not there: clients connect when they are used.
	for _, name := range []string{"PUBSUB_EMULATOR_HOST", "STORAGE_EMULATOR_HOST", "SECRET_MANAGER_EMULATOR_HOST"} {
		t.Setenv(name, "127.0.0.1:1")
	}
	c, err := config.Load(t.Context(), envconfig.MultiLookuper(envconfig.MapLookuper(more), envconfig.MapLookuper(environment)))
	if err != nil {
		t.Fatal(err)
	}
	return NewWebhook(c, slog.New(slog.DiscardHandler))
}

func status(f *Webhook, method, path string) int {
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader("{}")))
	return w.Code
}

// Each door answers, or is not there; and only the doors that were asked have
// clients.
func TestDoors(t *testing.T) {
	for doors, want := range map[string]struct {
		delivery, task int
		public, tasks  bool
	}{
		"public": {400, 404, true, false},
		"tasks":  {404, 401, false, true},
		"both":   {400, 401, true, true},
	} {
		t.Run(doors, func(t *testing.T) {
			f := newTestWebhook(t, map[string]string{"DOORS": doors})
			if f.public.built || f.tasks.built || f.pubsub.built {
				t.Error("clients are built before they are needed")
			}
			if got := status(f, http.MethodGet, "/health"); got != 200 {
				t.Errorf("health: %d, want 200", got)
			}
			if got := status(f, http.MethodPost, "/hook"); got != want.delivery {
				t.Errorf("delivery without headers: %d, want %d", got, want.delivery)
			}
			if got := status(f, http.MethodPost, "/tasks/process"); got != want.task {
				t.Errorf("push without a token: %d, want %d", got, want.task)
			}
			if f.public.built != want.public || f.tasks.built != want.tasks {
				t.Errorf("built: public %v, tasks %v, want %v, %v", f.public.built, f.tasks.built, want.public, want.tasks)
			}
		})
	}
}

// What arrives after SIGTERM is delivered again.
func TestNothingNewAfterSIGTERM(t *testing.T) {
	f := newTestWebhook(t, nil)
	<-f.Drain.Stop()
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hook", strings.NewReader("{}")))
	if w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"unavailable"`) {
		t.Errorf("got %d %q, Retry-After %q, want 503 with it", w.Code, w.Body, w.Header().Get("Retry-After"))
	}
	r := NewRotator(f.config, f.log)
	if err := r.Handle(t.Context(), cloudevents.NewEvent()); err != nil {
		t.Errorf("before: %v, want what is no notification ignored", err)
	}
	<-r.Drain.Stop()
	if err := r.Handle(t.Context(), cloudevents.NewEvent()); err == nil {
		t.Error("after: no error, want the notification delivered again")
	}
}
