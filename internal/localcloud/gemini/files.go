package gemini

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// maxFileID is the longest id that files.get takes; ids of result files are longer, which is why it fails on them.
const maxFileID = 40

var fileIDForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// file is an uploaded file, the result of a batch or a video; it does not change once it is there.
type file struct {
	seq                   uint64
	id, displayName, mime string
	content               []byte
	created               time.Time
	result                bool // of a job: not listed, and all that can be downloaded
}

func (s *Server) routeFiles(mux *http.ServeMux) {
	mux.HandleFunc("POST "+uploadPath, s.upload)
	mux.Handle("GET /v1beta/files", method(s.listFiles))
	mux.HandleFunc("GET /v1beta/files/{call}", func(w http.ResponseWriter, r *http.Request) {
		id, verb := splitVerb(r.PathValue("call"))
		switch verb {
		case "":
			method(func(http.ResponseWriter, *http.Request) (any, *apiError) { return s.getFile(id) }).ServeHTTP(w, r)
		case "download":
			s.download(w, r, id)
		default:
			writeError(w, notFound("files have the method :download"))
		}
	})
	mux.HandleFunc("GET /download/v1beta/files/{call}", func(w http.ResponseWriter, r *http.Request) {
		id, verb := splitVerb(r.PathValue("call"))
		if verb != "download" {
			writeError(w, notFound("files have the method :download"))
			return
		}
		s.download(w, r, id)
	})
	mux.Handle("DELETE /v1beta/files/{id}", method(s.deleteFile))
}

// fileByID is nil where there is none; s.mu must be held.
func (s *Server) fileByID(id string) *file {
	for _, f := range s.files {
		if f.id == id {
			return f
		}
	}
	return nil
}

// noFile is Gemini's answer for a file that is not there, as for one that is not yours.
func noFile() *apiError {
	return &apiError{Code: http.StatusForbidden, Status: "PERMISSION_DENIED",
		Message: "You do not have permission to access the File or it may not exist."}
}

func (s *Server) getFile(id string) (any, *apiError) {
	if len(id) > maxFileID {
		return nil, invalid("The file id may have up to %d characters; results of batches can be downloaded only.", maxFileID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.fileByID(id)
	if f == nil {
		return nil, noFile()
	}
	return s.renderFile(f), nil
}

func (s *Server) listFiles(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	uploaded := slices.DeleteFunc(slices.Clone(s.files), func(f *file) bool { return f.result })
	files, next, err := pageOf(uploaded, func(f *file) uint64 { return f.seq }, r.URL.Query())
	if err != nil {
		return nil, err
	}
	var items []map[string]any
	for _, f := range files {
		items = append(items, s.renderFile(f))
	}
	return paged(items, next, "files", "nextPageToken"), nil
}

func (s *Server) deleteFile(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.fileByID(r.PathValue("id"))
	if f == nil {
		return nil, noFile()
	}
	s.files = slices.DeleteFunc(s.files, func(other *file) bool { return other == f })
	return empty{}, nil
}

// download sends a result file, or the ranges of it that are asked for.
func (s *Server) download(w http.ResponseWriter, r *http.Request, id string) {
	if r.URL.Query().Get("alt") != "media" {
		writeError(w, invalid("Downloads need alt=media."))
		return
	}
	s.mu.Lock()
	f := s.fileByID(id)
	s.mu.Unlock()
	switch {
	case f == nil:
		writeError(w, noFile())
	case !f.result:
		writeError(w, invalid("Only generated files can be downloaded."))
	default:
		w.Header().Set("Content-Type", f.mime)
		http.ServeContent(w, r, "", f.created, bytes.NewReader(f.content))
	}
}

// addFile keeps a file under a new id, or the given one; s.mu must be held.
func (s *Server) addFile(f *file) {
	generated := s.drawID("file", 12)
	if f.id == "" {
		f.id = generated
	}
	f.seq = s.counters["file"]
	f.created = s.opts.Now()
	s.files = append(s.files, f)
}

// renderFile is the file as get shows it; s.mu must be held.
func (s *Server) renderFile(f *file) map[string]any {
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
