// Package schematest checks published messages against docs/schemas. It is for
// tests: the receiver itself does not validate what it made.
package schematest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"example.com/gemini-webhook/docs/schemas"
)

const suffix = ".schema.json"

// Check reports how data, a message's, differs from the schema of its outcome
// type. A type without a schema of its own is held to that of unknown events.
func Check(data []byte) error {
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("schematest: data is not a JSON object: %w", err)
	}
	schemas, err := compiled()
	if err != nil {
		return err
	}
	if schemas[head.Type] == nil {
		return check("other", data)
	}
	return check(head.Type, data)
}

// CheckRoot is Check by the root schema, which finds the type's by itself. It
// takes longer, and its errors are those of every type.
func CheckRoot(data []byte) error { return check("outcome", data) }

// CheckAttributes reports how a message's attributes, a map of texts or what is wrong as
// one, differ from their schema.
func CheckAttributes(attributes any) error {
	data, err := json.Marshal(attributes)
	if err != nil {
		return fmt.Errorf("schematest: %w", err)
	}
	return check("attributes", data)
}

func check(name string, data []byte) error {
	schemas, err := compiled()
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("schematest: %w", err)
	}
	if err := schemas[name].Validate(value); err != nil {
		return fmt.Errorf("schematest: %s: %w", name, err)
	}
	return nil
}

// base makes the files' relative ids absolute; nothing is fetched from it.
const base = "https://example.com/gemini-webhook/schemas/"

// compiled is made once: tests check thousands of messages.
var compiled = sync.OnceValues(compile)

// compile returns the schemas by file name, without its suffix.
func compile() (map[string]*jsonschema.Schema, error) {
	files, err := fs.Glob(schemas.FS, "*"+suffix)
	if err != nil {
		return nil, fmt.Errorf("schematest: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, file := range files {
		raw, err := schemas.FS.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("schematest: %w", err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			return nil, fmt.Errorf("schematest: %s: %w", file, err)
		}
		if err := c.AddResource(base+file, doc); err != nil {
			return nil, fmt.Errorf("schematest: %s: %w", file, err)
		}
	}
	byName := make(map[string]*jsonschema.Schema, len(files))
	for _, file := range files { // after all are added: they refer to each other
		schema, err := c.Compile(base + file)
		if err != nil {
			return nil, fmt.Errorf("schematest: %w", err)
		}
		byName[strings.TrimSuffix(file, suffix)] = schema
	}
	return byName, nil
}
