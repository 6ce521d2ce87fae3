package gemini

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"example.com/gemini-webhook/internal/localcloud/rest"
)

const (
	// maxFileID is the longest id that files.delete takes; ids of result files are longer, which is why it fails on them.
	maxFileID  = 40
	longFileID = "File ID (name excluding 'files/') cannot be more than 40 characters." // as observed

	// publicURL is what the API's answers call it, wherever the simulator listens.
	publicURL = "https://generativelanguage.googleapis.com/v1beta/"
)

// downloadURL is where a result (files/…) is downloaded, as events and operations say it.
func downloadURL(name string) string { return publicURL + name + ":download?alt=media" }

var fileIDForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// file is an uploaded file, the result of a batch or a video; it does not change once it is there.
type file struct {
	header
	displayName, mime string
	content           []byte             // of an upload
	open              func() io.ReaderAt // of a result: its content, made while it is read; size bytes
	size              int64
	result            bool // of a job: not listed, and all that can be downloaded
}

func (s *Server) routeFiles(mux *http.ServeMux) {
	mux.HandleFunc("POST "+uploadPath, s.upload)
	mux.Handle("GET /v1beta/files", list(s, &s.files, "files", "nextPageToken", func(f *file) bool { return !f.result }))
	mux.HandleFunc("GET /v1beta/files/{id}", func(w http.ResponseWriter, r *http.Request) {
		if id := r.PathValue("id"); strings.Contains(id, ":") {
			s.download(w, r)
		} else if s.opts.OldFiles && len(id) > maxFileID {
			rest.WriteError(w, rest.Invalid("* GetFileRequest.name: "+longFileID))
		} else {
			get(s, &s.files).ServeHTTP(w, r)
		}
	})
	mux.HandleFunc("GET /download/v1beta/files/{id}", s.download)
	mux.Handle("DELETE /v1beta/files/{id}", rest.Method(func(w http.ResponseWriter, r *http.Request) (any, *rest.Error) {
		if len(r.PathValue("id")) > maxFileID {
			return nil, rest.Invalid("* DeleteFileRequest.name: " + longFileID)
		}
		return remove(s, &s.files, nil)(w, r)
	}))
}

// download sends a result file, or the ranges of it that are asked for.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	id, verb := rest.SplitVerb(r.PathValue("id"))
	s.mu.Lock()
	f, err := s.files.find(id)
	s.mu.Unlock()
	switch {
	case verb != "download":
		rest.WriteError(w, rest.NotFound("files have the method :download"))
	case r.URL.Query().Get("alt") != "media":
		rest.WriteError(w, rest.Invalid("Downloads need alt=media."))
	case err != nil:
		rest.WriteError(w, err)
	case !f.result:
		rest.WriteError(w, rest.Invalid("Only generated files can be downloaded."))
	default:
		w.Header().Set("Content-Type", f.mime)
		http.ServeContent(w, r, "", f.created, io.NewSectionReader(f.open(), 0, f.size))
	}
}

// addFile keeps a file under a new id, or the given one; s.mu must be held.
func (s *Server) addFile(f *file) {
	id := f.id
	f.header = s.newHeader("file", "", 12)
	f.id = cmp.Or(id, f.id)
	f.expires = s.expiry()
	s.files.all = append(s.files.all, f)
}

func (f *file) render(s *Server) map[string]any {
	name := "files/" + f.id
	out := map[string]any{
		"name": name, "mimeType": f.mime, "sizeBytes": strconv.FormatInt(f.size, 10), "uri": publicURL + name, "state": "ACTIVE",
		"createTime": rest.Stamp(f.created), "updateTime": rest.Stamp(f.created),
	}
	if s.opts.Retention > 0 {
		out["expirationTime"] = rest.Stamp(f.created.Add(s.scaled(s.opts.Retention)))
	}
	if f.result {
		out["source"], out["downloadUri"] = "GENERATED", downloadURL(name)
	} else {
		sum := sha256.Sum256(f.content)
		out["source"], out["sha256Hash"] = "UPLOADED", base64.StdEncoding.EncodeToString(sum[:])
	}
	if f.displayName != "" {
		out["displayName"] = f.displayName
	}
	return out
}
