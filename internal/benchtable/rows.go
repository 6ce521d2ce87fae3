package main

// row is a line of the table.
type row struct {
	what, against string
	measured      string // {unit} is the median of the metric's benchmark in that unit
	metric        metric
	base          metric // where it is set, the value is the metric's ratio to it
	unit          string // of the value
	limit         float64
	atLeast       bool
}

var rows = []row{
	{
		what: "door: CPU of a delivery of 300 B, 16 at once", against: "a publish request for each message alone + net/http's empty handler",
		measured: "{door-us} µs against {unary-us} + {empty-us} µs", metric: metric{"DoorCPU/16_at_once", "unary-x"}, unit: " times", limit: 1.3,
	},
	{
		what: "the same", against: "the batching publisher + the empty handler",
		measured: "{door-us} µs against {batched-us} + {empty-us} µs", metric: metric{"DoorCPU/16_at_once", "batched-x"}, unit: " times", limit: 1.3,
	},
	{
		what: "the same, one at a time", against: "a publish request for each message alone + the empty handler",
		measured: "{door-us} µs against {unary-us} + {empty-us} µs", metric: metric{"DoorCPU/1_at_once", "unary-x"}, unit: " times", limit: 1.3,
	},
	{
		what: "door: 20,000 deliveries at 2,000 a second, open loop", against: "an empty handler",
		measured: "p50 {door-p50-ms}, p99 {door-p99-ms} ms against {empty-p50-ms}, {empty-p99-ms} ms", metric: metric{"DoorLatency", "p99-more-ms"}, unit: " ms more at p99", limit: 10,
	},
	{
		what: "fan-out: CPU of a line of 2 kB, from the object to Pub/Sub", against: "publishing ready-made messages like its outcomes by the client's batching publisher",
		measured: "{line-us} µs against {ready-us} µs", metric: metric{"FanOut", "cpu-x"}, unit: " times", limit: 2,
	},
	{
		what: "fan-out: lines a second", against: "the same",
		measured: "{lines/s} against {ready/s}", metric: metric{"FanOut", "rate-x"}, unit: " times", limit: 0.8, atLeast: true,
	},
	{
		what: "memory: 256 MiB of results, one range at a time", measured: "peak RSS",
		metric: metric{"Memory/256MiB", "peak-MiB"}, unit: " MiB", limit: 128,
	},
	{
		what: "memory: 2 GiB of results, one range at a time", measured: "peak RSS",
		metric: metric{"Memory/2GiB", "peak-MiB"}, unit: " MiB", limit: 128,
	},
	{
		what: "copy: 256 MiB of a file of the Gemini API, from the delivery to batch.completed, 4 ranges at once", against: "copied and read in one range",
		measured: "{copied-s} s against {one-s} s", metric: metric{"Copy", "one-x"}, unit: " times",
	},
	{
		what: "scale: 64 ranges of 64 KiB, 50 ms more for each operation of Cloud Storage and Pub/Sub, 4 at once", against: "one at a time",
		measured: "{1-s} s one at a time", metric: metric{"Scale", "4-x"}, unit: " times",
	},
	{
		what: "the same, 16 at once", against: "one at a time",
		measured: "{1-s} s one at a time", metric: metric{"Scale", "16-x"}, unit: " times", limit: 14, atLeast: true,
	},
	{
		what: "cold start: exec to the first 200 of the public door", against: "the framework alone",
		measured: "{serves-ms} against {framework-ms} ms; RSS {serves-MiB} against {framework-MiB} MiB; binary {receiver-binary-MiB} against {framework-binary-MiB} MiB",
		metric:   metric{"ColdStart", "serves-more-ms"}, unit: " ms more", limit: 15,
	},
	{
		what: "cold start: exec to the first delivery accepted, with its look-up of secrets and its publish", against: "the framework alone",
		measured: "{delivered-ms} against {framework-ms} ms; RSS {delivered-MiB} MiB", metric: metric{"ColdStart", "delivered-more-ms"}, unit: " ms more",
	},
	{
		what: "verify: `v1` of 1 kB, headers included", against: "crypto/hmac alone",
		metric: metric{"HMAC1kB/headers", "sec/op"}, base: metric{"HMAC1kB/bare", "sec/op"}, unit: " times",
	},
	{
		what: "verify: `v1a` of 1 kB, headers and path token included", against: "crypto/ed25519 alone",
		metric: metric{"Ed25519/v1a", "sec/op"}, base: metric{"Ed25519/bare", "sec/op"}, unit: " times", limit: 1.3,
	},
	{
		what: "verify: JWT of 1 kB, headers and path token included", against: "crypto/rsa alone",
		metric: metric{"RS256/jwt", "sec/op"}, base: metric{"RS256/bare", "sec/op"}, unit: " times", limit: 1.3,
	},
	{
		what: "verify: JWT that carries the event", against: "crypto/rsa alone",
		metric: metric{"RS256/event", "sec/op"}, base: metric{"RS256/bare", "sec/op"}, unit: " times",
	},
	{
		what: "JSON: validating a line of 2 kB, goccy/go-json", against: "encoding/json",
		metric: metric{"Valid/goccy", "sec/op"}, base: metric{"Valid/encoding_json", "sec/op"}, unit: " times",
	},
}
