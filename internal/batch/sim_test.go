package batch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/archive"
	"example.com/gemini-webhook/internal/event"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
	"example.com/gemini-webhook/internal/source"
)

// sim is a Worker on clouds in memory whose calls happen one at a time, in an
// order that a seed decides: between any two calls of a task another task may go
// on, a message may come again, state may be deleted, an object replaced, a
// process killed. Its clock is its own.
type sim struct {
	t      *testing.T
	random *rand.Rand
	now    time.Time
	worker *Worker

	state   memory
	results map[string][]version // by object name, or simFile; the last one is there
	copies  map[string]version   // the archive
	copied  bool                 // the results are in a file of the Gemini API
	lines   map[place]bool       // published

	queue       []*simMessage
	running     []*simTask
	letters     []*simMessage   // dead
	completed   int             // batch.completed
	completions map[string]bool // their ids
	modes       map[string]bool // of what is published of lines and batches
	replaced    bool
	calm        bool // no more trouble
	rarity      int  // of troubles, steps
	queued      int  // messages, ever
	trace       []string
}

// version is a generation of a result object.
type version struct {
	generation int64
	content    string
}

// place is where a line stands.
type place struct {
	name       string
	generation int64
	offset     int
}

// simMessage is a message of the queue.
type simMessage struct {
	kind               string
	data               []byte
	id                 string
	attempt            int
	published, visible time.Time
	deliveries         int // under way
	acked              bool
}

// simTask is a message that is worked on.
type simTask struct {
	message *simMessage
	attempt int
	name    string
	resume  chan struct{}
	yielded chan bool // whether it has ended
	killed  bool
	err     error
}

const simAttempts = 8 // MAX_DELIVERY_ATTEMPTS

var (
	errKilled    = errors.New("the process is dead")
	errTransient = errors.New("a transient error")
)

type simKey struct{}

func newSim(t *testing.T, seed uint64) *sim {
	s := &sim{
		t: t, random: rand.New(rand.NewPCG(seed, 1)), now: time.Date(2026, 1, 22, 12, 0, 0, 0, time.UTC),
		results: make(map[string][]version), copies: make(map[string]version), lines: make(map[place]bool), completions: make(map[string]bool), modes: make(map[string]bool),
	}
	s.state.objects = make(map[string]entry)
	s.rarity = []int{40, 150, 150, 400}[s.random.IntN(4)]
	if s.copied = s.random.IntN(3) == 0; s.copied {
		s.put(simFile)
	}
	for i := range 1 + s.random.IntN(3) {
		if !s.copied {
			s.put(fmt.Sprintf("out/%d.jsonl", i))
		}
	}
	objects := &object.Store{Storage: simStorage{s}, Allowed: object.Allowed{
		Locations: []object.Location{{Bucket: "results"}}, StateBucket: "state", Archive: object.Location{Bucket: "archive", Prefix: archive.Prefix},
	}}
	s.worker = NewWorker(Config{
		Queue: simQueue{s}, Outcomes: simTopic{s}, Results: simStream{s},
		Source: &source.Finder{
			Objects: objects, Archive: &archive.Store{Bucket: simArchive{s}}, Jobs: simJobs{s}, Files: simFiles{s}, Log: slog.New(slog.DiscardHandler),
		},
		State: NewState(simStore{s}), Factory: outcome.NewFactory("sim", s.clock),
		Mode: Lines, ChunkBytes: 20 + s.random.Int64N(300), MaxLineBytes: 1 << 20, MaxAttempts: simAttempts,
		Now: s.clock, Log: slog.New(slog.DiscardHandler),
	})
	s.worker.both = s.both
	return s
}

// both does what happens at the same time, in an order of its own.
func (s *sim) both(a, b func() error) error {
	if s.random.IntN(2) == 0 {
		a, b = b, a
	}
	return cmp.Or(a(), b())
}

func (s *sim) clock() time.Time { return s.now }

// put stores a new generation of a result object, of its own number of lines and
// bytes.
func (s *sim) put(name string) {
	var content strings.Builder
	for i := range 1 + s.random.IntN(8) {
		fmt.Fprintf(&content, `{"key":"%d","response":{"candidates":[{"content":{"parts":[{"text":%q}]}}]}}`+"\n", i, strings.Repeat("x", s.random.IntN(100)))
	}
	versions := s.results[name]
	s.results[name] = append(versions, version{int64(len(versions) + 1), content.String()})
}

func (s *sim) logf(format string, args ...any) {
	s.trace = append(s.trace, s.now.Format("15:04:05 ")+fmt.Sprintf(format, args...))
}

func (s *sim) enqueue(kind string, data []byte, visible time.Time) {
	s.queued++
	s.queue = append(s.queue, &simMessage{kind: kind, data: data, id: fmt.Sprint("m", s.queued), published: visible, visible: visible})
}

// deliverEvent queues the batch's event, as a webhook of that number has it.
func (s *sim) deliverEvent(webhook int, visible time.Time) {
	pointer := "gs://results/out/"
	if s.copied {
		pointer = simFile
	}
	s.deliverPointer(webhook, pointer, visible)
}

// deliverPointer is deliverEvent of an event with a pointer.
func (s *sim) deliverPointer(webhook int, pointer string, visible time.Time) {
	body := fmt.Sprintf(`{"type":"batch.succeeded","data":{"id":"batches/1","output_file_uri":%q}}`, pointer)
	s.enqueue(event.Kind, event.Encode(event.Delivery{ID: fmt.Sprint("msg_", webhook), ReceivedAt: s.now, Mode: "static"}, []byte(body)), visible)
}

// run goes on until nothing is queued and nothing under way.
func (s *sim) run() {
	for step := 0; ; step++ {
		if step > 20_000 {
			s.t.Fatal("does not come to an end")
		}
		s.now = s.now.Add(time.Duration(s.random.IntN(300)) * time.Millisecond)
		if !s.calm && step > 400 {
			s.calm = true
			s.logf("no more trouble")
		}
		ready := slices.DeleteFunc(slices.Clone(s.queue), func(m *simMessage) bool { return m.deliveries > 0 || m.visible.After(s.now) })
		switch {
		case len(s.running) < 3 && len(ready) > 0 && s.random.IntN(3) == 0, len(s.running) == 0 && len(ready) > 0:
			s.start(ready[s.random.IntN(len(ready))])
		case len(s.running) > 0:
			s.goOn(s.running[s.random.IntN(len(s.running))])
		case len(s.queue) > 0: // all in back-off
			s.now = slices.MinFunc(s.queue, func(a, b *simMessage) int { return a.visible.Compare(b.visible) }).visible
		default:
			return
		}
		if !s.calm {
			s.trouble()
		}
	}
}

// trouble does, now and then, what the state, the objects and the processes may
// meet.
func (s *sim) trouble() {
	switch s.random.IntN(s.rarity) {
	case 0, 1:
		share := []float64{0.2, 0.5, 1}[s.random.IntN(3)]
		part := []string{"", "", "plan", "range/", "queued", "flag/", "complet"}[s.random.IntN(7)]
		var gone []string
		for _, name := range s.state.names() {
			if strings.Contains(name, part) && s.random.Float64() < share {
				delete(s.state.objects, name)
				gone = append(gone, name[min(len(name), 68):])
			}
		}
		s.logf("deleted %v", gone)
	case 2:
		if s.copied { // it comes back, under another generation
			clear(s.copies)
			s.logf("deleted the copy")
			return
		}
		if s.replaced || s.random.IntN(3) > 0 { // most batches keep their objects
			return
		}
		s.replaced = true
		name := fmt.Sprintf("out/%d.jsonl", s.random.IntN(len(s.results)))
		s.put(name)
		s.logf("replaced %s", name)
	case 3:
		if len(s.running) > 0 {
			task := s.running[s.random.IntN(len(s.running))]
			task.killed = true
			s.logf("killed %s", task.name)
			s.goOn(task)
		}
	case 4: // Pub/Sub delivers what is under way once more
		if len(s.running) > 0 && len(s.running) < 4 {
			s.start(s.running[s.random.IntN(len(s.running))].message)
		}
	case 5: // long enough for a task to be out of time
		s.now = s.now.Add(time.Duration(s.random.IntN(600)) * time.Second)
	}
}

// start begins to work on a message, up to its first call.
func (s *sim) start(m *simMessage) {
	m.attempt++
	m.deliveries++
	task := &simTask{message: m, attempt: m.attempt, resume: make(chan struct{}), yielded: make(chan bool)}
	t := Task{MessageID: m.id, Published: m.published, Attempt: m.attempt, Cutoff: s.now.Add(6 * time.Minute)}
	var err error
	if m.kind == event.Kind {
		task.name = m.id + " event"
		t.Event, err = event.Decode(m.data)
		t.Key = t.Event.Key
	} else {
		t.Range, err = DecodeRange(m.data)
		t.Key = t.Range.Key
		task.name = fmt.Sprintf("%s range %d %d-%d keeper %+v", m.id, t.Range.Object, t.Range.Start, t.Range.End, t.Range.Keeper)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.logf("start %s, attempt %d", task.name, m.attempt)
	s.running = append(s.running, task)
	go func() {
		<-task.resume
		task.err = s.worker.Do(context.WithValue(context.Background(), simKey{}, task), t)
		task.yielded <- true
	}()
	s.goOn(task)
}

// goOn lets a task make its next call and go up to the one behind it.
func (s *sim) goOn(task *simTask) {
	task.resume <- struct{}{}
	if ended := <-task.yielded; !ended {
		return
	}
	s.running = slices.DeleteFunc(s.running, func(other *simTask) bool { return other == task })
	m := task.message
	m.deliveries--
	switch {
	case m.acked:
	case task.err == nil && !task.killed:
		m.acked = true
		s.logf("acked %s", task.name)
	case task.attempt >= simAttempts:
		m.acked = true
		s.letters = append(s.letters, m)
		s.logf("dead letter %s: %v", task.name, task.err)
	default:
		s.logf("failed %s: %v", task.name, task.err)
		m.visible = s.now.Add(min(10*time.Second<<task.attempt, 10*time.Minute))
	}
	if m.acked {
		s.queue = slices.DeleteFunc(s.queue, func(other *simMessage) bool { return other == m })
	}
}

// call makes one call of a task, when it is its turn.
func (s *sim) call(ctx context.Context, do func() error) error {
	task := ctx.Value(simKey{}).(*simTask)
	if !task.killed {
		task.yielded <- false
		<-task.resume
	}
	switch {
	case task.killed:
		return errKilled
	case !s.calm && s.random.IntN(60) == 0:
		return errTransient
	case !s.calm && s.random.IntN(60) == 0: // it is done, and the answer is lost
		return cmp.Or(do(), errTransient)
	}
	return do()
}

func (m *memory) names() []string {
	names := make([]string, 0, len(m.objects))
	for name := range m.objects {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
