package gcs

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// selection is a parsed "fields" parameter; an empty map keeps everything.
type selection map[string]selection

// selected answers v as JSON, with only the fields that the request asks for:
// who forgets to select an attribute must miss it here as in the service.
func selected(r *http.Request, v any) (answer, error) {
	text := r.URL.Query().Get("fields")
	if text == "" {
		return jsonAnswer(v)
	}
	sel, rest, err := parseFields(text)
	if err != nil || rest != "" {
		return answer{}, badRequest("fields: cannot read the selection")
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		return answer{}, fmt.Errorf("gcs: encode answer: %w", err)
	}
	var tree any
	if err := json.Unmarshal(encoded, &tree); err != nil {
		return answer{}, fmt.Errorf("gcs: select fields: %w", err)
	}
	return jsonAnswer(sel.apply(tree))
}

// parseFields reads a list as "a,b/c,d(e,f)" and returns what follows it.
func parseFields(text string) (selection, string, error) {
	sel := selection{}
	for {
		end := strings.IndexAny(text, ",()/")
		if end < 0 {
			end = len(text)
		}
		name := strings.TrimSpace(text[:end])
		if name == "" {
			return nil, "", fmt.Errorf("empty name")
		}
		text = text[end:]
		var sub selection
		switch {
		case strings.HasPrefix(text, "/"):
			// The path's rest is a list of one, which ends at the same comma.
			path := text[1:]
			cut := strings.IndexAny(path, ",)")
			if cut < 0 {
				cut = len(path)
			}
			var rest string
			var err error
			if sub, rest, err = parseFields(path[:cut]); err != nil || rest != "" {
				return nil, "", fmt.Errorf("ill-formed path")
			}
			text = path[cut:]
		case strings.HasPrefix(text, "("):
			var err error
			if sub, text, err = parseFields(text[1:]); err != nil {
				return nil, "", err
			}
			if !strings.HasPrefix(text, ")") {
				return nil, "", fmt.Errorf("missing )")
			}
			text = text[1:]
		}
		sel[name] = sub
		if !strings.HasPrefix(text, ",") {
			return sel, text, nil
		}
		text = text[1:]
	}
}

func (sel selection) apply(v any) any {
	if len(sel) == 0 {
		return v
	}
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = sel.apply(v[i])
		}
	case map[string]any:
		if _, all := sel["*"]; all {
			return v
		}
		for name := range v {
			if sub, keep := sel[name]; keep {
				v[name] = sub.apply(v[name])
			} else {
				delete(v, name)
			}
		}
	}
	return v
}
