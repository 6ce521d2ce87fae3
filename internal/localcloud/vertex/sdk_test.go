package vertex

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai"

	"example.com/gemini-webhook/internal/localcloud/rest"
	"example.com/gemini-webhook/internal/nodetest"
)

// sdkJob is what an SDK reads of a job.
type sdkJob struct {
	Name, DisplayName, State, Model string
	Source, Destination, Directory  string
	Created, Updated, Ended         string
	Succeeded, Failed, Incomplete   int64
	Error                           string
}

// The official SDKs of two languages list, read, make and cancel the same jobs.
func TestSDKs(t *testing.T) {
	t.Parallel()
	s, _, client := start(t, Options{JobFor: func(displayName string) JobOptions { return endings[displayName] }})
	var want []sdkJob
	for _, name := range []string{"succeeded", "partially", "failed", "expired"} {
		want = append(want, view(wait(t, client, create(t, client, name).Name)))
	}
	slices.Reverse(want) // the newest first
	var listed []sdkJob
	for job, err := range client.Batches.All(t.Context()) {
		must(t, err)
		listed = append(listed, view(job))
	}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("by the SDK for Go (-get +list):\n%s", diff)
	}
	t.Run("node", func(t *testing.T) {
		dir := nodetest.Install(t, nodetest.GenAI)
		var got struct {
			Listed, Read       []sdkJob
			Filtered           []string
			Made, Refused, Own string
		}
		nodetest.Run(t, dir, nodeReader, map[string]string{"baseUrl": s.URL(), "project": testProject}, &got)
		if diff := cmp.Diff(want, got.Listed); diff != "" {
			t.Errorf("list (-go +node):\n%s", diff)
		}
		if diff := cmp.Diff(want, got.Read); diff != "" {
			t.Errorf("get (-go +node):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"failed"}, got.Filtered); diff != "" {
			t.Errorf("filtered (-want +got):\n%s", diff)
		}
		if got.Made != string(StateCancelled) || got.Refused != "404" || got.Own != "gs://b/in/dest" {
			t.Errorf("made %q, refused %q, its own destination %q", got.Made, got.Refused, got.Own)
		}
	})
}

func view(job *genai.BatchJob) sdkJob {
	out := sdkJob{
		Name: job.Name, DisplayName: job.DisplayName, State: string(job.State), Model: job.Model,
		Source: job.Src.GCSURI[0], Destination: job.Dest.GCSURI, Directory: job.OutputInfo.GCSOutputDirectory,
		Succeeded: job.CompletionStats.SuccessfulCount, Failed: job.CompletionStats.FailedCount, Incomplete: job.CompletionStats.IncompleteCount,
		Created: rest.Stamp(job.CreateTime), Updated: rest.Stamp(job.UpdateTime), Ended: rest.Stamp(job.EndTime),
	}
	if job.Error != nil {
		out.Error = job.Error.Message
	}
	return out
}

const nodeReader = `
import { GoogleGenAI } from '@google/genai';
import { OAuth2Client } from 'google-auth-library';
import { readFileSync } from 'node:fs';
const { baseUrl, project } = JSON.parse(readFileSync(0));
const authClient = new OAuth2Client(); // or the SDK looks for credentials of the machine
authClient.setCredentials({ access_token: 'none' });
const ai = new GoogleGenAI({ vertexai: true, project, location: 'us-central1', googleAuthOptions: { authClient }, httpOptions: { baseUrl } });
const view = j => ({ Name: j.name, DisplayName: j.displayName, State: j.state, Model: j.model, Source: j.src.gcsUri[0],
  Destination: j.dest.gcsUri, Directory: j.outputInfo?.gcsOutputDirectory ?? '', Created: j.createTime, Updated: j.updateTime, Ended: j.endTime,
  Succeeded: +(j.completionStats.successfulCount ?? 0), Failed: +(j.completionStats.failedCount ?? 0),
  Incomplete: +(j.completionStats.incompleteCount ?? 0), Error: j.error?.message ?? '' });
const out = { Listed: [], Read: [], Filtered: [] };
for await (const job of await ai.batches.list({ config: { pageSize: 2 } })) out.Listed.push(view(job));
for (const job of out.Listed) out.Read.push(view(await ai.batches.get({ name: job.Name })));
for await (const job of await ai.batches.list({ config: { filter: 'state="JOB_STATE_FAILED"' } })) out.Filtered.push(job.displayName);
const made = await ai.batches.create({ model: 'gemini-2.5-flash', src: 'gs://b/in.jsonl', config: { displayName: 'running' } });
out.Own = made.dest.gcsUri;
await ai.batches.cancel({ name: made.name });
do {
  await new Promise(resolve => setTimeout(resolve, 2));
  out.Made = (await ai.batches.get({ name: made.name })).state;
} while (out.Made !== 'JOB_STATE_CANCELLED' && out.Made !== 'JOB_STATE_SUCCEEDED');
out.Refused = await ai.batches.get({ name: '1' }).then(() => 'none', e => String(e.status));
console.log(JSON.stringify(out));`
