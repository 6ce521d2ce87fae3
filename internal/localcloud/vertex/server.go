package vertex

import (
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"example.com/gemini-webhook/internal/localcloud/fake"
	"example.com/gemini-webhook/internal/localcloud/rest"
)

// Server is the simulator. All methods may be called from several goroutines.
type Server struct {
	*fake.Listener
	rest.Calls

	opts       Options
	background *fake.Background

	mu   sync.Mutex // guards jobs, and what changes of them
	jobs []*job     // the newest first
	made uint64     // how many
}

// Op is one call and Fault what goes wrong with it, see Server.Fail.
type (
	Op    = rest.Op
	Fault = rest.Fault
)

// Start runs a simulator with these options; where they cannot work it is ErrOptions.
func Start(opts Options) (_ *Server, err error) {
	s := &Server{opts: opts.withDefaults(), background: fake.NewBackground()}
	if err := s.opts.check(); err != nil {
		return nil, err
	}
	s.Listener, err = fake.HTTP(s.handler())
	return s, err
}

// Close stops listening and gives up the jobs that run. Closing twice is fine.
func (s *Server) Close() error {
	err := s.Listener.Close()
	s.background.Stop()
	return err
}

const collection = "/v1beta1/projects/{project}/locations/{location}/batchPredictionJobs"

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST "+collection, s.method(s.create))
	mux.Handle("GET "+collection, s.method(s.list))
	mux.Handle("GET "+collection+"/{id}", s.method(s.get))
	mux.Handle("POST "+collection+"/{call}", s.method(s.call))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		rest.WriteError(w, rest.NotFound("no such method or path in the simulator; see its package documentation"))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.opts.Log.Debug("vertex request", "method", r.Method, "path", r.URL.Path)
		s.Serve(s.Listener, mux, w, r, func(_ string, err *rest.Error) { rest.WriteError(w, err) })
	})
}

// locationForm is that of global, us and europe-west4.
var locationForm = regexp.MustCompile(`^[a-z]+(-[a-z]+[0-9]+)?$`)

// method is a method of the project's jobs in one location.
func (s *Server) method(m rest.Method) rest.Method {
	return func(w http.ResponseWriter, r *http.Request) (any, *rest.Error) {
		if project := r.PathValue("project"); project != s.opts.Project && project != s.opts.ProjectNumber {
			return nil, &rest.Error{Code: http.StatusForbidden, Status: "PERMISSION_DENIED",
				Message: "Permission denied on the project, or it may not exist."}
		}
		if !locationForm.MatchString(r.PathValue("location")) {
			return nil, rest.Invalid("The location is none, such as us-central1 or global.")
		}
		return m(w, r)
	}
}

// find is the job that the request's path names, whose id is this; s.mu must be held.
func (s *Server) find(r *http.Request, id string) (*job, *rest.Error) {
	i := slices.IndexFunc(s.jobs, func(j *job) bool { return j.id == id && j.location == r.PathValue("location") })
	if i < 0 {
		return nil, rest.NotFound("The BatchPredictionJob does not exist.")
	}
	return s.jobs[i], nil
}

func (s *Server) get(_ http.ResponseWriter, r *http.Request) (any, *rest.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.find(r, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return j.render(), nil
}

func (s *Server) list(_ http.ResponseWriter, r *http.Request) (any, *rest.Error) {
	query := r.URL.Query()
	for name := range query {
		if !slices.Contains([]string{"filter", "pageSize", "pageToken"}, name) {
			return nil, rest.Invalid("The parameter %q is not simulated; filter, pageSize and pageToken are.", name)
		}
	}
	matches, err := parseFilter(query.Get("filter"))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return rest.Listing[*job]{
		Items: "batchPredictionJobs", Token: "nextPageToken",
		Seq:    func(j *job) uint64 { return ^j.seq }, // the newest have the least
		Shown:  func(j *job) bool { return j.location == r.PathValue("location") && matches(j) },
		Render: (*job).render,
	}.Page(s.jobs, query)
}

func (s *Server) call(_ http.ResponseWriter, r *http.Request) (any, *rest.Error) {
	id, verb := rest.SplitVerb(r.PathValue("call"))
	if verb != "cancel" {
		return nil, rest.NotFound("of the methods of jobs only :cancel is simulated")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.find(r, id)
	if err == nil && j.active() {
		j.state, j.updated = stateCancelling, s.opts.Now()
		j.cancel()
	}
	return rest.Empty{}, err
}

// scaled is a share of a job's time in real time.
func (s *Server) scaled(share float64) time.Duration {
	return time.Duration(float64(s.opts.Duration) * share / s.opts.TimeScale)
}
