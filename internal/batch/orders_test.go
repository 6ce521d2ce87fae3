package batch

import (
	"fmt"
	"testing"

	"example.com/gemini-webhook/internal/event"
)

// TestOrders: a job's event and a look at the jobs meet in every order, one going on
// after each call of the other, and at that point nobody, the first, or both are killed.
// Whatever comes of it, the job has one batch.completed, and all is by one of the two.
func TestOrders(t *testing.T) {
	t.Parallel()
	for _, pointer := range []string{"", simFile, "gs://results/out/"} {
		t.Run("pointer "+pointer, func(t *testing.T) {
			t.Parallel()
			by := make(map[string]int)
			for order := range 2 {
				for kill := range 3 {
					step := 3
					if kill == 1 && !raceDetector { // the one that is most likely, and tells most
						step = 1
					}
					for first := 0; first < 40; first += step {
						for second := 0; second < 40; second += step {
							s, ended := meet(t, pointer, order == 0, kill, first, second)
							for mode := range s.modes {
								by[mode]++
							}
							if ended {
								break
							}
						}
					}
				}
			}
			if by["static"] == 0 || by[event.ModeReconciled] == 0 {
				t.Errorf("one of the two never wins: %v", by)
			}
		})
	}
}

// meet lets one message go on for some calls, then the other one, kills those that are
// to be killed, and then lets everything come to its end. ended says that the second one
// had fewer calls.
func meet(t *testing.T, pointer string, eventFirst bool, kill, first, second int) (s *sim, ended bool) {
	t.Helper()
	s = newSim(t, 1)
	s.calm, s.results = true, make(map[string][]version)
	s.put(simFile)
	s.put("out/0.jsonl")
	s.deliverPointer(1, pointer, s.now)
	job := event.Ended{Origin: event.OriginGeminiAPI, Type: event.TypeBatchSucceeded, Batch: event.Batch{Name: "batches/1"}}
	s.enqueue(event.Kind, job.Encode(s.now), s.now)
	messages := [2]*simMessage{s.queue[0], s.queue[1]}
	if !eventFirst {
		messages[0], messages[1] = messages[1], messages[0]
	}
	tasks := [2]*simTask{}
	for i, calls := range []int{first, second} {
		tasks[i] = s.begin(messages[i])
		ended = !s.goOnFor(tasks[i], calls)
	}
	for _, task := range tasks[:kill] {
		if s.underWay(task) {
			task.killed = true
			s.goOn(task)
		}
	}
	s.run()
	if len(s.completions) != 1 || len(s.modes) != 1 || len(s.letters) > 0 {
		t.Fatalf("pointer %q, event first %v, %d killed, after %d and %d calls: %d ids of batch.completed, modes %v, %d dead letters\n%v",
			pointer, eventFirst, kill, first, second, len(s.completions), s.modes, len(s.letters), s.trace)
	}
	return s, ended
}

// begin starts to work on a message.
func (s *sim) begin(m *simMessage) *simTask {
	s.start(m)
	for _, task := range s.running {
		if task.message == m {
			return task
		}
	}
	s.t.Fatal(fmt.Sprint("ended without a call: ", m.kind))
	return nil
}

// goOnFor lets a task make some calls, and reports whether it is still under way.
func (s *sim) goOnFor(task *simTask, calls int) bool {
	for range calls {
		if !s.underWay(task) {
			return false
		}
		s.goOn(task)
	}
	return s.underWay(task)
}

func (s *sim) underWay(task *simTask) bool {
	for _, other := range s.running {
		if other == task {
			return true
		}
	}
	return false
}
