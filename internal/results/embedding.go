package results

import (
	"strings"

	"example.com/gemini-webhook/internal/lenientjson"
)

// embedded reports whether there is an embedding: {"values": […]}, numbers alone,
// or base64 of them.
func (r *response) embedded() bool {
	if isEmbedding(r.embedding) || isEmbedding(r.embeddings) {
		return true
	}
	for _, list := range []lenientjson.Value{r.predictions, r.data} {
		if !list.IsArray() {
			continue
		}
		for _, element := range list.Members {
			for name, member := range element.Fields {
				// Of several modalities each has its own.
				if n := strings.ToLower(string(name)); (strings.HasSuffix(n, "embedding") || strings.HasSuffix(n, "embeddings")) && isEmbedding(member) {
					return true
				}
			}
		}
	}
	return false
}

func isEmbedding(v lenientjson.Value) bool {
	switch {
	case v.IsString():
		return string(v) != `""`
	case v.IsObject():
		return isEmbedding(v.Get("values"))
	case v.IsArray():
		first := v.First()
		return first.IsNumber() || isEmbedding(first)
	}
	return false
}

// embeddingTokens adds up what Vertex AI counts beside its embeddings.
func (r *response) embeddingTokens() (sum int64, found bool) {
	add := func(embedding lenientjson.Value) {
		statistics := embedding.Get("statistics")
		for name, member := range statistics.Fields {
			if string(name) == "token_count" || string(name) == "tokenCount" {
				n, ok := count(member)
				sum, found = sum+n, found || ok
			}
		}
	}
	if r.embeddings.IsArray() {
		for _, embedding := range r.embeddings.Members {
			add(embedding)
		}
	}
	if r.predictions.IsArray() {
		for _, prediction := range r.predictions.Members {
			add(prediction.Get("embeddings"))
		}
	}
	return sum, found && sum >= 0
}
