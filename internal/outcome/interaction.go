package outcome

import "encoding/json"

// Interaction is what the Gemini API says of an interaction. What it does not say is
// empty, and so is what is longer than any of its kind: the resource has it.
type Interaction struct {
	// At most 1 KiB each. The times are RFC 3339, as the API writes them.
	Status, Model, Agent, Created, Updated, PreviousInteractionID string

	Text    string // what the SDK calls output text
	TextCut bool   // Text is its beginning
	Usage   []byte // a JSON object, the API's own, of at most 16 KiB
	Labels  []byte // a JSON object of at most 16 KiB

	Resource []byte    // the answer, a JSON object
	Archived *Archived // a copy of the answer
}

// Interaction makes the outcome of an interaction's event. Where i is nil the API was
// not asked, or did not say; reason is why, nil where it was not asked, or why something
// of the answer is missing. whole is false where the resource had to be left out.
func (o *Event) Interaction(i *Interaction, reason *Error) (m Message, whole bool) {
	b := &interactionBody{report: o.simpleReport(), reason: reason}
	if i != nil {
		read := *i
		b.interaction = &read
	}
	m = o.confirmable(i != nil, b)
	if i == nil || i.Resource == nil {
		return m, true
	}
	// What is as deep as a JSON text may be is too deep inside of another.
	return m, b.interaction.Resource != nil && json.Valid(m.Data)
}

type interactionBody struct {
	report
	interaction *Interaction // nil: nothing is known
	reason      *Error
}

func (n *interactionBody) append(b []byte) []byte {
	b = n.report.append(b)
	if n.interaction != nil {
		b = appendObject(b, "interaction", n.interaction.append)
	}
	return appendReason(b, "interaction_error", n.reason)
}

func (i *Interaction) append(b []byte) []byte {
	for _, member := range []struct{ name, value string }{
		{"status", i.Status}, {"model", i.Model}, {"agent", i.Agent}, {"text", i.Text}, {"created", i.Created},
		{"updated", i.Updated}, {"previous_interaction_id", i.PreviousInteractionID},
	} {
		b = appendOptional(b, member.name, member.value)
	}
	for _, member := range []struct {
		name  string
		value []byte
	}{{"usage", i.Usage}, {"labels", i.Labels}, {"resource", i.Resource}} {
		if member.value != nil {
			b = appendRaw(appendName(b, member.name), member.value)
		}
	}
	return appendArchived(b, i.Archived)
}

// omit leaves out the resource.
func (n *interactionBody) omit() bool {
	if n.interaction == nil || n.interaction.Resource == nil {
		return false
	}
	n.interaction.Resource = nil
	return true
}

func (n *interactionBody) omitted() []string {
	names := n.report.omitted()
	if n.interaction != nil && n.interaction.TextCut {
		names = append(names, "interaction.text")
	}
	return names
}

func (n *interactionBody) fields() (first, last []field) {
	first, last = n.report.fields()
	if i := n.interaction; i != nil {
		first = append(first, stringField("interaction.text", &i.Text))
		last = append(last,
			field{name: "interaction.usage", size: len(i.Usage), cut: func(int) { i.Usage = nil }},
			field{name: "interaction.labels", size: len(i.Labels), cut: func(int) { i.Labels = nil }})
	}
	return first, last
}
