package vectors_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/buildtest/gendoc"
	"example.com/gemini-webhook/internal/jwks"
	"example.com/gemini-webhook/internal/vectors"
	"example.com/gemini-webhook/verify"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestPublished makes docs/vectors.json.
func TestPublished(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	must(t, vectors.Published().Write(&text))
	gendoc.File(t, "docs/vectors.json", text.String())
}

// file is docs/vectors.json as it is published.
func file(t testing.TB) vectors.File {
	t.Helper()
	f, err := os.Open("../../docs/vectors.json")
	must(t, err)
	defer f.Close()
	read, err := vectors.Read(f)
	must(t, err)
	return read
}

// verifier is ours with the keys of a vector.
func verifier(t *testing.T, f vectors.File, v vectors.Vector) *verify.Verifier {
	t.Helper()
	keys := f.Keys[v.Keys]
	made := &verify.Verifier{
		Audiences: keys.Audiences, Issuers: keys.Issuers,
		Tolerance: time.Duration(f.Tolerance) * time.Second,
		Now:       func() time.Time { return time.Unix(v.Now, 0) },
	}
	if keys.Secrets != nil {
		secrets, err := verify.NewStaticSecrets(keys.Secrets...)
		must(t, err)
		made.Secrets = secrets
	}
	if keys.JWKS != nil {
		tokens, err := verify.NewStaticTokens(keys.PathTokens...)
		must(t, err)
		made.Tokens = tokens
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(keys.JWKS) }))
		t.Cleanup(server.Close)
		made.Keys = jwks.New(jwks.Config{URL: server.URL, StaleLimit: time.Hour, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	}
	return made
}

// judge is our verdict on a vector.
func judge(t *testing.T, f vectors.File, v vectors.Vector) error {
	t.Helper()
	header := http.Header{}
	for _, h := range v.Request.Headers {
		header.Add(h[0], h[1])
	}
	parsed, err := verify.ParseHeaders(header)
	if err != nil {
		return err
	}
	_, err = verifier(t, f, v).Verify(t.Context(), v.Request.Path, parsed, v.Request.Body)
	return err
}

// TestVerify: package verify decides as every vector says, with that code.
func TestVerify(t *testing.T) {
	t.Parallel()
	f := file(t)
	for _, v := range f.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			err := judge(t, f, v)
			if got := verify.Code(err); (err == nil) != v.Expect.Accepted || got != v.Expect.Code {
				t.Errorf("%v (%q), want accepted %t, code %q", err, got, v.Expect.Accepted, v.Expect.Code)
			}
		})
	}
}

// TestShape: what docs/vectors.md promises of every vector.
func TestShape(t *testing.T) {
	t.Parallel()
	f := file(t)
	names, classes := map[string]bool{}, map[vectors.Class]bool{}
	used := map[string]bool{}
	for _, v := range f.Vectors {
		names[v.Name], classes[v.Expect.Class], used[v.Keys] = true, true, true
		if _, ok := f.Keys[v.Keys]; !ok {
			t.Errorf("%s: there are no keys %q", v.Name, v.Keys)
		}
		if (v.Expect.Class == "") != v.Expect.Accepted || (v.Expect.Code == "") != v.Expect.Accepted {
			t.Errorf("%s: %+v", v.Name, v.Expect)
		}
		if !strings.HasSuffix(v.Why, ".") {
			t.Errorf("%s does not say in a sentence why it matters: %q", v.Name, v.Why)
		}
		if v.Level != vectors.Must && v.Level != vectors.Should {
			t.Errorf("%s: level %q", v.Name, v.Level)
		}
	}
	if len(names) != len(f.Vectors) || len(names) < 100 {
		t.Errorf("%d names of %d vectors", len(names), len(f.Vectors))
	}
	if len(classes) != 8 || len(used) != len(f.Keys) {
		t.Errorf("classes %v, keys %v", classes, used)
	}
	document, err := os.ReadFile("../../docs/vectors.md")
	must(t, err)
	for class := range classes {
		if class != "" && !strings.Contains(string(document), "| `"+string(class)+"` |") {
			t.Errorf("docs/vectors.md does not say what class %s is", class)
		}
	}
	for _, keys := range f.Keys {
		for _, secret := range keys.Secrets {
			if key, err := verify.NewStaticSecrets(secret); err != nil {
				t.Errorf("%v: %v", key, err)
			}
		}
	}
}

// TestSigner: what is signed anew, with other keys and at another time, is judged as
// what is published.
func TestSigner(t *testing.T) {
	t.Parallel()
	f := file(t)
	signer, err := vectors.NewSigner(time.Now())
	must(t, err)
	signer.Secret = f.Keys[vectors.KeysStatic].Secrets[0]
	signer.StaticPath, signer.DynamicPath = "/x", f.Vectors[len(f.Vectors)-1].Request.Path
	key := httptest.NewServer(signer)
	defer key.Close()
	var set map[string]any
	response, err := http.Get(key.URL)
	must(t, err)
	defer response.Body.Close()
	must(t, json.NewDecoder(response.Body).Decode(&set))
	for name, keys := range f.Keys {
		if keys.JWKS != nil {
			keys.JWKS = set
			if keys.Audiences != nil {
				keys.Audiences, keys.Issuers = []string{signer.Audience}, []string{signer.Issuer}
			}
			f.Keys[name] = keys
		}
	}
	for _, c := range vectors.Cases() {
		if c.Keys == vectors.KeysPlain || c.Keys == vectors.KeysRotated {
			continue // other secrets
		}
		request, shows := signer.Request(c)
		v := vectors.Vector{Keys: c.Keys, Now: signer.Now.Unix(), Request: request}
		if err := judge(t, f, v); !shows || verify.Code(err) != c.Expect.Code {
			t.Errorf("%s: %v, want %q", c.Name, err, c.Expect.Code)
		}
	}
}

// TestRequestJSON: a request is the same when it has been written and read.
func TestRequestJSON(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "text", "\xff\x00", "<>&\u2028"} {
		request := vectors.Request{Method: "POST", Path: "/", Headers: [][2]string{{"a", "b"}, {"a", "c"}}, Body: []byte(body)}
		text, err := json.Marshal(request)
		must(t, err)
		var got vectors.Request
		must(t, json.Unmarshal(text, &got))
		if diff := cmp.Diff(request, got); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", body, diff)
		}
	}
	if _, err := vectors.Read(strings.NewReader(`{"unknown":1}`)); err == nil {
		t.Error("an unknown member is read")
	}
	if names := slices.Sorted(func(yield func(string) bool) {
		for _, c := range vectors.Cases() {
			if !yield(c.Name) {
				return
			}
		}
	}); len(names) != len(slices.Compact(names)) {
		t.Error("two cases have one name")
	}
}
