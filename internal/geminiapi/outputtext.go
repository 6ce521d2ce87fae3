package geminiapi

import "example.com/gemini-webhook/internal/jsonstream"

// maxText bounds an output text: 256 KiB, which no outcome exceeds.
const maxText = 256 << 10

// outputText is what the SDKs make of an interaction's steps: the texts at the end of
// the model's output since the last input, joined. They walk backwards; here the same is
// found as the steps come. Thoughts between two texts do not part them; anything else
// does, and of the groups that are parted the last one counts.
type outputText struct {
	group
	parted bool // the next text begins a group
}

// group are texts that are joined.
type group struct {
	text string
	any  bool // there is a text, perhaps an empty one
	cut  bool // text is the beginning
}

// add joins what follows.
func (g *group) add(next group) {
	room := maxText - len(g.text)
	if !g.cut && len(next.text) <= room {
		g.text += next.text
	} else {
		g.cut = true // between two texts: a rune is never cut
	}
	g.any, g.cut = true, g.cut || next.cut
}

// step reads one step, whose type may stand behind its content.
func (o *outputText) step(r *jsonstream.Reader) error {
	kind := ""
	var before, last group // the first thing that parts them, and of what follows the last group
	ends, parted := false, false
	err := r.Object(func(name string) error {
		switch name {
		case "type":
			return text(r, &kind)
		case "content":
			return r.Array(func(int) error {
				piece, err := readPiece(r)
				switch {
				case !piece.any:
					ends, parted = true, true
				case !parted:
					before.add(piece)
				default:
					if ends {
						last = group{}
					}
					ends = false
					last.add(piece)
				}
				return err
			})
		}
		return r.Skip()
	})
	switch kind {
	case "thought":
	case "user_input":
		*o = outputText{}
	case "model_output":
		o.join(before)
		o.parted = o.parted || parted
		o.join(last)
		o.parted = o.parted || ends
	default:
		o.parted = true
	}
	return err
}

func (o *outputText) join(texts group) {
	if !texts.any {
		return
	}
	if o.parted {
		*o = outputText{}
	}
	o.add(texts)
}

// readPiece reads an element of a step's content: a group without any text where it is
// something else.
func readPiece(r *jsonstream.Reader) (piece group, err error) {
	kind := ""
	err = r.Object(func(name string) (err error) {
		switch name {
		case "type":
			return text(r, &kind)
		case "text":
			whole := false
			piece.text, whole, err = r.Text(maxText)
			piece.cut = !whole
			return err
		}
		return r.Skip()
	})
	if kind != "text" {
		return group{}, err
	}
	piece.any = true
	return piece, err
}
