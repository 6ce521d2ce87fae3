package provider

import (
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
)

// TestAccInterrupted lets the real terraform fail, each time as if the provider
// was killed at one call, and heal with the next apply of the same. The plan in
// between shows a change, and the plan after it none: the harness checks that.
// TestKilledAtEveryCall has all the other calls.
func TestAccInterrupted(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{Signing: simulator.SignOldUntilExpiry})
	var steps []resource.TestStep
	interrupted := func(config, call string, how fault) {
		steps = append(steps,
			resource.TestStep{
				PreConfig:   func() { r.Faults.Set(killAt(call, how)) },
				Config:      config,
				ExpectError: regexp.MustCompile(`Error: `),
			},
			resource.TestStep{
				PreConfig: func() {
					r.Faults.Set(nil)
					r.Lapse()
				},
				Config:           config,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectNonEmptyPlan()}},
				Check:            r.oneWebhook,
			})
	}
	interrupted(r.hcl(""), "POST webhooks", lose) // created, and the key is lost
	rotation := func(n int) string { return r.hcl(fmt.Sprintf("rotation_triggers = { month = \"%d\" }", n)) }
	interrupted(rotation(1), "POST :rotateSigningSecret", lose)
	interrupted(rotation(2), "AddSecretVersion", drop)
	immediate := r.hcl("rotation_triggers = { month = \"3\" }\n  revocation = \"immediately\"")
	interrupted(immediate, "DisableSecretVersion", drop)
	interrupted(r.hcl(`enabled = false`), "PATCH webhook", drop)
	r.accept(steps...)
}

// killAt kills the provider at the first call of a name.
func killAt(call string, how fault) func(string) fault {
	var killed atomic.Bool
	return func(now string) fault {
		switch {
		case killed.Load():
			return dead
		case now == call:
			killed.Store(true)
			return how
		}
		return fine
	}
}

// TestAccSecretMadeAgain replaces the signing secret by one of the same name in
// the apply that is to notice it: the webhook stays, with a new key that is
// stored there.
func TestAccSecretMadeAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulator.Options{Signing: simulator.SignOldUntilExpiry})
	config := func(made string) string {
		return strings.Replace(r.hcl(""), fmt.Sprintf("signing_secret    = %q", signingSecret), "signing_secret    = terraform_data.secret.output", 1) +
			fmt.Sprintf("resource \"terraform_data\" \"secret\" {\n  input = %q\n  triggers_replace = %q\n}\n", signingSecret, made)
	}
	var id string
	r.accept(
		resource.TestStep{Config: config("once"), Check: func(s *terraform.State) error {
			id = s.RootModule().Resources[address].Primary.ID
			return r.oneWebhook(s)
		}},
		resource.TestStep{
			PreConfig: func() {
				r.Store.Delete(signingSecret)
				r.Store.Create(signingSecret)
			},
			Config:           config("again"),
			ConfigPlanChecks: planned(plancheck.ResourceActionUpdate),
			Check: resource.ComposeTestCheckFunc(r.oneWebhook, func(s *terraform.State) error {
				if now := s.RootModule().Resources[address].Primary.ID; now != id {
					return fmt.Errorf("the webhook was replaced: %s, before %s", now, id)
				}
				return nil
			}),
		},
	)
}
