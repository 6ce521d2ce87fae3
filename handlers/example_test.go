package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"time"

	"example.com/gemini-webhook/handlers"
	"example.com/gemini-webhook/internal/work"
)

type anyone struct{}

func (anyone) Verify(context.Context, []string) error { return nil }

type worker struct{}

func (worker) Do(_ context.Context, m work.Message) (work.About, error) {
	if string(m.Data) == "bad" {
		return work.About{}, errors.New("come again")
	}
	return work.About{}, nil
}

// What is done is acknowledged, and everything else pushed again.
func ExampleProcessor() {
	tasks := &handlers.Processor{Tokens: anyone{}, Worker: worker{}, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	doors := &handlers.Doors{Tasks: tasks, Log: slog.New(slog.DiscardHandler)}
	for _, data := range []string{"Z29vZA==", "YmFk"} { // good, bad
		push := `{"message":{"data":"` + data + `","attributes":{"kind":"event"},"messageId":"1"},"deliveryAttempt":1}`
		w := httptest.NewRecorder()
		doors.ServeHTTP(w, httptest.NewRequest("POST", "/tasks/process", strings.NewReader(push)))
		fmt.Println(w.Code)
	}
	// Output:
	// 204
	// 500
}
