package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genai"
	"google.golang.org/genai/interactions/models/interactions"
	"google.golang.org/genai/interactions/models/operations"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/localcloud/gemini"
)

// single is the outcome of a video or an interaction, as a consumer reads it.
type single struct {
	outcome
	Video       *video
	Videos      []video
	Interaction *struct {
		Status, Model, Text string
		Labels              map[string]string
		Resource            *struct{ Steps []struct{ Type string } }
		Archived            *archived
	}
	Reason *struct{ Code string } `json:"interaction_error"`
}

type video struct {
	File     string
	Archived *archived
	Error    *struct{ Code string }
}

type archived struct {
	URI   string
	Bytes int
	Type  string `json:"content_type"`
}

// singleRig is a rig whose jobs end soon.
func singleRig(t *testing.T, o gemini.Options) *rig {
	t.Helper()
	o.BatchDuration = time.Second
	return newRig(t, options{cloud: localcloud.Options{Gemini: o}})
}

// single waits for the outcome about a resource.
func (r *rig) single(kind, id string) (found single) {
	r.t.Helper()
	r.wait(kind+" of "+id, func() bool {
		for _, o := range r.seen.all()[localcloud.OutcomesTopic] {
			if o.Attributes["type"] == kind && o.Attributes["resource_id"] == id {
				found.outcome = o
				return true
			}
		}
		return false
	})
	found.check(r.t)
	must(r.t, json.Unmarshal(found.raw, &found))
	return found
}

// content is what a copy holds.
func (r *rig) content(a *archived) []byte {
	r.t.Helper()
	if a == nil {
		r.t.Fatal("there is no copy")
	}
	o, ok := r.cloud.Storage.Get(localcloud.ArchiveBucket, strings.TrimPrefix(a.URI, "gs://"+localcloud.ArchiveBucket+"/"))
	if !ok || int64(a.Bytes) != o.Size {
		r.t.Fatalf("%s of %d bytes is not there, or another one", a.URI, a.Bytes)
	}
	return o.Data
}

func (r *rig) interact(labels map[string]string) (id string) {
	r.t.Helper()
	id, err := r.operator.Interact(r.t.Context(), labels)
	must(r.t, err)
	return id
}

func (r *rig) generateVideos(n int32) (name string) {
	r.t.Helper()
	name, err := r.operator.GenerateVideos(r.t.Context(), n)
	must(r.t, err)
	return name
}

// TestInteractionsOfTheSDK: an interaction that the SDK starts comes with what the SDK
// reads of it.
func TestInteractionsOfTheSDK(t *testing.T) {
	t.Parallel()
	r := singleRig(t, gemini.Options{InteractionFor: func(labels map[string]string) gemini.InteractionOptions {
		o := gemini.InteractionOptions{Status: labels["wants"]}
		if labels["long"] != "" {
			o.OutputBytes = 1 << 20
		}
		return o
	}})
	for _, test := range []struct{ status, long string }{{"completed", ""}, {"completed", "yes"}, {"requires_action", ""}, {"failed", ""}} {
		id := r.interact(map[string]string{"wants": test.status, "long": test.long})
		o := r.single("interaction."+test.status, id)
		answer, err := r.operator.AI.Interactions.Get(t.Context(), operations.GetInteractionByIDRequest{ID: id})
		must(t, err)
		text := ""
		if answer.Interaction.OutputText != nil {
			text = *answer.Interaction.OutputText
		}
		i := o.Interaction
		if i == nil || o.Attributes["confirmed"] != "true" || i.Status != test.status || i.Model != "gemini-2.5-flash" || i.Labels["wants"] != test.status {
			t.Fatalf("%+v: %s", test, o.raw)
		}
		if test.long == "" && i.Text != text || len(i.Text) < min(len(text), 200<<10) || !strings.HasPrefix(text, i.Text) || (text == "") != (test.status != "completed") {
			t.Errorf("%+v: text of %d bytes, the SDK has %d", test, len(i.Text), len(text))
		}
		if test.long != "" {
			var kept interactions.Interaction
			must(t, json.Unmarshal(r.content(i.Archived), &kept))
			if i.Resource != nil || *kept.OutputText != text || i.Archived.Type != "application/json" {
				t.Errorf("%+v: archived %+v", test, i.Archived)
			}
		} else if i.Resource == nil || i.Archived != nil || test.status == "requires_action" && i.Resource.Steps[1].Type != "function_call" {
			t.Errorf("%+v: %s", test, o.raw)
		}
		if (o.Error.Code == "internal") != (test.status == "failed") {
			t.Errorf("%+v: error %+v", test, o.Error)
		}
	}
	r.emit("interaction.completed", map[string]any{"id": "v1_of_another_project"})
	if o := r.single("interaction.completed", "v1_of_another_project"); o.Interaction != nil || o.Reason.Code != "not_found" || o.Attributes["confirmed"] != "" {
		t.Errorf("one that is not there: %s", o.raw)
	}
}

// TestVideosOfTheSDK: each video that the SDK has generated is in the archive, though
// the API fails at first.
func TestVideosOfTheSDK(t *testing.T) {
	t.Parallel()
	const size = 10<<20 + 1
	r := singleRig(t, gemini.Options{VideoFor: func(string) gemini.VideoOptions { return gemini.VideoOptions{Bytes: size} }})
	var mu sync.Mutex
	failed := map[string]int{}
	r.cloud.Gemini.Fail(func(op gemini.Op) *gemini.Fault {
		mu.Lock()
		defer mu.Unlock()
		if failed[op.Path]++; strings.HasPrefix(op.Path, "/download/") && failed[op.Path] == 1 { // the SDK's is another
			return &gemini.Fault{CutAfter: 3 << 20}
		}
		return nil
	})
	for samples := int32(1); samples <= 2; samples++ {
		name := r.generateVideos(samples)
		o := r.single("video.generated", name)
		all := o.Videos
		if samples == 1 {
			all = append(all, *o.Video)
		}
		if len(all) != int(samples) || o.Attributes["confirmed"] != "true" {
			t.Fatalf("%d videos: %s", samples, o.raw)
		}
		for _, v := range all {
			content, err := r.operator.AI.Files.Download(context.Background(), genai.NewDownloadURIFromFile(&genai.File{DownloadURI: v.File}), nil)
			must(t, err)
			if got := r.content(v.Archived); !bytes.Equal(got, content) || len(got) != size || v.Archived.Type != "video/mp4" || v.Error != nil {
				t.Errorf("%+v, %d bytes are not the video", v, len(got))
			}
		}
	}
	files := r.cloud.Storage.List(localcloud.ArchiveBucket, "archive/")
	if len(files) != 3 {
		t.Errorf("%d copies, want 3", len(files))
	}
	r.emit("video.generated", map[string]any{"id": "operations/1", "file_name": "files/gone"})
	if o := r.single("video.generated", "operations/1"); o.Video.Archived != nil || o.Video.Error.Code != "denied" {
		t.Errorf("one that is gone: %s", o.raw)
	}
}

// TestSingleMemory: neither a video nor a long answer is held.
func TestSingleMemory(t *testing.T) {
	t.Parallel()
	size := 100 << 20
	if raceDetector { // of the simulator, which makes them; the receiver is built as always
		size = 16 << 20
	}
	r := singleRig(t, gemini.Options{
		VideoFor:       func(string) gemini.VideoOptions { return gemini.VideoOptions{Bytes: int64(size)} },
		InteractionFor: func(map[string]string) gemini.InteractionOptions { return gemini.InteractionOptions{OutputBytes: size} },
	})
	before := r.child.peakMemory(t)
	o := r.single("video.generated", r.generateVideos(2))
	for _, v := range o.Videos {
		if v.Archived == nil || v.Archived.Bytes != size {
			t.Errorf("got %+v", v)
		}
	}
	between := r.child.peakMemory(t)
	if i := r.single("interaction.completed", r.interact(nil)).Interaction; i.Archived == nil || i.Archived.Bytes < size {
		t.Errorf("archived %+v", i.Archived)
	}
	peak := r.child.peakMemory(t)
	t.Logf("peak memory %d MiB, after two videos of %d MiB %d, after an answer as long %d", before>>20, size>>20, between>>20, peak>>20)
	if peak > mostMemory {
		t.Error(fmt.Sprint("peak memory ", peak>>20, " MiB"))
	}
}

// aloneWork is what the process is killed in: what it begins, and the copies that it
// ends with, each of at least so many bytes.
var aloneWork = []struct {
	kind  string
	begin func(*rig) (id string)
	kept  func(single) []*archived
}{
	{
		"video.generated",
		func(r *rig) string { return r.generateVideos(2) },
		func(o single) (all []*archived) {
			for _, v := range o.Videos {
				all = append(all, v.Archived)
			}
			return all
		},
	},
	{
		"interaction.completed",
		func(r *rig) string { return r.interact(nil) },
		func(o single) []*archived { return []*archived{o.Interaction.Archived} },
	},
}

// TestKilledAlone: the process is killed at each step of the work on the event of a
// video, and of an interaction that is too long for its message, and started again.
// All copies are whole in the archive, and the outcome says so.
func TestKilledAlone(t *testing.T) {
	t.Parallel()
	for _, sort := range sorts {
		for i := range aloneWork {
			t.Run(aloneWork[i].kind+"/"+sort.name, func(t *testing.T) {
				t.Parallel()
				for n, at := 1, "the start"; at != ""; n++ {
					at = killAlone(t, i, sort.attach, &blow{n: n})
					t.Logf("killed at %q", at)
				}
			})
		}
	}
}

func killAlone(t *testing.T, i int, attach func(*rig, *blow), b *blow) (at string) {
	t.Helper()
	const size = 1 << 20
	work := aloneWork[i]
	r := singleRig(t, gemini.Options{
		VideoFor:       func(string) gemini.VideoOptions { return gemini.VideoOptions{Bytes: size} },
		InteractionFor: func(map[string]string) gemini.InteractionOptions { return gemini.InteractionOptions{OutputBytes: size} },
	})
	b.kill = r.child.kill
	attach(r, b)
	id := work.begin(r)
	ended := func() bool { return r.seen.has(work.kind) && r.seen.idle() }
	r.wait("the end, or the kill", func() bool {
		select {
		case <-r.child.exited:
			return true
		default:
			return ended()
		}
	})
	r.calm()
	select {
	case <-r.child.exited:
		r.restart()
	default:
	}
	r.wait("the end", ended)
	want := work.kept(r.single(work.kind, id))
	for _, c := range want {
		if content := r.content(c); len(content) < size || len(content) != c.Bytes {
			t.Errorf("%s has %d bytes", c.URI, len(content))
		}
	}
	if n, all := len(r.seen.ofType(t, work.kind)), len(r.cloud.Storage.List(localcloud.ArchiveBucket, "archive/")); n != 1 || all != len(want) || all == 0 || r.seen.count(localcloud.DeadLetterTopic) != 0 {
		t.Errorf("killed at %q: %d ids, %d copies, %d dead letters", b.at, n, all, r.seen.count(localcloud.DeadLetterTopic))
	}
	return b.at
}
