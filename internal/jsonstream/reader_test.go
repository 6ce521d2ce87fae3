package jsonstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// read walks through a document and gives its top level: copies of elements, or of
// members by name, and of all else a copy of itself.
func read(src io.Reader) (elements []string, members map[string]string, err error) {
	r := New(src)
	copied := func() (string, error) {
		var b strings.Builder
		err := r.Copy(&b)
		return b.String(), err
	}
	c, err := r.Peek()
	switch {
	case err != nil:
	case c == '[':
		err = r.Array(func(int) error {
			text, err := copied()
			elements = append(elements, text)
			return err
		})
	case c == '{':
		members = map[string]string{}
		err = r.Object(func(name string) error {
			text, err := copied()
			members[name] = text
			return err
		})
	default:
		var text string
		text, err = copied()
		elements = []string{text}
	}
	if err == nil {
		err = r.End()
	}
	return elements, members, err
}

// FuzzReader: whatever comes, the verdict and the parts are encoding/json's.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		`[1, -0.5e+7 , "a\u00e9\n\"", {"b":[ true,false ,null]}, []]`, `{"a":1,"a":{"b" : 2},"":[]}`, `"top"`, ` 12`, `0e1`, `01`, `[1,]`, `{"a"}`, `{"a":}`,
		`{1:2}`, `[`, `[}`, `"\x"`, `"\u12g4"`, "\"\x01\"", `tru`, `nul`, `-`, `1.`, `1e`, `[] []`, "[\"\xff\"]", `{"\u0061":1}`, ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		elements, members, err := read(bytes.NewReader(text))
		again, sameMembers, sameErr := read(iotest.OneByteReader(bytes.NewReader(text)))
		if !reflect.DeepEqual(elements, again) || !reflect.DeepEqual(members, sameMembers) || (err == nil) != (sameErr == nil) {
			t.Fatalf("%q: %v, byte by byte %v", text, err, sameErr)
		}
		if valid := json.Valid(text); valid != (err == nil) {
			t.Fatalf("%q: %v, encoding/json: valid is %v", text, err, valid)
		}
		if err != nil {
			if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrCut) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		var wanted []json.RawMessage
		var wantedMembers map[string]json.RawMessage
		switch text[bytes.IndexFunc(text, func(c rune) bool { return !strings.ContainsRune(" \t\r\n", c) })] {
		case '[':
			_ = json.Unmarshal(text, &wanted)
		case '{':
			_ = json.Unmarshal(text, &wantedMembers)
		default:
			wanted = []json.RawMessage{text}
		}
		for i := range max(len(wanted), len(elements)) {
			if want := compact(t, wanted[i]); elements[i] != want {
				t.Fatalf("%q: element %d is %q, want %q", text, i, elements[i], want)
			}
		}
		for name, value := range wantedMembers {
			if got, want := members[name], compact(t, value); len(name) <= maxName && got != want && utf8.Valid(text) {
				t.Fatalf("%q: member %q is %q, want %q", text, name, got, want)
			}
		}
	})
}

func compact(t *testing.T, value []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, value); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestKeeping: small values are kept, of long strings the beginnings.
func TestKeeping(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"short"`:            "short",
		`"0123456789"`:       "0123456789",
		`"0123456789a"`:      "0123456789",
		`"01234567\n\t"`:     "01234567\n",
		`"012345678\n"`:      "012345678",
		`"0123\ud83d\ude00"`: "0123",
		`"01234\u00e9"`:      "01234",
		`"0123\u00e9 "`:      "0123é",
		`"01234567é"`:        "01234567é",
		`"012345678é"`:       "012345678",
		`"0123456🙂"`:         "0123456",
		`["no", "string"]`:   "",
		`7`:                  "",
	} {
		got, whole, err := New(strings.NewReader(text)).Text(10)
		if got != want || err != nil || whole != (len(text) <= 12 || text[0] != '"') {
			t.Errorf("%s: %q, whole %v, %v, want %q", text, got, whole, err, want)
		}
	}
	for text, want := range map[string]string{`{ "a" : [1, 2] }`: `{"a":[1,2]}`, `{"a":[1,2,3]}`: ""} {
		if got, err := New(strings.NewReader(text)).Value(11); string(got) != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
}

// TestDepth: as deep as encoding/json, and no deeper.
func TestDepth(t *testing.T) {
	t.Parallel()
	for depth, want := range map[int]error{maxDepth: nil, maxDepth + 1: ErrSyntax} {
		text := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		if _, _, err := read(strings.NewReader(text)); err != want || json.Valid([]byte(text)) != (want == nil) {
			t.Errorf("%d: %v, want %v", depth, err, want)
		}
	}
}

func TestOtherTypesHaveNoMembers(t *testing.T) {
	t.Parallel()
	r := New(strings.NewReader(`[[1], {"a":2}, "b", {"` + strings.Repeat("n", maxName+1) + `":3}]`))
	var names []string
	err := r.Array(func(i int) error {
		if i == 1 {
			return r.Array(func(int) error { t.Error("an object has elements"); return r.Skip() })
		}
		return r.Object(func(name string) error {
			names = append(names, name)
			return r.Skip()
		})
	})
	if diff := cmp.Diff([]string{""}, names); err != nil || diff != "" || r.End() != nil {
		t.Errorf("%v, names (-want +got):\n%s", err, diff)
	}
}

type refusing struct{ error }

func (r refusing) Write([]byte) (int, error) { return 0, r.error }

// TestErrorsArePassedOn: of the stream, of the writer, and of who reads.
func TestErrorsArePassedOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	if _, _, err := read(io.MultiReader(strings.NewReader(`[1,2`), iotest.ErrReader(broken))); err != broken {
		t.Errorf("a stream that fails: %v", err)
	}
	for _, text := range []string{`[1]`, `7`, `"` + strings.Repeat("x", 3*bufferBytes) + `"`} {
		if err := New(strings.NewReader(text)).Copy(refusing{broken}); err != broken {
			t.Errorf("a writer that fails: %v", err)
		}
	}
	r := New(strings.NewReader(`[1,2]`))
	if err := r.Array(func(int) error { return broken }); err != broken || r.End() != broken {
		t.Errorf("a reader that fails: %v", err)
	}
}

// TestMemoryIsBounded: 64 MiB in one string are passed on, or over, in the memory of the
// buffers.
func TestMemoryIsBounded(t *testing.T) {
	long := func() io.Reader {
		return io.MultiReader(strings.NewReader(`"`), io.LimitReader(repeated{}, 64<<20), strings.NewReader(`"`))
	}
	for name, f := range map[string]func(*Reader) error{
		"Copy":  func(r *Reader) error { return r.Copy(io.Discard) },
		"Value": func(r *Reader) error { _, err := r.Value(1000); return err },
		"Text":  func(r *Reader) error { _, _, err := r.Text(1000); return err },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := f(New(long())); err != nil {
			t.Error(err)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 4*bufferBytes {
			t.Errorf("%s allocates %d bytes", name, n)
		}
	}
}

// repeated is a text without an end.
type repeated struct{}

func (repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
