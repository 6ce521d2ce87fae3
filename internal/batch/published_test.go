package batch_test

import (
	"encoding/json"
	"maps"

	"example.com/gemini-webhook/internal/outcome/schematest"
)

// published is one message of a topic, decoded.
type published struct {
	id         string
	attributes map[string]string
	data       map[string]any
	raw        string
}

// outcomes gives all messages of a topic in order, each checked against its
// schema.
func (r *rig) outcomes(topic string) []published {
	r.t.Helper()
	all := r.read[topic]
	for _, m := range r.pubsub.Messages(topic)[len(all):] {
		if err := schematest.Check(m.Data); err != nil {
			r.t.Errorf("%s\n%v", m.Data, err)
		}
		if err := schematest.CheckAttributes(m.Attributes); err != nil {
			r.t.Errorf("%v\n%v", m.Attributes, err)
		}
		p := published{id: m.Attributes["outcome_id"], attributes: m.Attributes, raw: string(m.Data)}
		must(r.t, json.Unmarshal(m.Data, &p.data))
		all = append(all, p)
	}
	r.read[topic] = all
	return all
}

// lines gives batch.result by id, without what differs from time to time. A
// repeat must be equal.
func (r *rig) lines() (byID map[string]string, repeats int) {
	r.t.Helper()
	byID = make(map[string]string)
	for _, p := range r.outcomes(resultsTopic) {
		timeless := maps.Clone(p.data)
		delete(timeless, "published_at")
		if source := timeless["source"].(map[string]any); source["origin"] != nil { // a copy may be made again
			source = maps.Clone(source)
			delete(source, "generation")
			timeless["source"] = source
		}
		text, err := json.Marshal(timeless)
		must(r.t, err)
		if before, again := byID[p.id]; again {
			repeats++
			if before != string(text) {
				r.t.Errorf("one id, two outcomes:\n%s\n%s", before, text)
			}
		}
		byID[p.id] = string(text)
	}
	return byID, repeats
}

// completed gives the results object of batch.completed, which must be one,
// or repeated under one id.
func (r *rig) completed() map[string]any {
	r.t.Helper()
	var found []published
	for _, p := range r.outcomes(outcomesTopic) {
		if p.data["type"] == "batch.completed" {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		r.t.Fatal("no batch.completed")
	}
	for _, p := range found[1:] {
		if p.id != found[0].id {
			r.t.Errorf("batch.completed under two ids: %s, %s", found[0].id, p.id)
		}
	}
	results, _ := found[0].data["results"].(map[string]any)
	return results
}

func (r *rig) types(topic string) []string {
	r.t.Helper()
	var types []string
	for _, p := range r.outcomes(topic) {
		types = append(types, p.attributes["type"])
	}
	return types
}
