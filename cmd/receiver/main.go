// Command receiver serves the functions as the buildpack's main does: what
// FUNCTION_TARGET names (default GeminiWebhook), on PORT (default 8080).
package main

import (
	"cmp"
	"fmt"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"

	receiver "example.com/gemini-webhook"
)

func main() {
	target := cmp.Or(os.Getenv("FUNCTION_TARGET"), receiver.Target)
	if err := run(target); err != nil {
		fmt.Fprintln(os.Stderr, "receiver:", err)
		os.Exit(1)
	}
}

func run(target string) error {
	if err := os.Setenv("FUNCTION_TARGET", target); err != nil {
		return err
	}
	receiver.Prepare(target) // may change PORT and LOCAL_ONLY
	host := ""
	if os.Getenv("LOCAL_ONLY") == "true" {
		host = "127.0.0.1"
	}
	return funcframework.StartHostPort(host, cmp.Or(os.Getenv("PORT"), "8080"))
}
