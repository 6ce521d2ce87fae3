package geminiapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"example.com/gemini-webhook/internal/jsonstream"
	"example.com/gemini-webhook/internal/object"
	"example.com/gemini-webhook/internal/outcome"
)

// Interactions reads interactions.
type Interactions struct{ *API }

const (
	maxScalar = 1 << 10  // 1 KiB, of a short member of an interaction
	maxObject = 16 << 10 // 16 KiB, of its usage and its labels
)

// Read reads an interaction by its name or id ("interactions/X", "X"). The answer is
// kept up to limit bytes; a longer one, for it may hold pictures, goes to overflow as it
// comes: that calls write, at most once, with where it goes, and gives write's error
// back. Where it is kept already overflow need not call: the members are read all the
// same.
func (i Interactions) Read(ctx context.Context, id string, limit int, overflow func(write func(io.Writer) error) error) (outcome.Interaction, error) {
	bare := strings.TrimPrefix(id, "interactions/")
	if !object.ValidID(bare) {
		return outcome.Interaction{}, fmt.Errorf("read an interaction: %w", object.ErrName)
	}
	name := "interactions/" + bare
	resp, err := i.get(ctx, name, "/v1beta/"+name)
	if err != nil {
		return outcome.Interaction{}, err
	}
	defer resp.Body.Close()
	read, err := readInteraction(resp.Body, limit, overflow)
	if err != nil {
		return outcome.Interaction{}, fmt.Errorf("read %s: %w", name, err)
	}
	return read, nil
}

func readInteraction(answer io.Reader, limit int, overflow func(write func(io.Writer) error) error) (read outcome.Interaction, err error) {
	start, err := io.ReadAll(io.LimitReader(answer, int64(limit)+1))
	switch {
	case err != nil:
		return outcome.Interaction{}, err
	case len(start) <= limit:
		read, err = parseInteraction(bytes.NewReader(start))
		read.Resource = start
		return read, err
	}
	whole, called := io.MultiReader(bytes.NewReader(start), answer), false
	err = overflow(func(w io.Writer) error {
		called = true
		read, err = parseInteraction(io.TeeReader(whole, w))
		return err
	})
	if err == nil && !called {
		return parseInteraction(whole)
	}
	return read, err
}

var errNoObject = errors.New("the answer is no JSON object")

func parseInteraction(answer io.Reader) (outcome.Interaction, error) {
	i := interactionReader{Reader: jsonstream.New(answer)}
	if c, err := i.Peek(); err == nil && c != '{' {
		return outcome.Interaction{}, errNoObject
	}
	if err := i.Object(i.member); err != nil {
		return outcome.Interaction{}, err
	}
	if err := i.End(); err != nil {
		return outcome.Interaction{}, err
	}
	if i.output.text != "" {
		i.Interaction.Text, i.TextCut = i.output.text, i.output.cut
	}
	return i.Interaction, nil
}

type interactionReader struct {
	*jsonstream.Reader
	outcome.Interaction
	output outputText
}

func (i *interactionReader) member(name string) (err error) {
	fields := map[string]*string{
		"status": &i.Status, "model": &i.Model, "agent": &i.Agent, "created": &i.Created, "updated": &i.Updated,
		"previousInteractionId": &i.PreviousInteractionID,
	}
	switch name = camel(name); name {
	case "steps":
		return i.Array(func(int) error { return i.output.step(i.Reader) })
	case "outputText": // where there are no steps to make it of
		whole := false
		i.Interaction.Text, whole, err = i.Reader.Text(maxText)
		i.TextCut = !whole
		return err
	case "usage":
		return keepObject(i.Reader, &i.Usage)
	case "labels":
		return keepObject(i.Reader, &i.Labels)
	}
	if field, ok := fields[name]; ok {
		value, err := i.Value(maxScalar)
		*field = value.StrOrNumber()
		return err
	}
	return i.Skip()
}

// keepObject keeps an object.
func keepObject(r *jsonstream.Reader, into *[]byte) error {
	value, err := r.Value(maxObject)
	if value.IsObject() {
		*into = value
	}
	return err
}
