package batch

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	jobsFolder = "v1/jobs/" // has the owners of jobs, each under its event.JobKey
	// RunsFolder has the reports of reconciliation, by the time at which each began:
	// the last name is that of the newest.
	RunsFolder = "v1/reconcile/runs/"
	// runTime is RFC 3339 in UTC, of one width, so that names sort by time.
	runTime = "2006-01-02T15:04:05.000000000Z"
)

// Jobs are the jobs that have an owner, 16 bytes each, sorted.
type Jobs [][16]byte

// Has reports whether a job of that key (event.JobKey) is one of them.
func (j Jobs) Has(key string) bool {
	id, ok := jobID(key)
	_, found := slices.BinarySearchFunc(j, id, compareIDs)
	return ok && found
}

func compareIDs(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) }

// jobID reads the hex digits of a key.
func jobID(key string) (id [16]byte, ok bool) {
	if len(key) != hex.EncodedLen(len(id)) {
		return id, false
	}
	n, err := hex.Decode(id[:], []byte(key))
	return id, err == nil && n == len(id)
}

// Jobs lists the jobs that have an owner. It lists them in sixteen parts, so that the
// entries of a bucket with millions are never held at once.
func (s *State) Jobs(ctx context.Context) (jobs Jobs, err error) {
	for _, digit := range "0123456789abcdef" {
		entries, err := s.store.List(ctx, jobsFolder+string(digit), "", "")
		if err != nil {
			return nil, fmt.Errorf("list jobs that have an owner: %w", err)
		}
		for _, e := range entries {
			if id, ok := jobID(strings.TrimPrefix(e.Name, jobsFolder)); ok {
				jobs = append(jobs, id)
			}
		}
	}
	slices.SortFunc(jobs, compareIDs)
	return jobs, nil
}

// SaveRun stores the report of the reconciliation that began at a time. Of two that
// began in one nanosecond one is stored.
func (s *State) SaveRun(ctx context.Context, began time.Time, report []byte) error {
	if err := s.put(ctx, RunsFolder+began.UTC().Format(runTime), report, nil); err != nil {
		return fmt.Errorf("store the report: %w", err)
	}
	return nil
}
