package e2e

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"example.com/gemini-webhook/internal/localcloud/gemini"
)

// The shape that is deployed: a service per door, each with no more than its
// own settings.
func TestServicePerDoor(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{env: []string{"DOORS=tasks", "SIGNING_SECRETS=", "CHUNK_BYTES=2000"}})
	env := environment(r.cloud)
	for _, name := range slices.Collect(maps.Keys(env)) {
		if strings.HasPrefix(name, "PUSH_") || slices.Contains([]string{"STATE_BUCKET", "STORAGE_EMULATOR_HOST", "OUTCOMES_TOPIC", "RESULTS_TOPIC", "RESULT_BUCKETS", "GEMINI_API_KEY_SECRET"}, name) {
			delete(env, name)
		}
	}
	pairs := []string{"DOORS=public"}
	for name, value := range env {
		pairs = append(pairs, name+"="+value)
	}
	public := start(t, pairs...)
	id, secret, err := r.operator.Register(t.Context(), "public", public.url()+hookPath)
	must(t, err)
	r.secret = secret
	if a := r.sign(secret); a.status != http.StatusNotFound {
		t.Errorf("a delivery at the private service: %v, want 404", a)
	}
	r.put(jsonl(50))
	body := map[string]any{"id": "batches/1", "output_file_uri": objectURI}
	_, err = r.cloud.Gemini.Emit("batch.succeeded", body, gemini.EmitOptions{Webhooks: []string{id}})
	must(t, err)
	if done := r.completed(); done.Results != (totals{Total: 50, Succeeded: 50}) {
		t.Errorf("totals %+v, want 50", done.Results)
	}
}
