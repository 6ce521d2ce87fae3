// Command framework is the Functions Framework with a handler that does nothing:
// what BenchmarkColdStart compares the receiver with.
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
)

func main() {
	functions.HTTP("Empty", func(http.ResponseWriter, *http.Request) {})
	log.Fatal(funcframework.Start(os.Getenv("PORT")))
}
