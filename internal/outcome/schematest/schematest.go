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
	schemas, err := compiled()
	if err != nil {
		return err
	}
	return schemas.Check(data)
}

// CheckRoot is Check by the root schema, which finds the type's by itself. It
// takes longer, and its errors are those of every type.
func CheckRoot(data []byte) error {
	schemas, err := compiled()
	if err != nil {
		return err
	}
	return schemas.check("outcome", data)
}

// CheckAttributes reports how a message's attributes differ from their schema.
func CheckAttributes(attributes map[string]string) error {
	schemas, err := compiled()
	if err != nil {
		return err
	}
	return schemas.CheckAttributes(attributes)
}

// Schemas are those of a directory, by file name without its suffix.
type Schemas map[string]*jsonschema.Schema

// Check is the function of that name.
func (s Schemas) Check(data []byte) error {
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("schematest: data is not a JSON object: %w", err)
	}
	if s[head.Type] == nil {
		return s.check("other", data)
	}
	return s.check(head.Type, data)
}

// CheckAttributes is the function of that name, also of what is no map of texts.
func (s Schemas) CheckAttributes(attributes any) error {
	data, err := json.Marshal(attributes)
	if err != nil {
		return fmt.Errorf("schematest: %w", err)
	}
	return s.check("attributes", data)
}

func (s Schemas) check(name string, data []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("schematest: %w", err)
	}
	if err := s[name].Validate(value); err != nil {
		return fmt.Errorf("schematest: %s: %w", name, err)
	}
	return nil
}

// base makes the files' relative ids absolute; nothing is fetched from it.
const base = "https://example.com/gemini-webhook/schemas/"

// compiled is made once: tests check thousands of messages.
var compiled = sync.OnceValues(func() (Schemas, error) { return Compile(schemas.FS) })

// Compile compiles the schemas of a directory: those of docs/schemas as they were when the
// test was built are the ones that the functions check by.
func Compile(dir fs.FS) (Schemas, error) {
	files, err := fs.Glob(dir, "*"+suffix)
	if err != nil {
		return nil, fmt.Errorf("schematest: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, file := range files {
		raw, err := fs.ReadFile(dir, file)
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
	byName := make(Schemas, len(files))
	for _, file := range files { // after all are added: they refer to each other
		schema, err := c.Compile(base + file)
		if err != nil {
			return nil, fmt.Errorf("schematest: %w", err)
		}
		byName[strings.TrimSuffix(file, suffix)] = schema
	}
	return byName, nil
}
