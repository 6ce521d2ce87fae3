package provider

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
)

// terraformPath finds the real terraform, or skips the test.
func terraformPath(t *testing.T) string {
	t.Helper()
	path := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if path == "" {
		path = "terraform"
	}
	found, err := exec.LookPath(path)
	if err != nil {
		t.Skipf("needs terraform 1.11 or later: put it on PATH, or name it by TF_ACC_TERRAFORM_PATH (%v)", err)
	}
	return found
}

// accept runs steps with the real terraform.
func (r *rig) accept(steps ...resource.TestStep) {
	r.t.Helper()
	terraformPath(r.t)
	resource.UnitTest(r.t, resource.TestCase{ // UnitTest: whether or not TF_ACC is set
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){"gemini": r.process},
		Steps:                    steps,
		CheckDestroy: func(*terraform.State) error {
			if all, annotations := r.webhooks(), r.Annotations(signingSecret); len(all) > 0 || len(annotations) > 0 {
				return fmt.Errorf("after the destroy: %d webhooks, annotations %v", len(all), annotations)
			}
			if enabled := r.Enabled(tokenSecret); len(enabled) > 0 {
				return fmt.Errorf("after the destroy: tokens %v are enabled", enabled)
			}
			return nil
		},
	})
}

const address = "gemini_webhook.test"

// hcl is a configuration with the provider's block and one webhook.
func (r *rig) hcl(more string) string {
	return fmt.Sprintf(`
provider "gemini" {
  api_key_secret = %q
}

resource "gemini_webhook" "test" {
  name              = "ours"
  uri               = "%s/static"
  subscribed_events = ["batch.succeeded", "batch.failed"]
  signing_secret    = %q
  %s
}
`, keySecret, r.Receiver.URL, signingSecret, more)
}

func planned(action plancheck.ResourceActionType, more ...plancheck.PlanCheck) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: append(more, plancheck.ExpectResourceAction(address, action))}
}

// oneWebhook checks that all is settled at Gemini and in the secret.
func (r *rig) oneWebhook(*terraform.State) error { return r.settled(signingSecret) }

func TestAccWebhook(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{DisableAfter: 1, RetryBase: time.Hour})
	var id string
	same := func(s *terraform.State) error {
		now := s.RootModule().Resources[address].Primary.ID
		if id != "" && now != id {
			return fmt.Errorf("the webhook was replaced: %s, before %s", now, id)
		}
		id = now
		return nil
	}
	unknown := func(name string) plancheck.PlanCheck {
		return plancheck.ExpectUnknownValue(address, tfjsonpath.New(name))
	}
	is := func(name string, value knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(address, tfjsonpath.New(name), value)
	}
	changed := fmt.Sprintf(`
provider "gemini" {
  api_key_secret = %q
}

resource "gemini_webhook" "test" {
  name              = "renamed"
  uri               = "%s/other"
  subscribed_events = ["video.generated"]
  signing_secret    = %q
  enabled           = false
}
`, keySecret, r.Receiver.URL, signingSecret)
	r.accept(
		resource.TestStep{ // where nothing that it depends on is there while it is planned
			Config: fmt.Sprintf(`
resource "terraform_data" "key" { input = %q }
resource "terraform_data" "door" { input = "%s/static" }
resource "terraform_data" "secret" { input = %q }

provider "gemini" {
  api_key_secret = terraform_data.key.output
}

resource "gemini_webhook" "test" {
  name              = "ours"
  uri               = terraform_data.door.output
  subscribed_events = ["batch.succeeded", "batch.failed"]
  signing_secret    = terraform_data.secret.output
}
`, keySecret, r.Receiver.URL, signingSecret),
			ConfigPlanChecks: planned(plancheck.ResourceActionCreate),
			ConfigStateChecks: []statecheck.StateCheck{
				is("state", knownvalue.StringExact("enabled")), is("revocation", knownvalue.StringExact("after_24h")),
				is("signing_secrets", knownvalue.ListSizeExact(1)),
			},
			Check: resource.ComposeTestCheckFunc(r.oneWebhook, same),
		},
		resource.TestStep{
			Config: r.hcl(`rotation_triggers = { month = "1" }`),
			ConfigPlanChecks: planned(plancheck.ResourceActionUpdate, unknown("signing_secrets"), unknown("update_time"),
				plancheck.ExpectKnownValue(address, tfjsonpath.New("state"), knownvalue.StringExact("enabled"))),
			ConfigStateChecks: []statecheck.StateCheck{is("signing_secrets", knownvalue.ListSizeExact(2))},
			Check:             resource.ComposeTestCheckFunc(r.oneWebhook, same, r.versions(2, 1)),
		},
		resource.TestStep{
			Config:            r.hcl("rotation_triggers = { month = \"2\" }\n  revocation = \"immediately\""),
			ConfigPlanChecks:  planned(plancheck.ResourceActionUpdate, unknown("signing_secrets")),
			ConfigStateChecks: []statecheck.StateCheck{is("signing_secrets", knownvalue.ListSizeExact(1))},
			Check:             resource.ComposeTestCheckFunc(r.oneWebhook, same, r.versions(3)),
		},
		resource.TestStep{
			ResourceName: address, ImportState: true, ImportStateId: signingSecret,
			ImportStateVerify: true, ImportStateVerifyIgnore: []string{"rotation_triggers", "revocation"},
		},
		resource.TestStep{
			PreConfig:        r.failDeliveries,
			Config:           r.hcl(""),
			ConfigPlanChecks: planned(plancheck.ResourceActionUpdate, unknown("state")),
			Check:            resource.ComposeTestCheckFunc(r.oneWebhook, same, resource.TestCheckResourceAttr(address, "state", "enabled")),
		},
		resource.TestStep{
			Config: changed,
			ConfigPlanChecks: planned(plancheck.ResourceActionUpdate, unknown("update_time"), unknown("state"),
				plancheck.ExpectKnownValue(address, tfjsonpath.New("signing_secrets"), knownvalue.ListSizeExact(1))),
			ConfigStateChecks: []statecheck.StateCheck{is("state", knownvalue.StringExact("disabled"))},
			Check:             resource.ComposeTestCheckFunc(r.oneWebhook, same),
		},
		resource.TestStep{
			PreConfig: func() {
				for _, hook := range r.webhooks() {
					must(t, r.remove(hook.ID))
				}
			},
			Config:           r.hcl(""),
			ConfigPlanChecks: planned(plancheck.ResourceActionCreate),
			Check:            r.oneWebhook,
		},
		resource.TestStep{
			PreConfig: func() {
				for _, n := range r.Enabled(signingSecret) {
					must(t, r.Store.Disable(signingSecret, n))
				}
			},
			Config:           r.hcl(""),
			ConfigPlanChecks: planned(plancheck.ResourceActionUpdate, unknown("signing_secrets")),
			Check:            r.oneWebhook,
		},
	)
}

// versions checks which versions of the signing secret are enabled.
func (r *rig) versions(want ...int64) resource.TestCheckFunc {
	return func(*terraform.State) error {
		if enabled := r.Enabled(signingSecret); !slices.Equal(enabled, want) {
			return fmt.Errorf("versions %v are enabled, want %v", enabled, want)
		}
		return nil
	}
}

// failDeliveries makes Gemini disable the webhook.
func (r *rig) failDeliveries() {
	r.t.Helper()
	r.Status.Store(http.StatusInternalServerError)
	defer r.Status.Store(http.StatusOK)
	must(r.t, r.admin().Ping(r.t.Context(), signingSecret))
	r.pings++
	for end := time.Now().Add(10 * time.Second); r.webhooks()[0].State != "disabled_due_to_failed_deliveries"; {
		if time.Sleep(2 * time.Millisecond); time.Now().After(end) {
			r.t.Fatal("the webhook is not disabled within 10 s")
		}
	}
}

func TestAccToken(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{})
	hcl := func(more string) string {
		return fmt.Sprintf("resource \"gemini_webhook_token\" \"test\" {\n  secret = %q\n  %s\n}\n", tokenSecret, more)
	}
	enabled := func(want ...int64) resource.TestCheckFunc {
		return func(s *terraform.State) error {
			now := r.Enabled(tokenSecret)
			version := s.RootModule().Resources["gemini_webhook_token.test"].Primary.Attributes["version"]
			if !slices.Equal(now, want) || version != fmt.Sprint(want[0]) {
				return fmt.Errorf("tokens %v are enabled, the state has %s, want %v", now, version, want)
			}
			newest, _ := r.Store.Payload(tokenSecret, want[0])
			if !regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`).Match(newest) {
				return errors.New("the token is not 256 bits as base64url")
			}
			return nil
		}
	}
	r.accept(
		resource.TestStep{Config: hcl(""), Check: enabled(1)},
		resource.TestStep{Config: hcl(`rotation_triggers = { month = "1" }`), Check: enabled(2, 1)},
		resource.TestStep{ResourceName: "gemini_webhook_token.test", ImportState: true, ImportStateId: tokenSecret,
			ImportStateVerify: true, ImportStateVerifyIgnore: []string{"rotation_triggers"}},
		resource.TestStep{
			PreConfig: func() { must(t, r.Store.Disable(tokenSecret, 2)) },
			Config:    hcl(`rotation_triggers = { month = "1" }`), Check: enabled(3, 1),
		},
	)
}
