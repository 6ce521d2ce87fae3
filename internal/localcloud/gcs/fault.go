package gcs

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Kind is a kind of operation, for counters and faults.
type Kind string

// The kinds.
const (
	OpRead   Kind = "read"
	OpInsert Kind = "insert" // object creation: in one request, or the first of a resumable upload
	OpUpload Kind = "upload" // the further requests of a resumable upload
	OpGet    Kind = "get"    // attributes
	OpList   Kind = "list"
	OpOther  Kind = "other" // answered with 400
)

// Op is one request, as the hook of Server.Fail sees it.
type Op struct {
	Kind   Kind
	Bucket string
	Object string // the name; for OpList the prefix asked for
	// Offset and Length are what a read asks for, in bytes, in the manner of
	// ObjectHandle.NewRangeReader: a negative Offset counts from the end, a
	// negative Length means to the end.
	Offset, Length int64
}

// Fault is what goes wrong with one operation. Its parts combine in the order
// of the fields; the zero value is no fault.
type Fault struct {
	// Delay passes before anything is done or answered.
	Delay time.Duration
	// Status, where not 0, is answered in place of the operation, which is not
	// done.
	Status int
	// Stall is a silence after StallAfter bytes of the answer's body (0: after
	// its headers), which then continues.
	Stall      time.Duration
	StallAfter int64
	// Cut ends the answer's body after CutAfter bytes. The operation is done:
	// a cut answer to an insert is one whose object exists.
	Cut      Cut
	CutAfter int64
}

// Cut is how an answer ends too early.
type Cut int

const (
	// CutNone does not cut.
	CutNone Cut = iota
	// CutReset resets the connection; the client sees an error.
	CutReset
	// CutShort makes the answer look complete: Content-Length and Content-Range
	// agree with what is sent, and the checksum is left out. Only who knows the
	// object's size notices.
	CutShort
)

// answer is a response before its fault.
type answer struct {
	status int
	header http.Header
	body   io.Reader
	size   int64 // of the body
	// first and total describe the range of a 206.
	first, total int64
}

// copyBuffer is big because the throughput of big reads is measured with it.
const copyBuffer = 256 << 10

// send writes the answer with its fault.
func (s *Server) send(w http.ResponseWriter, r *http.Request, a answer, f Fault) {
	if f.Cut == CutShort {
		a.size = min(a.size, f.CutAfter)
		a.header.Del("X-Goog-Hash")
	}
	if a.status == http.StatusPartialContent {
		a.header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", a.first, a.first+a.size-1, a.total))
	}
	a.header.Set("Content-Length", strconv.FormatInt(a.size, 10))
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	if f.Cut == CutReset {
		a.size = min(a.size, f.CutAfter)
	}
	if f.Stall > 0 {
		head := min(a.size, f.StallAfter)
		copyBody(w, r, a.body, head)
		a.size -= head
		flush(w)
		if !s.Sleep(r.Context(), f.Stall) {
			panic(http.ErrAbortHandler)
		}
	}
	copyBody(w, r, a.body, a.size)
	if f.Cut == CutReset {
		flush(w)
		reset(w)
	}
}

func copyBody(w http.ResponseWriter, r *http.Request, body io.Reader, n int64) {
	if r.Method == http.MethodHead || n == 0 {
		return
	}
	// The struct hides ReadFrom, whose buffer is small.
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, io.LimitReader(body, n), make([]byte, min(n, copyBuffer)))
	if err != nil { // the client has gone
		panic(http.ErrAbortHandler)
	}
}

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() } // fails only where the client has gone

// reset ends the connection with a TCP reset.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_ = conn.(*net.TCPConn).SetLinger(0) // without it the client sees an early end, an error too
	_ = conn.Close()
}
