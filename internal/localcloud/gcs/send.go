package gcs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
)

// copyBuffer is big because the throughput of big reads is measured with it.
const copyBuffer = 256 << 10

// answer is a response before faults.
type answer struct {
	status int
	header http.Header
	body   io.Reader
	size   int64 // of the body, bytes; -1 where unknown until it was read
	// first and total describe the range of a 206.
	first, total int64
}

func (a *answer) setBody(b []byte) {
	a.body, a.size = bytes.NewReader(b), int64(len(b))
}

func jsonAnswer(v any) (answer, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return answer{}, fmt.Errorf("gcs: encode answer: %w", err)
	}
	a := answer{status: http.StatusOK, header: http.Header{}}
	a.header.Set("Content-Type", "application/json; charset=UTF-8")
	a.setBody(body)
	return a, nil
}

// send writes the answer with its fault.
func (s *Server) send(w http.ResponseWriter, r *http.Request, a answer, f Fault) {
	if a.body == nil {
		a.body = http.NoBody
	}
	if f.Cut == CutShort {
		a.body = io.LimitReader(a.body, f.CutAfter)
		if a.size >= 0 {
			a.size = min(a.size, f.CutAfter)
		}
		a.header.Del("X-Goog-Hash")
	}
	if a.status == http.StatusPartialContent {
		a.header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", a.first, a.first+a.size-1, a.total))
	}
	if a.size >= 0 && a.status != http.StatusNotModified {
		a.header.Set("Content-Length", strconv.FormatInt(a.size, 10))
	}
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	flush := func() { _ = http.NewResponseController(w).Flush() } // fails only where the client has gone
	if a.size < 0 {
		flush() // or a small body would get a Content-Length
	}
	if r.Method != http.MethodHead {
		s.copyBody(w, r, a, f, flush)
	}
	if f.Cut == CutReset {
		flush()
		reset(w)
	}
}

func (s *Server) copyBody(w http.ResponseWriter, r *http.Request, a answer, f Fault, flush func()) {
	body := a.body
	if f.Cut == CutReset {
		body = io.LimitReader(body, f.CutAfter)
	}
	size := int64(copyBuffer)
	if a.size >= 0 {
		size = max(1, min(size, a.size))
	}
	buf := make([]byte, size)
	out := struct{ io.Writer }{w} // hides ReadFrom, whose buffer is small
	if f.Stall > 0 {
		if _, err := io.CopyBuffer(out, io.LimitReader(body, f.StallAfter), buf); err != nil {
			panic(http.ErrAbortHandler)
		}
		flush()
		s.wait(r.Context(), f.Stall)
	}
	if _, err := io.CopyBuffer(out, struct{ io.Reader }{body}, buf); err != nil {
		// The status is sent: a broken connection is all that can be said.
		panic(http.ErrAbortHandler)
	}
}

// reset ends the connection with a TCP reset.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // close with RST; without it the client sees an early end, an error too
	}
	_ = conn.Close()
}
