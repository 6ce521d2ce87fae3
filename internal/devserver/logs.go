package devserver

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"example.com/gemini-webhook/internal/trace"
)

const (
	maxLog     = 50      // lines of one delivery
	maxLogLine = 2 << 10 // bytes
)

// logs joins lines of the receiver's log with deliveries: each gets a trace, as Cloud Run
// gives it one, and what is done for it later is logged under it, too.
type logs struct {
	records *records
	out     io.Writer
	prefix  string // of the traces: 16 hexadecimal digits; then comes seq
}

func newLogs(rs *records, out io.Writer) *logs {
	if out == nil {
		out = io.Discard
	}
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	random[0] |= 1              // no trace is all zeros
	return &logs{rs, out, hex.EncodeToString(random[:])}
}

// mark gives a request a trace, unless it has one: lines of that are joined with none.
func (l *logs) mark(h http.Header, seq int64) {
	if trace.Of(h).Trace == "" {
		h.Set("X-Cloud-Trace-Context", fmt.Sprintf("%s%016x/%d", l.prefix, seq, seq))
	}
}

// Write gets one line.
func (l *logs) Write(line []byte) (int, error) {
	if _, rest, found := bytes.Cut(line, []byte("/traces/"+l.prefix)); found && len(rest) > 16 {
		if seq, err := strconv.ParseInt(string(rest[:16]), 16, 64); err == nil {
			l.records.logged(seq, line)
		}
	}
	return l.out.Write(line)
}

// logged keeps a line with its delivery.
func (rs *records) logged(seq int64, line []byte) {
	r := rs.find(seq)
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if r == nil || len(r.log) == maxLog {
		return
	}
	text := string(bytes.TrimSpace(line[:min(len(line), maxLogLine)]))
	r.log = append(r.log, text)
	r.logBytes += len(text)
	rs.bytes += len(text)
	rs.trim()
}
