package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"example.com/gemini-webhook/examples/consumer/go/keep"
	"example.com/gemini-webhook/internal/localcloud/push"
)

const (
	audience = "https://consumer.example"
	account  = "push@project.iam.gserviceaccount.com"
)

// keys answers for Google's key set.
type keys struct{ tokens *push.Tokens }

func (k keys) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	k.tokens.ServeHTTP(answer, r)
	return answer.Result(), nil
}

// TestAnswers: only what is kept, or can never be, is acknowledged. The whole is tried in
// examples/consumer.
func TestAnswers(t *testing.T) {
	tokens, err := push.NewTokens(nil)
	must(t, err)
	before := http.DefaultTransport
	http.DefaultTransport = keys{tokens}
	t.Cleanup(func() { http.DefaultTransport = before })
	token, err := tokens.Mint(audience, account)
	must(t, err)
	dir := filepath.Join(t.TempDir(), "store")
	must(t, os.Mkdir(dir, 0o700))
	keeper, err := keep.New(t.Context(), keep.Files(dir), func(keep.Report) {})
	must(t, err)
	s := &service{audience: audience, account: account, keeper: keeper}

	text, err := os.ReadFile("../../../../internal/outcome/testdata/batch.result.golden.json")
	must(t, err)
	var genuine struct{ Data json.RawMessage }
	must(t, json.Unmarshal(text, &genuine))
	newer := bytes.Replace(genuine.Data, []byte(`"schema_version": 1`), []byte(`"schema_version": 2`), 1)
	for _, test := range []struct {
		what, token string
		body        []byte
		want        int
	}{
		{"a message", token, wrapped(t, genuine.Data), 204},
		{"a message again", token, wrapped(t, genuine.Data), 204},
		{"without a token", "", wrapped(t, genuine.Data), 401},
		{"with a token that was changed", token[:len(token)-4] + "AAAA", wrapped(t, genuine.Data), 401},
		{"no outcome", token, wrapped(t, []byte("{}")), 204},
		{"of a newer receiver", token, wrapped(t, newer), 503},
		{"no push", token, []byte("{"), 400},
		{"too long", token, append([]byte(`{"message":{"data":"`), bytes.Repeat([]byte("A"), maxBody)...), 400},
	} {
		if got := post(s, test.token, test.body); got != test.want {
			t.Errorf("%s: %d, want %d", test.what, got, test.want)
		}
	}
	must(t, os.RemoveAll(dir)) // a folder of this test's own
	if got := post(s, token, wrapped(t, genuine.Data)); got != 503 {
		t.Errorf("a message that cannot be kept: %d", got)
	}
}

func post(s *service, token string, body []byte) int {
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, r)
	return answer.Code
}

func wrapped(t *testing.T, data []byte) []byte {
	t.Helper()
	body, err := push.Wrap("s", &pubsubpb.PubsubMessage{Data: data, MessageId: "1"}, 1)
	must(t, err)
	return body
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
