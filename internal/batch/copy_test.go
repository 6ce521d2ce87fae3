package batch_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/gemini-webhook/internal/batch"
	"example.com/gemini-webhook/internal/localcloud/gcs"
	"example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/object"
)

// dropCopies deletes what is in the archive.
func (r *rig) dropCopies() {
	for _, o := range r.gcs.List(archiveBucket, "") {
		r.gcs.Delete(archiveBucket, o.Name)
	}
}

// ids are those of the lines that were published.
func (r *rig) ids() map[string]bool {
	r.t.Helper()
	ids := make(map[string]bool)
	for _, p := range r.outcomes(resultsTopic) {
		ids[p.id] = true
	}
	return ids
}

// A copy that is deleted while ranges read it is made again, while Gemini has its
// bytes: no line is lost, none comes under another id, and where the state is there
// none comes twice.
func TestADeletedCopy(t *testing.T) {
	t.Parallel()
	for title, test := range map[string]struct {
		inFile bool
		after  int // tasks
		strike func(r *rig)
		repeat bool
		cause  string // of batch.incomplete
	}{
		"undisturbed list":               {},
		"undisturbed file":               {inFile: true},
		"list, after the plan":           {after: 1, strike: (*rig).dropCopies},
		"list, after some ranges":        {after: 4, strike: (*rig).dropCopies},
		"file, after some ranges":        {inFile: true, after: 4, strike: (*rig).dropCopies},
		"with the state":                 {after: 4, strike: func(r *rig) { r.dropCopies(); r.forget("") }, repeat: true},
		"with the plan":                  {after: 4, strike: func(r *rig) { r.dropCopies(); r.forget("plan") }},
		"the state alone, Gemini's gone": {inFile: true, after: 4, strike: func(r *rig) { r.forget(""); r.gemini.Advance(72 * time.Hour) }, repeat: true},
		"Gemini's gone":                  {after: 4, strike: func(r *rig) { r.dropCopies(); r.gemini.Advance(72 * time.Hour) }, cause: "no_results"},
		"Gemini's file is gone":          {inFile: true, after: 4, strike: func(r *rig) { r.dropCopies(); r.gemini.Advance(72 * time.Hour) }, cause: "denied"},
		"another stands there": {after: 4, strike: func(r *rig) {
			o := r.gcs.List(archiveBucket, "")[0]
			r.gcs.Put(archiveBucket, o.Name, []byte(strings.ToUpper(string(o.Data))), o.Attrs)
		}, cause: "differs from the copy"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).withGemini(gemini.Options{})
			r.deliver("msg_1", succeededWith(r.job(test.inFile), ""))
			for range test.after {
				r.step()
			}
			if test.strike != nil {
				test.strike(r)
			}
			if test.cause != "" {
				for range 30 {
					r.step()
				}
				all := r.outcomes(outcomesTopic)
				if len(all) != 1 || all[0].data["type"] != "batch.incomplete" || !strings.Contains(all[0].raw, test.cause) || !strings.Contains(all[0].raw, `"code":"not_found"`) || all[0].data["batch"] == nil {
					t.Errorf("outcomes %v, want batch.incomplete: %s", all, test.cause)
				}
				return
			}
			r.run()
			if _, repeats := r.lines(); len(r.ids()) != requests || repeats > 0 && !test.repeat || r.completed()["total"] != float64(requests) {
				t.Errorf("%d lines, %d repeats, totals %v, want %d", len(r.ids()), repeats, r.completed(), requests)
			}
		})
	}
}

// A copy that is made anew for the same event gives the same ids.
func TestCopiesGiveTheSameIDs(t *testing.T) {
	t.Parallel()
	r := newRig(t).withGemini(gemini.Options{})
	name := r.job(false)
	var first map[string]bool
	for range 2 {
		r.deliver("msg_1", succeededWith(name, ""))
		r.run()
		if first == nil {
			first = r.ids()
		}
		r.dropCopies()
		r.forget("")
	}
	if diff := cmp.Diff(first, r.ids()); diff != "" || len(first) != requests {
		t.Errorf("%d ids; (-first +both):\n%s", len(first), diff)
	}
}

// A copy ends when the instance stops, or when there is no time left: no object is
// made of a part, and the task comes again.
func TestACopyThatIsBrokenOff(t *testing.T) {
	t.Parallel()
	for title, test := range map[string]struct {
		call    string // at which
		pointer string
		stop    bool
		time    time.Duration // that the task has
		want    string
	}{
		"the instance stops":                           {call: "/download/", stop: true, time: time.Hour, want: "the instance stops"},
		"while the job of results in a bucket is read": {call: "/batches/", pointer: gsPointer, stop: true, time: time.Hour, want: "the instance stops"},
		"no time": {call: "/download/", time: 41 * time.Second, want: "make smaller batches"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).withGemini(gemini.Options{})
			r.gcs.Put(resultBucket, "results.jsonl", []byte(jsonl(requests)), gcs.Attrs{})
			r.deliver("msg_1", succeededWith(r.job(true), test.pointer))
			r.gemini.Fail(func(op gemini.Op) *gemini.Fault {
				if strings.Contains(op.Path, test.call) {
					if test.stop {
						close(r.stopping)
					}
					return &gemini.Fault{Delay: time.Hour}
				}
				return nil
			})
			task, _ := r.next()
			task.attempt, task.cutoff = 4, time.Now().Add(time.Minute) // the last but one
			ctx, cancel := context.WithTimeout(t.Context(), test.time)
			defer cancel()
			begin := time.Now()
			err := r.do(ctx, task)
			if err == nil || !strings.Contains(err.Error(), test.want) || time.Since(begin) > 20*time.Second {
				t.Errorf("after %v: %v, want %q", time.Since(begin), err, test.want)
			}
			if copies := r.gcs.List(archiveBucket, ""); len(copies) != 0 {
				t.Errorf("%d copies of a part", len(copies))
			}
			if all := r.outcomes(outcomesTopic); len(all) != 1 || !strings.Contains(all[0].raw, test.want) {
				t.Errorf("outcomes %v, want batch.incomplete that says %q", all, test.want)
			}
			r.gemini.Fail(nil)
			r.restart(chunk(1000))
			r.redo = append(r.redo, task)
			r.run()
			if results := r.completed(); results["total"] != float64(requests) || results["missing"] != 0.0 {
				t.Errorf("results %v, want %d, and that none is missing", results, requests)
			}
		})
	}
}

// An API that answers badly makes no copy, and is asked again.
func TestABrokenAnswerIsNoCopy(t *testing.T) {
	t.Parallel()
	for _, inFile := range []bool{false, true} {
		r := newRig(t).withGemini(gemini.Options{})
		r.deliver("msg_1", succeededWith(r.job(inFile), ""))
		cut := 0
		r.gemini.Fail(func(op gemini.Op) *gemini.Fault {
			if cut++; cut > 3 || inFile && !strings.Contains(op.Path, "/download/") {
				return nil
			}
			return &gemini.Fault{CutAfter: 900}
		})
		if err, _ := r.step(); err == nil || errors.Is(err, object.ErrNotFound) || errors.Is(err, batch.ErrWaiting) {
			t.Errorf("in a file: %v: got %v, want an error that may pass", inFile, err)
		}
		if copies := r.gcs.List(archiveBucket, ""); len(copies) != 0 {
			t.Errorf("in a file: %v: %d copies of a part", inFile, len(copies))
		}
		r.run()
		if total := r.completed()["total"]; total != float64(requests) {
			t.Errorf("in a file: %v: total %v", inFile, total)
		}
	}
}
