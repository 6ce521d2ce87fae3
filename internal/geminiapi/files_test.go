package geminiapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genai"

	"example.com/gemini-webhook/internal/gcp/stall"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/secret"
)

const key = "the-api-key"

func files(t *testing.T, base, apiKey string) Files { return Files{api(t, base, apiKey)} }

func api(t *testing.T, base, apiKey string) *API {
	t.Helper()
	t.Setenv("GOOGLE_GEMINI_BASE_URL", base)
	return New(func(context.Context) (secret.Value, error) { return secret.NewValue([]byte(apiKey)), nil })
}

func TestOpenReadsABatchsResults(t *testing.T) {
	s, err := gemini.Start(gemini.Options{APIKey: key, TimeScale: 1000})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	client, err := genai.NewClient(t.Context(), &genai.ClientConfig{
		Backend: genai.BackendGeminiAPI, APIKey: key, HTTPOptions: genai.HTTPOptions{BaseURL: s.URL()},
	})
	must(t, err)
	requests := strings.NewReader(`{"key":"the-key","request":{"contents":[{"parts":[{"text":"question"}]}]}}`)
	uploaded, err := client.Files.Upload(t.Context(), requests, &genai.UploadFileConfig{MIMEType: "application/jsonl"})
	must(t, err)
	job, err := client.Batches.Create(t.Context(), "gemini-2.5-flash", &genai.BatchJobSource{FileName: uploaded.Name}, nil)
	must(t, err)
	for job.Dest == nil || job.Dest.FileName == "" {
		time.Sleep(10 * time.Millisecond)
		if job, err = client.Batches.Get(t.Context(), job.Name, nil); err != nil {
			t.Fatal(err)
		}
	}
	body, err := files(t, s.URL(), key).Open(t.Context(), job.Dest.FileName)
	must(t, err)
	defer body.Close()
	if data, err := io.ReadAll(body); !strings.Contains(string(data), `"the-key"`) || err != nil {
		t.Errorf("got %q, %v", data, err)
	}
	if _, err := files(t, s.URL(), key).Open(t.Context(), "files/absent"); err == nil {
		t.Error("no such file: no error")
	}
	if _, err := files(t, s.URL(), "another-key").Open(t.Context(), job.Dest.FileName); err == nil || strings.Contains(err.Error(), "another-key") {
		t.Errorf("a wrong key: %v, want an error without the key", err)
	}
}

func TestTheKeyStaysOnItsHost(t *testing.T) {
	var got []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("X-Goog-Api-Key"))
		_, _ = io.WriteString(w, "content")
	}))
	t.Cleanup(elsewhere.Close)
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("X-Goog-Api-Key"))
		http.Redirect(w, r, elsewhere.URL+"/there", http.StatusFound)
	}))
	t.Cleanup(first.Close)
	body, err := files(t, first.URL, key).Open(t.Context(), "files/x")
	must(t, err)
	body.Close()
	if len(got) != 2 || got[0] != key || got[1] != "" {
		t.Errorf("keys sent: %q, want it to the first host alone", got)
	}
}

// TestOpenDoesNotWaitForTheKey: a Secret Manager that is silent costs seconds
// and not the ten minutes of a push.
func TestOpenDoesNotWaitForTheKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		push, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		silent := Files{New(func(ctx context.Context) (secret.Value, error) {
			<-ctx.Done()
			return secret.Value{}, ctx.Err()
		})}
		begin := time.Now()
		_, err := silent.Open(push, "files/any")
		if took := time.Since(begin); !errors.Is(err, context.DeadlineExceeded) || took > keyTimeout {
			t.Errorf("%v after %v, want that the deadline is exceeded after %v", err, took, keyTimeout)
		}
	})
}

// TestADownloadThatStallsFails: it does not hold a range until the push's time
// is over. A caller that takes its time between reads is not cut off.
func TestADownloadThatStallsFails(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "some lines")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	service := files(t, server.URL, key)
	service.stall = 200 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	body, err := service.Open(ctx, "files/x")
	must(t, err)
	defer body.Close()
	start := make([]byte, 5)
	if _, err := io.ReadFull(body, start); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * service.stall)
	rest, err := io.ReadAll(body)
	if string(start)+string(rest) != "some lines" || !errors.Is(err, stall.Err) {
		t.Errorf("got %q and %q, %v, want both halves and that it stalled", start, rest, err)
	}
}
