package gemini

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"example.com/gemini-webhook/internal/localcloud/rest"
)

const (
	uploadPath   = "/upload/v1beta/files"
	maxFileBytes = 2 << 30 // 2 GiB, the Files API's limit
	maxUploads   = 1000    // begun and not finished; a client that leaves them behind is refused
)

// upload is a resumable upload under way.
type upload struct {
	mu      sync.Mutex // one chunk at a time
	target  file
	content bytes.Buffer
}

// upload speaks the resumable protocol as far as the SDKs do: the command "start" answers with a URL; "upload" and "upload,
// finalize" are sent to that URL.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	commands := map[string]bool{}
	for _, command := range strings.Split(r.Header.Get("X-Goog-Upload-Command"), ",") {
		commands[strings.ToLower(strings.TrimSpace(command))] = true
	}
	if commands["start"] {
		s.startUpload(w, r)
		return
	}
	id := r.URL.Query().Get("upload_id")
	s.mu.Lock()
	up := s.uploads[id]
	s.mu.Unlock()
	if up == nil {
		rest.WriteError(w, rest.NotFound("No such upload. Begin one with X-Goog-Upload-Command: start."))
		return
	}
	up.mu.Lock()
	defer up.mu.Unlock()
	switch {
	case commands["upload"] || commands["finalize"]:
		if err := up.receive(w, r); err != nil {
			uploadStatus(w, "active")
			rest.WriteError(w, err)
			return
		}
		if !commands["finalize"] {
			uploadStatus(w, "active")
			w.WriteHeader(http.StatusOK)
			return
		}
		s.finishUpload(w, id, up)
	default:
		rest.WriteError(w, rest.Invalid("X-Goog-Upload-Command must be start, upload or finalize."))
	}
}

func (s *Server) startUpload(w http.ResponseWriter, r *http.Request) {
	var in struct {
		File json.RawMessage `json:"file"`
	}
	var meta struct {
		Name        string `json:"name"`
		DisplayName string `json:"display_name"`
		MIMEType    string `json:"mime_type"`
	}
	err := rest.ReadBody(w, r, &in)
	if err == nil && len(in.File) > 0 {
		err = rest.Decode(in.File, &meta, "size_bytes") // output only
	}
	id := strings.TrimPrefix(meta.Name, "files/")
	if err == nil && id != "" && !fileIDForm.MatchString(id) {
		err = rest.Invalid("file.name: up to %d lower case letters, digits and dashes, no dash at either end.", maxFileID)
	}
	if err != nil {
		rest.WriteError(w, err)
		return
	}
	mime := cmp.Or(r.Header.Get("X-Goog-Upload-Header-Content-Type"), meta.MIMEType, "application/octet-stream")
	s.mu.Lock()
	if len(s.uploads) >= maxUploads {
		s.mu.Unlock()
		rest.WriteError(w, &rest.Error{Code: http.StatusTooManyRequests, Status: "RESOURCE_EXHAUSTED", Message: "Too many unfinished uploads."})
		return
	}
	uploadID := s.drawID("upload", 40)
	s.uploads[uploadID] = &upload{target: file{header: header{id: id}, displayName: meta.DisplayName, mime: mime}}
	s.mu.Unlock()
	uploadStatus(w, "active")
	w.Header().Set("X-Goog-Upload-URL", s.URL()+uploadPath+"?upload_id="+uploadID+"&upload_protocol=resumable")
	rest.WriteJSON(w, http.StatusOK, rest.Empty{})
}

// receive appends one chunk, which must begin where the last one ended. A chunk that breaks off leaves nothing behind.
func (up *upload) receive(w http.ResponseWriter, r *http.Request) *rest.Error {
	size := up.content.Len()
	offset, err := strconv.Atoi(r.Header.Get("X-Goog-Upload-Offset"))
	if err != nil || offset != size {
		return rest.Invalid("X-Goog-Upload-Offset must be %d, the size received so far.", size)
	}
	if _, err := io.Copy(&up.content, http.MaxBytesReader(w, r.Body, int64(maxFileBytes-size))); err != nil {
		up.content.Truncate(size)
		return rest.Invalid("The chunk broke off, or the file exceeds 2 GiB.")
	}
	return nil
}

func (s *Server) finishUpload(w http.ResponseWriter, id string, up *upload) {
	s.dropUpload(id)
	uploadStatus(w, "final") // of errors too, or the SDK sends the chunk again
	f := up.target
	f.content = up.content.Bytes()
	f.size = int64(len(f.content))
	s.mu.Lock()
	if _, free := s.files.find(f.id); f.id != "" && free == nil {
		s.mu.Unlock()
		rest.WriteError(w, &rest.Error{Code: http.StatusConflict, Status: "ALREADY_EXISTS", Message: "A file of this name exists; delete it first."})
		return
	}
	s.addFile(&f)
	out := f.render(s)
	s.mu.Unlock()
	rest.WriteJSON(w, http.StatusOK, map[string]any{"file": out})
}

func (s *Server) dropUpload(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.uploads, id)
}

func uploadStatus(w http.ResponseWriter, status string) {
	w.Header().Set("X-Goog-Upload-Status", status)
}
