package gemini

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai"
)

func TestUploadInChunks(t *testing.T) {
	t.Parallel()
	s, client := start(t, Options{})
	content := bytes.Repeat([]byte("0123456789abcdef"), 20<<20/16) // 20 MiB; the SDK's chunks have 8
	f, err := client.Files.Upload(t.Context(), bytes.NewReader(content), &genai.UploadFileConfig{
		Name: "my-input", DisplayName: "Input", MIMEType: "application/jsonl",
	})
	must(t, err)
	sum := sha256.Sum256(content)
	if f.Name != "files/my-input" || f.DisplayName != "Input" || f.MIMEType != "application/jsonl" || *f.SizeBytes != 20<<20 ||
		f.State != genai.FileStateActive || f.Sha256Hash != base64.StdEncoding.EncodeToString(sum[:]) {
		t.Errorf("file: %+v", f)
	}
	got, err := client.Files.Get(t.Context(), f.Name, nil)
	must(t, err)
	if diff := cmp.Diff(f, got); diff != "" {
		t.Errorf("get (-upload +get):\n%s", diff)
	}
	s.mu.Lock()
	stored, missing := s.files.find("my-input")
	left := len(s.uploads)
	s.mu.Unlock()
	if missing != nil || !bytes.Equal(stored.content, content) || left != 0 {
		t.Errorf("%v, or what is stored differs; %d uploads left", missing, left)
	}
}

func TestUploadRefused(t *testing.T) {
	t.Parallel()
	s, client := start(t, Options{})
	if _, err := client.Files.Upload(t.Context(), strings.NewReader("x"), &genai.UploadFileConfig{Name: "Upper"}); err == nil {
		t.Error("a name in upper case was taken")
	}
	header := map[string]string{"x-goog-api-key": testKey, "X-Goog-Upload-Command": "upload, finalize", "X-Goog-Upload-Offset": "0"}
	if code, _ := call(t, s, "POST", uploadPath+"?upload_id=none", "x", header); code != 404 {
		t.Errorf("unknown upload: status %d, want 404", code)
	}
	s.mu.Lock()
	s.uploads["u"] = &upload{}
	s.mu.Unlock()
	header["X-Goog-Upload-Offset"] = "5"
	if code, _ := call(t, s, "POST", uploadPath+"?upload_id=u", "x", header); code != 400 {
		t.Errorf("wrong offset: status %d, want 400", code)
	}
}

func TestResultFile(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	s, client := start(t, Options{ResultPointer: PointerFile, OldFiles: true})
	create(t, client, r.URL)
	input := uploadText(t, client, requests(50))
	name := createBatch(t, client, &genai.BatchJobSource{FileName: input}, nil)
	data := decodeEvent(t, r.wait(t, 1)[0].body).Data.(map[string]any)
	pointer, _ := data["output_file_uri"].(string)
	job, err := client.Batches.Get(t.Context(), name, nil)
	must(t, err)
	if !strings.HasPrefix(pointer, "files/batch-") || len(pointer) <= len("files/")+maxFileID || job.Dest.FileName != pointer {
		t.Errorf("pointer %q, job says %q", pointer, job.Dest.FileName)
	}

	var api genai.APIError
	if _, err := client.Files.Get(t.Context(), pointer, nil); !errors.As(err, &api) || api.Code != 400 {
		t.Errorf("files.get of a result: %v, want 400", err)
	}
	content, err := client.Files.Download(t.Context(), genai.NewDownloadURIFromFile(&genai.File{DownloadURI: pointer}), nil)
	must(t, err)
	if keys, lines := readLines(t, content); len(keys) != 50 || len(lines) != 50 {
		t.Errorf("%d lines with %d keys, want 50", len(keys), len(lines))
	}
	for f, err := range client.Files.All(t.Context()) {
		if err != nil || f.Name != input {
			t.Errorf("listed: %v, %v", f, err)
		}
	}

	for name, c := range map[string]struct {
		path, rang string
		status     int
		want       []byte
	}{
		"whole":        {pointer + ":download?alt=media", "", 200, content},
		"middle":       {pointer + ":download?alt=media", "bytes=100-199", 206, content[100:200]},
		"to the end":   {pointer + ":download?alt=media", "bytes=100-", 206, content[100:]},
		"beyond":       {pointer + ":download?alt=media", "bytes=99999999-", 416, nil},
		"without alt":  {pointer + ":download", "", 400, nil},
		"an upload":    {input + ":download?alt=media", "", 400, nil},
		"missing":      {"files/none:download?alt=media", "", 403, nil},
		"unknown verb": {pointer + ":delete", "", 404, nil},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL()+"/download/v1beta/"+c.path, nil)
			must(t, err)
			req.Header.Set("x-goog-api-key", testKey)
			if c.rang != "" {
				req.Header.Set("Range", c.rang)
			}
			resp, err := http.DefaultClient.Do(req)
			must(t, err)
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != c.status || c.want != nil && !bytes.Equal(got, c.want) {
				t.Errorf("status %d with %d bytes (%v), want %d with %d", resp.StatusCode, len(got), err, c.status, len(c.want))
			}
		})
	}
}
