package gcs

import "time"

// Kind is a kind of operation, for counters and faults.
type Kind string

// The kinds. A resumable upload is one OpInsert, which starts it, and one
// OpChunk per request that carries bytes or asks how many arrived.
const (
	OpRead   Kind = "read"   // media, by the XML or the JSON API
	OpInsert Kind = "insert" // object creation
	OpChunk  Kind = "chunk"  // part of a resumable upload
	OpGet    Kind = "get"    // attributes
	OpList   Kind = "list"
	OpDelete Kind = "delete"
	OpBucket Kind = "bucket" // anything on buckets themselves
)

// Op is one request, as the hook of Server.Fail sees it.
type Op struct {
	Kind   Kind
	Bucket string
	// Object is the name; for OpInsert the one in the URL, where Google's Go
	// client writes it; for OpList the prefix asked for.
	Object string
	// Offset and Length are what was asked for, in bytes, in the manner of
	// ObjectHandle.NewRangeReader: a negative Offset counts from the end, a
	// negative Length means to the end. For OpInsert and OpChunk, Length is the
	// size of the request's body.
	Offset, Length int64
}

// Fault is what goes wrong with one operation. Its parts combine in the order
// of the fields; the zero value is no fault.
type Fault struct {
	// Delay passes before anything is done or answered.
	Delay time.Duration
	// Status, where not 0, is answered with an error body in place of the
	// operation, which is not done.
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
	// agree with what is sent, and the checksums are left out. Only who knows
	// the object's size can tell.
	CutShort
)
