// Command terraform-provider-gemini is the Terraform provider for webhooks of
// the Gemini API. Terraform starts it; docs/index.md says how to use it.
package main

import (
	"context"
	"flag"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"example.com/gemini-webhook/internal/version"
	"example.com/gemini-webhook/terraform/provider/internal/provider"
)

// address is where configurations find the provider. scripts/provider sets it by
// the linker from terraform/versions.tf, the one place to change it; Terraform
// asks for it only when it is told to use a process that runs in a debugger.
var address = "terraform.local/gemini/gemini"

func main() {
	debug := flag.Bool("debug", false, "wait for a debugger, and print how Terraform finds this process")
	flag.Parse()
	err := providerserver.Serve(context.Background(), provider.New(provider.Options{Version: version.String()}), providerserver.ServeOpts{
		Address: address,
		Debug:   *debug,
	})
	if err != nil {
		log.Fatal(err)
	}
}
