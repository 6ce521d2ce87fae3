package gemini

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai"
	"google.golang.org/genai/interactions/models/interactions"
	"google.golang.org/genai/interactions/models/operations"

	"example.com/gemini-webhook/internal/localcloud/rest"
	"example.com/gemini-webhook/internal/nodetest"
)

// sdkNames are the jobs that the SDKs read.
type sdkNames struct {
	Inline, Embeddings, File, Video string
	Interactions                    []string
	Ended                           []string // batches that did not succeed
}

// sdkView is what an SDK reads of them; contents are their SHA-256.
type sdkView struct {
	Listed       []sdkListed // all batches, in pages of two
	Inline       []sdkResponse
	Embeddings   []int  // how many values each has
	File         string // its name
	FileContent  string
	Videos       []string
	Interactions []sdkInteraction
}

type sdkListed struct{ Name, State, Ended, Updated string }

type sdkResponse struct{ Key, Text, FinishReason string }

type sdkInteraction struct {
	Status, Model, Text, Previous, Label string
	Steps                                []string
	Tokens                               int
}

// The official SDKs of two languages read the same jobs, and what they read is what the simulator made.
func TestSDKs(t *testing.T) {
	t.Parallel()
	s, client := start(t, Options{
		VideoFor:       func(string) VideoOptions { return VideoOptions{Bytes: 100_000} },
		InteractionFor: func(labels map[string]string) InteractionOptions { return InteractionOptions{Status: labels["wants"]} },
		BatchFor:       func(displayName string) BatchOptions { return BatchOptions{End: End(displayName)} },
		Retention:      -1,
	})
	names := sdkJobs(t, s, client)
	got := readWithGo(t, client, names)
	var keys []string
	for _, r := range got.Inline {
		if keys = append(keys, r.Key); r.Text == hash("") || r.FinishReason == "" {
			t.Errorf("inlined response without text: %+v", r)
		}
	}
	if strings.Join(keys, " ") != "k0 k1 k2" {
		t.Errorf("keys %v", keys)
	}
	content := new(bytes.Buffer)
	_, err := content.ReadFrom(fetch(t, s, "/download/v1beta/"+got.File+":download?alt=media").Body)
	must(t, err)
	video := make([]byte, 100_000)
	_, _ = videoContent{}.ReadAt(video, 0)
	want := sdkView{
		Listed: listed(t, s, names), Inline: got.Inline, Embeddings: []int{embeddingSize, embeddingSize},
		File: "files/batch-" + strings.TrimPrefix(names.File, "batches/"), FileContent: hash(content.String()),
		Videos: []string{hash(string(video)), hash(string(video))},
		Interactions: []sdkInteraction{
			{"completed", "gemini-2.5-flash", got.Interactions[0].Text, "v1_before", "completed", strings.Fields("thought model_output"), got.Interactions[0].Tokens},
			{"requires_action", "gemini-2.5-flash", hash(""), "v1_before", "requires_action", strings.Fields("thought function_call"), got.Interactions[1].Tokens},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" || got.Interactions[0].Text == hash("") || got.Interactions[0].Tokens == 0 {
		t.Errorf("by the SDK for Go (-want +got):\n%s", diff)
	}
	t.Run("node", func(t *testing.T) {
		if diff := cmp.Diff(got, readWithNode(t, s, names)); diff != "" {
			t.Errorf("the SDKs differ (-go +node):\n%s", diff)
		}
	})
}

// listed is what a list is to show, by batches.get.
func listed(t *testing.T, s *Server, names sdkNames) (out []sdkListed) {
	t.Helper()
	states := []string{"SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "FAILED", "EXPIRED", "CANCELLED"}
	for i, name := range append([]string{names.Inline, names.Embeddings, names.File}, names.Ended...) {
		_, job := call(t, s, "GET", "/v1beta/"+name, "", keyHeader)
		metadata := job["metadata"].(map[string]any)
		out = append(out, sdkListed{name, "JOB_STATE_" + states[i], metadata["endTime"].(string), metadata["updateTime"].(string)})
	}
	return out
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// sdkJobs makes the jobs and waits for their ends.
func sdkJobs(t *testing.T, s *Server, client *genai.Client) (names sdkNames) {
	t.Helper()
	names.Inline = createNamed(t, s, "batchGenerateContent", "", 3)
	content := []*genai.Content{genai.NewContentFromText("a", ""), genai.NewContentFromText("b", "")}
	embeddings, err := client.Batches.CreateEmbeddings(t.Context(), ptr("gemini-embedding-001"),
		&genai.EmbeddingsBatchJobSource{InlinedRequests: &genai.EmbedContentBatch{Contents: content}}, nil)
	must(t, err)
	names.Embeddings = embeddings.Name
	names.File = createBatch(t, client, &genai.BatchJobSource{FileName: uploadText(t, client, requests(20))}, nil)
	for _, end := range []End{EndFailed, EndExpired, EndCancelled} {
		names.Ended = append(names.Ended, createNamed(t, s, "batchGenerateContent", string(end), 1))
	}
	op, err := client.Models.GenerateVideosFromSource(t.Context(), "veo-3.1-generate-preview", &genai.GenerateVideosSource{Prompt: "a cat"},
		&genai.GenerateVideosConfig{NumberOfVideos: 2})
	must(t, err)
	names.Video = op.Name
	for _, status := range []string{"completed", "requires_action"} {
		i, err := interact(t, client, interactions.CreateModelInteraction{Background: ptr(true), PreviousInteractionID: ptr("v1_before"),
			Labels: map[string]string{"wants": status}})
		must(t, err)
		names.Interactions = append(names.Interactions, *i.ID)
	}
	eventually(t, "the end of all jobs", func() bool {
		embeddings, err := client.Batches.Get(t.Context(), names.Embeddings, nil)
		must(t, err)
		file, err := client.Batches.Get(t.Context(), names.File, nil)
		must(t, err)
		op, err = client.Operations.GetVideosOperation(t.Context(), op, nil)
		must(t, err)
		return embeddings.State == genai.JobStateSucceeded && file.State == genai.JobStateSucceeded && op.Done &&
			getInteraction(t, client, names.Interactions[0]).Status == "completed" && getInteraction(t, client, names.Interactions[1]).Status == "requires_action"
	})
	return names
}

func readWithGo(t *testing.T, client *genai.Client, names sdkNames) (out sdkView) {
	t.Helper()
	page, err := client.Batches.List(t.Context(), &genai.ListBatchJobsConfig{PageSize: 2})
	for ; err == nil; page, err = page.Next(t.Context()) {
		for _, job := range page.Items {
			out.Listed = append(out.Listed, sdkListed{job.Name, string(job.State), rest.Stamp(job.EndTime), rest.Stamp(job.UpdateTime)})
		}
	}
	if !strings.Contains(err.Error(), genai.ErrPageDone.Error()) {
		t.Fatal(err)
	}
	job, err := client.Batches.Get(t.Context(), names.Inline, nil)
	must(t, err)
	for _, r := range job.Dest.InlinedResponses {
		out.Inline = append(out.Inline, sdkResponse{r.Metadata["key"], hash(r.Response.Text()), string(r.Response.Candidates[0].FinishReason)})
	}
	job, err = client.Batches.Get(t.Context(), names.Embeddings, nil)
	must(t, err)
	for _, r := range job.Dest.InlinedEmbedContentResponses {
		out.Embeddings = append(out.Embeddings, len(r.Response.Embedding.Values))
	}
	job, err = client.Batches.Get(t.Context(), names.File, nil)
	must(t, err)
	f, err := client.Files.Get(t.Context(), job.Dest.FileName, nil)
	must(t, err)
	content, err := client.Files.Download(t.Context(), genai.NewDownloadURIFromFile(&genai.File{DownloadURI: f.Name}), nil)
	must(t, err)
	out.File, out.FileContent = f.Name, hash(string(content))
	op, err := client.Operations.GetVideosOperation(t.Context(), &genai.GenerateVideosOperation{Name: names.Video}, nil)
	must(t, err)
	for _, v := range op.Response.GeneratedVideos {
		content, err := client.Files.Download(t.Context(), genai.NewDownloadURIFromGeneratedVideo(v), nil)
		must(t, err)
		out.Videos = append(out.Videos, hash(string(content)))
	}
	for _, id := range names.Interactions {
		res, err := client.Interactions.Get(t.Context(), operations.GetInteractionByIDRequest{ID: id})
		must(t, err)
		i := res.Interaction
		view := sdkInteraction{Status: string(i.Status), Model: string(*i.Model), Text: hash(""), Previous: *i.PreviousInteractionID,
			Label: i.Labels["wants"], Tokens: *i.Usage.TotalTokens}
		if i.OutputText != nil {
			view.Text = hash(*i.OutputText)
		}
		for _, step := range i.Steps {
			view.Steps = append(view.Steps, string(step.Type))
		}
		out.Interactions = append(out.Interactions, view)
	}
	return out
}

const nodeReader = `
import { GoogleGenAI, GenerateVideosOperation } from '@google/genai';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
const { names, baseUrl, apiKey } = JSON.parse(readFileSync(0));
const ai = new GoogleGenAI({ apiKey, httpOptions: { baseUrl } });
const hash = data => createHash('sha256').update(data ?? '').digest('hex');
const download = async file => {
  await ai.files.download({ file, downloadPath: 'download' });
  return hash(readFileSync('download'));
};
const out = { Listed: [], Videos: [], Interactions: [] };
for await (const job of await ai.batches.list({ config: { pageSize: 2 } })) 
  out.Listed.push({ Name: job.name, State: job.state, Ended: job.endTime, Updated: job.updateTime });
const text = response => response.candidates[0].content.parts.filter(p => !p.thought).map(p => p.text).join('');
const inline = await ai.batches.get({ name: names.Inline });
out.Inline = inline.dest.inlinedResponses.map(r =>
  ({ Key: r.metadata.key, Text: hash(text(r.response)), FinishReason: r.response.candidates[0].finishReason }));
const embeddings = await ai.batches.get({ name: names.Embeddings });
out.Embeddings = embeddings.dest.inlinedEmbedContentResponses.map(r => r.response.embedding.values.length);
out.File = (await ai.batches.get({ name: names.File })).dest.fileName;
out.FileContent = await download((await ai.files.get({ name: out.File })).name);
const operation = Object.assign(new GenerateVideosOperation(), { name: names.Video });
const done = await ai.operations.getVideosOperation({ operation });
for (const video of done.response.generatedVideos) out.Videos.push(await download(video));
for (const id of names.Interactions) {
  const i = await ai.interactions.get(id);
  out.Interactions.push({ Status: i.status, Model: i.model, Text: hash(i.output_text), Previous: i.previous_interaction_id,
    Label: i.labels.wants, Steps: i.steps.map(s => s.type), Tokens: i.usage.total_tokens });
}
console.log(JSON.stringify(out));`

// readWithNode reads with @google/genai.
func readWithNode(t *testing.T, s *Server, names sdkNames) (out sdkView) {
	t.Helper()
	dir := nodetest.Install(t, nodetest.GenAI)
	nodetest.Run(t, dir, nodeReader, map[string]any{"names": names, "baseUrl": s.URL(), "apiKey": testKey}, &out)
	return out
}
