package results_test

import (
	"fmt"
	"strings"

	"example.com/gemini-webhook/internal/results"
)

// The second of two ranges begins in the middle of a line, which is the first
// one's.
func ExampleScanner() {
	const object = "first\nsecond\n\nthird"
	for _, r := range [][2]int64{{0, 9}, {9, 19}} {
		body := strings.NewReader(object[max(r[0]-1, 0):])
		s := results.NewScanner(body, r[0], r[1], int64(len(object)), 16<<20)
		for s.Scan() {
			line := s.Line()
			fmt.Printf("[%d, %d) has %s at %d\n", r[0], r[1], line.Data, line.Offset)
		}
		if err := s.Err(); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// [0, 9) has first at 0
	// [0, 9) has second at 6
	// [9, 19) has third at 14
}

func ExampleParse() {
	for _, text := range []string{
		`{"key":"a","response":{"candidates":[{"content":{"parts":[{"text":"Hello"}]},"finishReason":"STOP"}]}}`,
		`{"key":"b","error":{"code":429,"message":"quota"}}`,
		`{"foo":1}`,
	} {
		line := results.Parse([]byte(text))
		fmt.Printf("%q %s %q", line.Key, line.Status, line.Text)
		if line.Error != nil {
			fmt.Printf(" %s", line.Error.Code)
		}
		fmt.Println()
	}
	// Output:
	// "a" succeeded "Hello"
	// "b" failed "" 429
	// "" invalid "" unknown_shape
}
