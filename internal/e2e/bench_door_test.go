package e2e

import (
	"fmt"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/localcloud"
)

// Rounds of BenchmarkDoorCPU: what is compared alternates, so that a change of
// the machine's mood meets all alike.
const (
	doorRounds = 30
	doorRound  = 400 // deliveries
)

// BenchmarkDoorCPU is the CPU time of a delivery of 300 bytes that is verified
// and published, in the receiver's process, next to that of publishing the same
// message alone and of net/http's empty handler: "…-x" is the receiver's over
// the sum of both.
func BenchmarkDoorCPU(b *testing.B) {
	for _, workers := range []int{1, 16} {
		b.Run(fmt.Sprintf("%d at once", workers), func(b *testing.B) {
			got := samples{}
			for b.Loop() {
				r := newBench(b, "DOORS=public")
				r.accept(b, smallEvent(0))
				queued := (<-r.pubsub.queue).GetData()
				r.drainQueue(b)
				nothing := startEmpty(b)
				publisher := func(how string) *alone {
					return startAlone(b, r.cloud.PubSub.Addr(), load{Topic: localcloud.QueueTopic, How: how, Workers: workers, Data: queued, Attributes: map[string]string{"kind": "event"}})
				}
				publishers := map[string]*alone{"unary": publisher("unary")}
				if workers > 1 { // a lone message would wait for the batch's timer
					publishers["batched"] = publisher("batched")
				}
				toDoor, toNothing := newSender(b, r.receiver.url()+hookPath), newSender(b, nothing.url())
				for range doorRounds {
					toDoor.closedLoop(b, doorRound, workers)
					toNothing.closedLoop(b, doorRound, workers)
					for _, p := range publishers {
						p.publish(b, doorRound)
					}
				}
				each := func(cpu time.Duration) float64 { return float64(cpu.Microseconds()) / doorRounds / doorRound }
				door, empty := each(r.receiver.cpu(b)), each(nothing.cpu(b))
				got.add("door-us", door)
				got.add("empty-us", empty)
				for how, p := range publishers {
					cpu := each(p.cpu(b))
					got.add(how+"-us", cpu)
					got.add(how+"-x", door/(empty+cpu))
				}
			}
			got.report(b)
		})
	}
}

// BenchmarkDoorLatency is how long deliveries take that come at 2,000 a second,
// answered or not, next to the same with an empty handler.
func BenchmarkDoorLatency(b *testing.B) {
	const count, rate = 20_000, 2000
	got := samples{}
	for b.Loop() {
		measure := func(name, url string) (p99 float64) {
			s := newSender(b, url)
			s.closedLoop(b, 500, 16) // connections, caches
			answers := openLoop(b, count, time.Second/rate, s.deliver)
			ms := func(share float64) float64 { return quantile(answers, share).Seconds() * 1000 }
			got.add(name+"-p50-ms", ms(0.50))
			got.add(name+"-p99-ms", ms(0.99))
			return ms(0.99)
		}
		r := newBench(b, "DOORS=public")
		r.drainQueue(b)
		door := measure("door", r.receiver.url()+hookPath)
		r.receiver.kill()
		nothing := startEmpty(b)
		got.add("p99-more-ms", door-measure("empty", nothing.url()))
		nothing.kill()
	}
	got.report(b)
}

func startEmpty(tb testing.TB) *child {
	tb.Helper()
	return launch(tb, roleCommand(tb, "empty"), (*child).healthy)
}
