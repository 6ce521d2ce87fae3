package results

import (
	"example.com/gemini-webhook/internal/lenientjson"
	"example.com/gemini-webhook/internal/outcome"
)

// extra is an object of the members that the line's shape does not name, and of
// those that it names and that could not be read, each as it stands; or that they
// are too long. Of one that is there twice it has the last.
func (m *members) extra(top lenientjson.Value) (object []byte, omitted bool) {
	type member struct{ name, value lenientjson.Value }
	var list []member
	place := make(map[string]int)
	size := len("{}") - len(",")
	for quoted, v := range top.Members {
		name := quoted.Str()
		if m.named(name) {
			continue
		}
		i, again := place[name]
		if !again {
			i = len(list)
			place[name] = i
			list = append(list, member{})
			size += len(":,")
		}
		size += len(quoted) + len(v) - len(list[i].name) - len(list[i].value)
		list[i] = member{quoted, v}
		if len(list) > outcome.MaxExtra/len(`"":0,`) {
			return nil, true
		}
	}
	if len(list) == 0 || size > outcome.MaxExtra {
		return nil, len(list) > 0
	}
	object = append(make([]byte, 0, size), '{')
	for i, x := range list {
		if i > 0 {
			object = append(object, ',')
		}
		object = append(object, x.name...)
		object = append(object, ':')
		object = append(object, x.value...)
		if m.cuts.has(x.value) {
			return nil, true
		}
	}
	return append(object, '}'), false
}

// named reports whether a member is one of its shape's, and so published under
// another name or as what it says. It is asked of lines that have others.
func (m *members) named(name string) bool {
	switch name {
	case "key", "request":
		return true
	case "instance":
		return !m.request.Present()
	case "response":
		return m.hasAnswer || !m.response.Present()
	case "error":
		return true
	case "status":
		return m.status.IsString() || !m.status.Present() || readErrorMembers(m.status) != (outcome.Error{})
	case "index":
		return m.line.HasIndex
	case "predictions":
		return m.hasPredictions
	case "code", "message", "details":
		return m.isStatus
	}
	return m.isResponse && ofResponse[name]
}

// ofResponse are the members of Gemini's responses. In a bare one they are no
// extra, since the line is the response.
var ofResponse = func() map[string]bool {
	names := make(map[string]bool)
	for _, name := range []string{
		"candidates", "promptFeedback", "prompt_feedback", "usageMetadata", "usage_metadata", "modelVersion", "model_version",
		"responseId", "response_id", "createTime", "create_time", "modelStatus", "model_status",
		"embedding", "embeddings", "tokenCount", "token_count",
	} {
		names[name] = true
	}
	return names
}()
