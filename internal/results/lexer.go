package results

// A lexer says where in a line a condenser is: in which member of which value. It
// notices what is not JSON in strings; what is not outside of them is kept, and
// noticed there.
type lexer struct {
	isResponse bool // the whole is a response, not a line
	broken     bool // no JSON, whatever follows
	ended      bool // the object or array is

	stack    []container
	name     []byte // of the last member
	atName   bool   // the next string is a name
	inString bool
	escape   []byte // of an escape that is not finished; nil outside of one
	unit     [len(`\u0000`)]byte
}

type container struct {
	object   bool
	class    class
	metadata bool // the line's
}

// class says what a string may lose.
type class int

const (
	bulk      class = iota // all but its beginning
	extra                  // what is in a line's extra: nothing, or there is none
	published              // what is published whole: as little as possible
	uncut                  // nothing: names, keys and reasons
)

// inText says of each byte whether it stands for itself in a string.
var inText = func() (table [256]bool) {
	for c := range table {
		table[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return table
}()

// outside takes a byte outside of strings that is no quote.
func (l *lexer) outside(c byte) {
	switch c {
	case '{', '[':
		if len(l.stack) == maxDepth || l.ended {
			l.broken = true
			return
		}
		l.stack = append(l.stack, container{c == '{', l.class(false), l.isMember("metadata")})
		l.atName = c == '{'
	case '}', ']':
		if len(l.stack) == 0 {
			l.broken = true
			return
		}
		l.stack = l.stack[:len(l.stack)-1]
		l.atName, l.ended = false, len(l.stack) == 0
	case ',':
		l.atName = len(l.stack) > 0 && l.stack[len(l.stack)-1].object
	case ':':
		l.atName = false
	}
}

// escaped takes a byte of an escape, and reports whether it is the last.
func (l *lexer) escaped(c byte) bool {
	n := len(l.escape)
	l.escape = append(l.unit[:n], c)
	switch n {
	case 0: // the backslash
		return false
	case 1:
		l.broken = c != 'u' && !isEscape(c)
		return c != 'u'
	}
	l.broken = !isHex(c)
	return n == len(l.unit)-1
}

func isEscape(c byte) bool {
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	}
	return false
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// isMember reports whether the next value is the line's own member of that name.
func (l *lexer) isMember(name string) bool {
	return len(l.stack) == 1 && l.stack[0].object && !l.isResponse && string(l.name) == name
}

// class is that of the next value.
func (l *lexer) class(text bool) class {
	if len(l.stack) == 0 {
		return bulk
	}
	in := l.stack[len(l.stack)-1]
	switch {
	case !in.object:
		return in.class
	case len(l.stack) == 1 && !l.isResponse:
		return memberClass(string(l.name))
	case in.class == bulk:
		return responseClass(string(l.name), text)
	case in.metadata && string(l.name) == "key":
		return uncut
	}
	return in.class
}

// memberClass is that of a line's member.
func memberClass(name string) class {
	switch name {
	case "key", "custom_id", "customId":
		return uncut
	case "error", "status", "code", "message", "details", "modelVersion", "model_version":
		return published
	case "request", "response", "instance", "predictions", "candidates", "promptFeedback", "prompt_feedback",
		"embedding", "embeddings":
		return bulk
	}
	return extra
}

// responseClass is that of a member inside of a response, or of what else is bulk.
func responseClass(name string, text bool) class {
	switch name {
	case "finishReason", "finish_reason", "blockReason", "block_reason":
		return uncut
	case "error", "details":
		return published
	case "code", "message", "status", "finishMessage", "finish_message", "blockReasonMessage", "block_reason_message",
		"refusal", "modelVersion", "model_version", "model":
		if text {
			return published
		}
	}
	return bulk
}
