package gemini

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// Errors of the Go side of the simulator. Over HTTP all errors have Google's shape instead.
var (
	// ErrOptions: Options cannot work as given; the text names the field.
	ErrOptions = errors.New("gemini: bad options")
	// ErrClosed: the server was closed.
	ErrClosed = errors.New("gemini: server is not running")
	// ErrNotFound: no webhook of that id.
	ErrNotFound = errors.New("gemini: not found")
	// ErrURI: nothing can be sent there. The text does not show the URI, whose path may be a secret.
	ErrURI = errors.New("gemini: the uri must be an absolute https URL (http on loopback addresses)")
)

// Sink is where results in a bucket are written, normally the embedded Cloud Storage.
type Sink interface {
	// Write stores all of data as the object; an error makes the batch fail.
	Write(ctx context.Context, bucket, object string, data io.Reader) error
}

// Signing says with which secrets a delivery is signed while an older secret has not expired yet.
// The Standard Webhooks spec says both; what Gemini does live is unknown.
type Signing int

// The three ways to sign during the overlap of a rotation.
const (
	// SignBoth puts an entry for every secret that lives into one webhook-signature, the newest first.
	SignBoth Signing = iota
	// SignOldUntilExpiry signs with the oldest secret that lives.
	SignOldUntilExpiry
	// SignNewAtOnce signs with the newest secret only.
	SignNewAtOnce
)

// Pointer says where the results of file jobs go, and what output_file_uri says.
type Pointer int

// The kinds of result pointers.
const (
	// PointerNone: files/batch-<id>, which batches.get names and the event does not.
	PointerNone Pointer = iota
	// PointerFile: the same file, and the event says files/batch-<id>.
	PointerFile
	// PointerURL: the same file, and the event has the URL of its download.
	PointerURL
	// PointerBucket: gs://<ResultBucket>/batches/<id>/results.jsonl, written to the Sink. The Developer API has no such
	// results; the guide's sample shows them, and Vertex AI's are like that.
	PointerBucket
)

// Delivery is one attempt to deliver one event to one webhook, or to one URI of a webhook_config.
type Delivery struct {
	WebhookID string // empty for a URI, which is not shown: its path may hold a token
	ID        string // webhook-id, the same for all attempts
	Attempt   int    // from 1; one after a 2xx is a duplicate sent on purpose
	EventType string
	Scheme    Scheme    // how it was signed
	At        time.Time // what webhook-timestamp says
	Status    int       // HTTP status, 0 where no answer came
	Err       error     // transport error, without the URL
	Duration  time.Duration
}

// Options configure a Server. The zero value of a field means its default; APIKey alone is required.
type Options struct {
	// APIKey is what x-goog-api-key must say.
	APIKey string
	// TimeScale divides every simulated duration: 8640 makes a day ten seconds. Default 1. The clock itself is not scaled.
	TimeScale float64
	// Seed makes ids, secrets, results and jitter repeatable. Default: random.
	Seed uint64
	// Now is the clock of timestamps and of secrets' expiry. Default time.Now.
	Now func() time.Time

	// ResultPointer is where results of file jobs go. PointerBucket needs ResultBucket and Sink, which nothing else uses.
	ResultPointer Pointer
	ResultBucket  string
	Sink          Sink
	// OldEvents sends the forms of earlier guides: batch.completed in place of batch.succeeded, batch_<id> in place of
	// batches/<id>, video_uri and file_id in place of output_file_uri and file_name.
	OldEvents bool
	// OldFiles answers files.get for the results of batches as until September 2026: 400, for their ids exceed 40 characters.
	OldFiles bool
	// Retention is how long files stay after they were stored, and inlined responses after the job's end, before scaling.
	// Default 48 h; negative: for ever.
	Retention time.Duration
	// InlineLimit, where not 0, is the size in bytes from which a list of inlined responses is not given: batches.get answers
	// 503 after InlineTimeout (before scaling, default 60 s), however often it is asked. The live API's limit is not known;
	// 1000 pictures exceed it.
	InlineLimit   int64
	InlineTimeout time.Duration

	// BatchFor, InteractionFor and VideoFor, where not nil, decide how a job goes, when it is created. They are called from
	// several goroutines at once.
	BatchFor       func(displayName string) BatchOptions
	InteractionFor func(labels map[string]string) InteractionOptions
	VideoFor       func(model string) VideoOptions
	// BatchDuration is how long a batch, a background interaction or a video takes, before scaling. Default 10 s.
	BatchDuration time.Duration
	// FailedShare and BlockedShare are the shares (0 to 1) of result lines that carry an error or a blocked prompt.
	FailedShare, BlockedShare float64
	// MaxTextBytes bounds the length of a made-up answer; most are far shorter. Default 4096.
	MaxTextBytes int

	// Signing is how deliveries are signed while two secrets live.
	Signing Signing
	// DynamicSigningFor, where not nil, decides how deliveries for webhook_config are signed, by the URI; "" means SchemeEd25519.
	DynamicSigningFor func(uri string) Scheme
	// Claims, where not nil, changes what the JWTs of SchemeRS256 claim before they are signed; what Gemini's claim is not
	// published. Without, they carry the event, iat and an exp five minutes later. It is called from several goroutines at once.
	Claims func(claims map[string]any)
	// RetryBase and RetryMax bound the exponential backoff, before scaling. Defaults 5 s and 1 h; retries end after 24 h.
	RetryBase, RetryMax time.Duration
	// DisableAfter is how many consecutive failed attempts disable a webhook; negative: never. Default 100 (Gemini's is unknown).
	DisableAfter int
	// DuplicateShare is the share (0 to 1) of delivered events that are sent once more.
	DuplicateShare float64
	// HTTPClient delivers; redirects are never followed. Default: a client without proxy.
	HTTPClient *http.Client
	// Log gets one line per request and attempt, without keys, secrets, URIs or bodies. Default: discarded.
	Log *slog.Logger
}

// withDefaults fills in what was left out.
func (o Options) withDefaults() Options {
	setDefault(&o.TimeScale, 1)
	setDefault(&o.BatchDuration, 10*time.Second)
	setDefault(&o.MaxTextBytes, 4096)
	setDefault(&o.Retention, 2*day)
	setDefault(&o.InlineTimeout, time.Minute)
	setDefault(&o.RetryBase, 5*time.Second)
	setDefault(&o.RetryMax, time.Hour)
	setDefault(&o.DisableAfter, 100)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.BatchFor == nil {
		o.BatchFor = func(string) BatchOptions { return BatchOptions{} }
	}
	if o.InteractionFor == nil {
		o.InteractionFor = func(map[string]string) InteractionOptions { return InteractionOptions{} }
	}
	if o.VideoFor == nil {
		o.VideoFor = func(string) VideoOptions { return VideoOptions{} }
	}
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// check reports every field that cannot work, joined into one error.
func (o Options) check() error {
	var errs []error
	bad := func(wrong bool, text string) {
		if wrong {
			errs = append(errs, errors.New(text))
		}
	}
	share := func(v float64) bool { return !(v >= 0 && v <= 1) } // also true for NaN
	bad(o.APIKey == "", "APIKey: set the key that clients will send")
	bad(!(o.TimeScale > 0), "TimeScale: must be positive")
	bad(share(o.FailedShare) || share(o.BlockedShare) || share(o.FailedShare+o.BlockedShare),
		"FailedShare, BlockedShare: must be between 0 and 1, and so must their sum")
	bad(share(o.DuplicateShare), "DuplicateShare: must be between 0 and 1")
	bad(o.ResultPointer == PointerBucket && (o.Sink == nil || o.ResultBucket == ""),
		"ResultBucket, Sink: set both for PointerBucket")
	bad(o.InlineLimit < 0, "InlineLimit: must not be negative")
	bad(o.BatchDuration < 0 || o.InlineTimeout < 0 || o.RetryBase < 0 || o.RetryMax < 0, "durations: must not be negative")
	bad(o.MaxTextBytes < 0, "MaxTextBytes: must not be negative")
	if len(errs) == 0 {
		return nil
	}
	return errors.Join(append([]error{ErrOptions}, errs...)...)
}
