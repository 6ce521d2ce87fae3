package main

import (
	"fmt"
	"strings"
	"time"

	"example.com/gemini-webhook/verify/verifytest"
)

// printAddresses says how to talk to what is left running.
func (d *demo) printAddresses() {
	out := d.screen.out
	d.screen.title("Still running; end it with Ctrl-C.")
	fmt.Fprintf(out, "\nthe receiver      %s\nGemini (SDK)      %s   x-goog-api-key: local-api-key\n\n", d.url, d.cloud.Gemini.URL())
	fmt.Fprintln(out, "A receiver of your own on the same cloud (its tasks are pushed to the one above):")
	for _, pair := range d.cloud.Env() {
		name, value, _ := strings.Cut(pair, "=")
		fmt.Fprintf(out, "  export %s='%s'\n", name, value)
	}
	fmt.Fprintln(out, "  PORT=8080 go run ./cmd/receiver")

	body := `{"type":"video.generated","version":"v1","data":{"id":"video_1","output_file_uri":"gs://my-bucket/video.mp4","file_name":"files/abc"}}`
	header := verifytest.Static(d.secret, fmt.Sprintf("msg_%d", time.Now().UnixNano()), time.Now(), []byte(body))
	fmt.Fprintf(out, "\nA signed delivery, good for five minutes:\n  curl -i -d '%s' \\\n", body)
	for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
		fmt.Fprintf(out, "    -H '%s: %s' \\\n", name, header.Get(name))
	}
	fmt.Fprintf(out, "    %s%s\n", d.url, hookPath)
}
