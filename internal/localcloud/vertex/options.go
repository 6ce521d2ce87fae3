package vertex

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"
)

// ErrOptions is of Options that cannot work as given; the text names the field.
var ErrOptions = errors.New("vertex: bad options")

// Storage is where requests are read and results are written, normally the embedded Cloud Storage.
type Storage interface {
	// Open reads an object; its error makes the job fail.
	Open(ctx context.Context, bucket, object string) (io.ReadCloser, error)
	// Write stores all of data as the object; its error makes the job fail.
	Write(ctx context.Context, bucket, object string, data io.Reader) error
}

// Options configure a Server. The zero value of a field means its default; Project and Storage are required.
type Options struct {
	// Project is the one that there is, and ProjectNumber what names of jobs say. Default of the number: made up.
	Project, ProjectNumber string
	Storage                Storage
	// TimeScale divides every simulated duration. Default 1. The clock itself is not scaled.
	TimeScale float64
	// Duration is how long a job takes, before scaling. Default 10 s.
	Duration time.Duration
	// Seed makes ids and results repeatable. Default: random.
	Seed uint64
	// Now is the clock of timestamps. Default time.Now.
	Now func() time.Time
	// JobFor, where not nil, decides how a job goes, when it is created. It is called from several goroutines at once.
	JobFor func(displayName string) JobOptions
	// MaxTextBytes bounds the length of a made-up answer; most are far shorter. Default 4096.
	MaxTextBytes int
	// Log gets one line per request and job, without their contents. Default: discarded.
	Log *slog.Logger
}

// JobOptions say how one job goes; the zero value succeeds.
type JobOptions struct {
	// State is the last one. Default StateSucceeded.
	State State
	// Failed is how many rows, the first ones of the input, carry an error.
	Failed int
	// Finished is how many rows, the first ones of the input, have a result when the job ends, where it does not succeed.
	Finished int
	// Running leaves the job running until it is cancelled.
	Running bool
	// NoEndTime leaves endTime out: updateTime alone tells when it ended.
	NoEndTime bool
}

func (o Options) withDefaults() Options {
	o.ProjectNumber = cmp.Or(o.ProjectNumber, "482019375610")
	o.TimeScale = cmp.Or(o.TimeScale, 1)
	o.Duration = cmp.Or(o.Duration, 10*time.Second)
	o.Seed = cmp.Or(o.Seed, rand.Uint64())
	o.MaxTextBytes = cmp.Or(o.MaxTextBytes, 4096)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.JobFor == nil {
		o.JobFor = func(string) JobOptions { return JobOptions{} }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// check reports every field that cannot work, joined into one error.
func (o Options) check() error {
	var errs []error
	bad := func(wrong bool, text string) {
		if wrong {
			errs = append(errs, errors.New(text))
		}
	}
	bad(o.Project == "", "Project: set the id of the project")
	bad(o.Storage == nil, "Storage: set where jobs read and write")
	bad(!(o.TimeScale > 0), "TimeScale: must be positive") // also true for NaN
	bad(o.Duration < 0 || o.MaxTextBytes < 0, "Duration, MaxTextBytes: must not be negative")
	if len(errs) == 0 {
		return nil
	}
	return errors.Join(append([]error{ErrOptions}, errs...)...)
}
