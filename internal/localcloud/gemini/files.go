package gemini

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// maxFileID is the longest id that files.get takes; ids of result files are longer, which is why it fails on them.
const maxFileID = 40

var fileIDForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// file is an uploaded file, the result of a batch or a video; it does not change once it is there.
type file struct {
	header
	displayName, mime string
	content           []byte
	result            bool // of a job: not listed, and all that can be downloaded
}

func (s *Server) routeFiles(mux *http.ServeMux) {
	mux.HandleFunc("POST "+uploadPath, s.upload)
	mux.Handle("GET /v1beta/files", list(s, &s.files, "files", "nextPageToken", func(f *file) bool { return !f.result }))
	mux.HandleFunc("GET /v1beta/files/{id}", func(w http.ResponseWriter, r *http.Request) {
		switch id := r.PathValue("id"); {
		case strings.Contains(id, ":"):
			s.download(w, r)
		case len(id) > maxFileID:
			writeError(w, invalid("The file id may have up to %d characters; results of batches can be downloaded only.", maxFileID))
		default:
			get(s, &s.files).ServeHTTP(w, r)
		}
	})
	mux.HandleFunc("GET /download/v1beta/files/{id}", s.download)
	mux.Handle("DELETE /v1beta/files/{id}", remove(s, &s.files, nil))
}

// download sends a result file, or the ranges of it that are asked for.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	id, verb := splitVerb(r.PathValue("id"))
	s.mu.Lock()
	f, err := s.files.find(id)
	s.mu.Unlock()
	switch {
	case verb != "download":
		writeError(w, notFound("files have the method :download"))
	case r.URL.Query().Get("alt") != "media":
		writeError(w, invalid("Downloads need alt=media."))
	case err != nil:
		writeError(w, err)
	case !f.result:
		writeError(w, invalid("Only generated files can be downloaded."))
	default:
		w.Header().Set("Content-Type", f.mime)
		http.ServeContent(w, r, "", f.created, bytes.NewReader(f.content))
	}
}

// addFile keeps a file under a new id, or the given one; s.mu must be held.
func (s *Server) addFile(f *file) {
	id := f.id
	f.header = s.newHeader("file", "", 12)
	f.id = cmp.Or(id, f.id)
	s.files.all = append(s.files.all, f)
}

func (f *file) render(s *Server) map[string]any {
	sum := sha256.Sum256(f.content)
	out := map[string]any{
		"name": "files/" + f.id, "mimeType": f.mime, "sizeBytes": strconv.Itoa(len(f.content)),
		"createTime": stamp(f.created), "updateTime": stamp(f.created), "expirationTime": stamp(f.created.Add(s.scaled(2 * day))),
		"sha256Hash": base64.StdEncoding.EncodeToString(sum[:]),
		"uri":        s.URL() + "/v1beta/files/" + f.id, "state": "ACTIVE", "source": "UPLOADED",
	}
	if f.displayName != "" {
		out["displayName"] = f.displayName
	}
	return out
}
