package gcs

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
)

// insertMeta is what a writer may say about a new object. The fields of the
// second group are accepted where they ask for what happens anyway.
type insertMeta struct {
	Name               string            `json:"name"`
	Bucket             string            `json:"bucket"`
	ContentType        string            `json:"contentType"`
	ContentEncoding    string            `json:"contentEncoding"`
	ContentDisposition string            `json:"contentDisposition"`
	ContentLanguage    string            `json:"contentLanguage"`
	CacheControl       string            `json:"cacheControl"`
	Metadata           map[string]string `json:"metadata"`
	MD5Hash            string            `json:"md5Hash"`
	CRC32C             string            `json:"crc32c"`

	StorageClass string `json:"storageClass"`
}

// target is a checked insert request before its bytes.
type target struct {
	bucket string
	meta   insertMeta
	cond   conditions
}

func (s *Server) routeUpload(r *http.Request, p []string) call {
	if len(p) != 3 || p[0] != "b" || p[2] != "o" {
		return call{}
	}
	q := r.URL.Query()
	op := Op{Kind: OpInsert, Bucket: p[1], Object: q.Get("name"), Length: r.ContentLength}
	if id := q.Get("upload_id"); id != "" {
		op.Kind = OpChunk
		if u := s.upload(id); u != nil {
			op.Object = u.target.meta.Name
		}
		return call{op: op, allowed: insertParams, run: func() (answer, error) { return s.chunk(r, id) }}
	}
	c := call{op: op, allowed: insertParams}
	if r.Method == http.MethodPost {
		c.run = func() (answer, error) { return s.insert(r, p[1]) }
	}
	return c
}

// insert handles the three upload types of the JSON API.
func (s *Server) insert(r *http.Request, bucket string) (answer, error) {
	switch uploadType := r.URL.Query().Get("uploadType"); uploadType {
	case "media":
		t, err := newTarget(r.URL.Query(), bucket, nil)
		if err != nil {
			return answer{}, err
		}
		t.meta.ContentType = r.Header.Get("Content-Type")
		data, err := readBody(r.Body)
		if err != nil {
			return answer{}, err
		}
		return s.commitAnswer(r, t, data)
	case "multipart":
		t, data, err := readMultipart(r, bucket)
		if err != nil {
			return answer{}, err
		}
		return s.commitAnswer(r, t, data)
	case "resumable":
		return s.startUpload(r, bucket)
	default:
		return answer{}, badRequest("uploadType %q: use media, multipart or resumable", uploadType)
	}
}

// newTarget checks everything that is known before the bytes; metadata is the
// JSON of the object, or empty.
func newTarget(q url.Values, bucket string, metadata []byte) (target, error) {
	t := target{bucket: bucket}
	if len(metadata) > 0 {
		dec := json.NewDecoder(bytes.NewReader(metadata))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&t.meta); err != nil {
			return t, badRequest("object metadata: %v", err)
		}
	}
	if name := q.Get("name"); name != "" {
		t.meta.Name = name // the parameter overrides the object's own
	}
	if encoding := q.Get("contentEncoding"); encoding != "" {
		t.meta.ContentEncoding = encoding
	}
	if t.meta.Bucket != "" && t.meta.Bucket != bucket {
		return t, badRequest("object metadata: bucket differs from the path's")
	}
	if class := t.meta.StorageClass; class != "" && class != "STANDARD" {
		return t, badRequest("object metadata: storage class %q is not supported here", class)
	}
	if err := checkName(t.meta.Name); err != nil {
		return t, err
	}
	var err error
	t.cond, err = parseConditions(q.Get)
	return t, err
}

// readMultipart reads a multipart/related body: metadata, then content.
func readMultipart(r *http.Request, bucket string) (target, []byte, error) {
	// gcloud puts its boundary between single quotes, which quote nothing in MIME.
	contentType := strings.ReplaceAll(r.Header.Get("Content-Type"), "'", `"`)
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "multipart/related" || params["boundary"] == "" {
		return target{}, nil, badRequest("multipart upload: want Content-Type multipart/related with a boundary")
	}
	parts := multipart.NewReader(r.Body, params["boundary"])
	first, err := parts.NextRawPart()
	if err != nil {
		return target{}, nil, badRequest("multipart upload: no metadata part")
	}
	metadata, err := readBody(first)
	if err != nil {
		return target{}, nil, err
	}
	t, err := newTarget(r.URL.Query(), bucket, metadata)
	if err != nil {
		return target{}, nil, err
	}
	second, err := parts.NextRawPart()
	if err != nil {
		return target{}, nil, badRequest("multipart upload: no media part")
	}
	data, err := readBody(second)
	if err != nil {
		return target{}, nil, err
	}
	if _, err := parts.NextRawPart(); !errors.Is(err, io.EOF) {
		return target{}, nil, badRequest("multipart upload: not closed after two parts")
	}
	if t.meta.ContentType == "" {
		t.meta.ContentType = second.Header.Get("Content-Type")
	}
	return t, data, nil
}

func readBody(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, badRequest("the body ended early")
	}
	return data, nil
}

// commit stores the bytes, if checksums and conditions hold.
func (s *Server) commit(t target, data []byte, hashes []string) (*object, error) {
	m := t.meta
	o := newObject(t.bucket, m.Name, data, Attrs{
		ContentType: m.ContentType, ContentEncoding: m.ContentEncoding, ContentDisposition: m.ContentDisposition,
		ContentLanguage: m.ContentLanguage, CacheControl: m.CacheControl, Metadata: m.Metadata,
	})
	if m.MD5Hash != "" && m.MD5Hash != o.md5 || m.CRC32C != "" && m.CRC32C != o.crc32c {
		return nil, badRequest("the checksum in the object's metadata does not match the received bytes")
	}
	for _, list := range hashes {
		for hash := range strings.SplitSeq(list, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(hash), "=")
			if name == "md5" && value != o.md5 || name == "crc32c" && value != o.crc32c {
				return nil, badRequest("X-Goog-Hash does not match the received bytes")
			}
		}
	}
	return s.store.put(o, t.cond)
}

func (s *Server) commitAnswer(r *http.Request, t target, data []byte) (answer, error) {
	o, err := s.commit(t, data, r.Header["X-Goog-Hash"])
	if err != nil {
		return answer{}, err
	}
	return selected(r, o.wire(r.Host))
}
