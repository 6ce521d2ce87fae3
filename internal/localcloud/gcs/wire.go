package gcs

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// wireObject is an object in the JSON API: 64-bit numbers are strings.
type wireObject struct {
	Kind               string            `json:"kind"`
	ID                 string            `json:"id"`
	SelfLink           string            `json:"selfLink"`
	MediaLink          string            `json:"mediaLink"`
	Name               string            `json:"name"`
	Bucket             string            `json:"bucket"`
	Generation         int64             `json:"generation,string"`
	Metageneration     int64             `json:"metageneration,string"`
	ContentType        string            `json:"contentType"`
	ContentEncoding    string            `json:"contentEncoding,omitempty"`
	ContentDisposition string            `json:"contentDisposition,omitempty"`
	ContentLanguage    string            `json:"contentLanguage,omitempty"`
	CacheControl       string            `json:"cacheControl,omitempty"`
	Metadata           map[string]string `json:"metadata,omitempty"`
	StorageClass       string            `json:"storageClass"`
	Size               int64             `json:"size,string"`
	MD5Hash            string            `json:"md5Hash,omitempty"`
	CRC32C             string            `json:"crc32c,omitempty"`
	Etag               string            `json:"etag"`
	TimeCreated        string            `json:"timeCreated"`
	Updated            string            `json:"updated"`
	TimeStorageClass   string            `json:"timeStorageClassUpdated"`
}

func (o *object) wire(host string) wireObject {
	created := timestamp(o.created)
	path := "/storage/v1/b/" + url.PathEscape(o.bucket) + "/o/" + url.PathEscape(o.name)
	return wireObject{
		Kind:               "storage#object",
		ID:                 fmt.Sprintf("%s/%s/%d", o.bucket, o.name, o.generation),
		SelfLink:           "http://" + host + path,
		MediaLink:          fmt.Sprintf("http://%s/download%s?generation=%d&alt=media", host, path, o.generation),
		Name:               o.name,
		Bucket:             o.bucket,
		Generation:         o.generation,
		Metageneration:     1,
		ContentType:        o.contentType(),
		ContentEncoding:    o.attrs.ContentEncoding,
		ContentDisposition: o.attrs.ContentDisposition,
		ContentLanguage:    o.attrs.ContentLanguage,
		CacheControl:       o.attrs.CacheControl,
		Metadata:           o.attrs.Metadata,
		StorageClass:       "STANDARD",
		Size:               o.size,
		MD5Hash:            o.md5,
		CRC32C:             o.crc32c,
		Etag:               o.etag(),
		TimeCreated:        created,
		Updated:            created,
		TimeStorageClass:   created,
	}
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (s *Server) getObject(r *http.Request, bucket, name string) (answer, error) {
	c, err := parseConditions(r.URL.Query().Get)
	if err != nil {
		return answer{}, err
	}
	o, err := s.store.get(bucket, name, c)
	if err != nil {
		return answer{}, err
	}
	return selected(r, o.wire(r.Host))
}

func (s *Server) deleteObject(r *http.Request, bucket, name string) (answer, error) {
	c, err := parseConditions(r.URL.Query().Get)
	if err != nil {
		return answer{}, err
	}
	if err := s.store.delete(bucket, name, c); err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent, header: http.Header{}, size: -1}, nil
}

func (b *bucket) wire(host string) map[string]any {
	created := timestamp(b.created)
	return map[string]any{
		"kind": "storage#bucket", "id": b.name, "name": b.name, "selfLink": "http://" + host + "/storage/v1/b/" + b.name,
		"projectNumber": "0", "metageneration": "1", "location": "US", "locationType": "multi-region",
		"storageClass": "STANDARD", "etag": "CAE=", "timeCreated": created, "updated": created,
	}
}

func (s *Server) getBucket(r *http.Request, name string) (answer, error) {
	b, err := s.store.bucket(name)
	if err != nil {
		return answer{}, err
	}
	return selected(r, b.wire(r.Host))
}

// listBuckets answers all of them at once, whatever maxResults wishes.
func (s *Server) listBuckets(r *http.Request) (answer, error) {
	items := []any{}
	for _, name := range s.store.bucketNames() {
		if b, err := s.store.bucket(name); err == nil && strings.HasPrefix(name, r.URL.Query().Get("prefix")) {
			items = append(items, b.wire(r.Host))
		}
	}
	return selected(r, map[string]any{"kind": "storage#buckets", "items": items})
}

// insertBucket reads the name alone: no other property of a bucket has an
// effect here.
func (s *Server) insertBucket(r *http.Request) (answer, error) {
	var body struct {
		Name string `json:"name"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return answer{}, badRequest("bucket: the body is not JSON")
	}
	if err := s.store.createBucket(body.Name); err != nil {
		return answer{}, err
	}
	return s.getBucket(r, body.Name)
}
