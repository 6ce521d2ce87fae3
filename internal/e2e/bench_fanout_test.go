package e2e

import (
	"fmt"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gcs"
)

const (
	rangesAtOnce = 4 // of an instance, as Terraform deploys it
	chunk        = 8 << 20
)

// BenchmarkFanOut is the CPU time of a line of 2 kB on its way from the object
// to Pub/Sub, in the receiver's process, next to that of publishing messages
// like its outcomes with the same client ("cpu-x"), and the lines per second
// next to those messages ("rate-x"). Pub/Sub, which discards, and Cloud Storage
// are in the benchmark's process.
func BenchmarkFanOut(b *testing.B) {
	const rounds, lines = 8, rangesAtOnce * chunk / generatedLine
	got := samples{}
	for b.Loop() {
		r := newBench(b)
		r.plan(b, 1)
		r.push(b, 1)
		like := r.pubsub.oneResult()
		ready := startAlone(b, r.cloud.PubSub.Addr(), load{Topic: localcloud.ResultsTopic, How: "stream", Workers: rangesAtOnce, Data: like.GetData(), Attributes: like.GetAttributes()})
		var fanOut, alone time.Duration
		for range rounds {
			r.plan(b, lines)
			begin := time.Now()
			r.push(b, rangesAtOnce)
			fanOut += time.Since(begin)
			alone += ready.publish(b, lines)
		}
		each := func(d time.Duration) float64 { return float64(d.Microseconds()) / (rounds * lines) }
		cpu, cpuAlone := each(r.receiver.cpu(b)), each(ready.cpu(b))
		got.add("line-us", cpu)
		got.add("ready-us", cpuAlone)
		got.add("cpu-x", cpu/cpuAlone)
		got.add("lines/s", 1e6/each(fanOut))
		got.add("ready/s", 1e6/each(alone))
		got.add("rate-x", float64(alone)/float64(fanOut))
	}
	got.report(b)
}

// BenchmarkMemory is the most that the receiver has resident while it works on
// generated results, one range at a time.
func BenchmarkMemory(b *testing.B) {
	for name, size := range map[string]int64{"256MiB": 256 << 20, "2GiB": 2 << 30} {
		b.Run(name, func(b *testing.B) {
			got := samples{}
			for b.Loop() {
				r := newBench(b)
				lines := size/generatedLine + 1
				r.plan(b, lines)
				r.push(b, 1)
				if _, distinct, _ := r.pubsub.results(); int64(distinct) != lines {
					b.Fatalf("%d lines, want %d", distinct, lines)
				}
				got.add("peak-MiB", float64(r.receiver.peakMemory(b))/(1<<20))
				r.receiver.kill()
			}
			got.report(b)
		})
	}
}

// BenchmarkCopy is how long 256 MiB of a file of the Gemini API take from the delivery
// to batch.completed, copied and worked on in ranges, four at once ("copied-s"): next to
// one range, as a file that is read in place would be ("one-x").
func BenchmarkCopy(b *testing.B) {
	const size, each = 256 << 20, 2000
	got := samples{}
	for b.Loop() {
		took := func(env ...string) time.Duration {
			r := newBench(b, env...)
			defer r.receiver.kill()
			r.job(b, size/each, each, true)
			begin := time.Now()
			r.push(b, rangesAtOnce)
			if n, distinct, _ := r.pubsub.results(); n != size/each || distinct != n {
				b.Fatalf("%d lines, %d different, want %d", n, distinct, size/each)
			}
			return time.Since(begin)
		}
		one, ranges := took(fmt.Sprint("CHUNK_BYTES=", 2*size)), took()
		got.add("one-s", one.Seconds())
		got.add("copied-s", ranges.Seconds())
		got.add("one-x", one.Seconds()/ranges.Seconds())
	}
	got.report(b)
}

// BenchmarkScale is how long 64 ranges of 64 KiB take in one receiver, where
// each operation of Cloud Storage and each publish takes 50 ms more, and how
// much faster they are when several are pushed at once ("…-x").
func BenchmarkScale(b *testing.B) {
	const ranges, size, injected = 64, 64 << 10, 50 * time.Millisecond
	got := samples{}
	for b.Loop() {
		r := newBench(b, "CHUNK_BYTES=65536")
		r.cloud.Storage.Fail(func(gcs.Op) *gcs.Fault { return &gcs.Fault{Delay: injected} })
		r.slow(injected)
		var alone time.Duration
		for _, atOnce := range []int{1, 4, 16} {
			r.plan(b, ranges*size/generatedLine)
			if n := len(r.pubsub.queue); n != ranges {
				b.Fatalf("%d ranges, want %d", n, ranges)
			}
			begin := time.Now()
			r.push(b, atOnce)
			took := time.Since(begin)
			if atOnce == 1 {
				alone = took
				got.add("1-s", took.Seconds())
				continue
			}
			got.add(fmt.Sprintf("%d-x", atOnce), alone.Seconds()/took.Seconds())
		}
		r.receiver.kill()
	}
	got.report(b)
}
