package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"example.com/gemini-webhook/internal/doctor"
	simulator "example.com/gemini-webhook/internal/localcloud/gemini"
	"example.com/gemini-webhook/internal/localcloud/secrets"
	"example.com/gemini-webhook/internal/reconcile"
	"example.com/gemini-webhook/internal/webhookadmin"
)

func TestDoctorHealthy(t *testing.T) {
	d := deploy(t)
	for _, f := range d.examine() {
		if f.Status != doctor.OK || f.Found == "" || f.Do != "" {
			t.Errorf("%+v", f)
		}
	}
	d.renew()
	out, messages, code := webhookctl(t, "doctor")
	if code != codeDone || messages != "" || !strings.HasSuffix(out, "\n30 checks: 30 ok, 0 warnings, 0 failed\n") {
		t.Errorf("code %d, %s%s", code, out, messages)
	}
	d.noSecrets(out)

	static := d.newReceiver(true, false)
	d.set(func() { d.door = func(http.Handler) http.Handler { return static } })
	for _, f := range d.examine("--token-secret=") {
		if f.Status != doctor.OK {
			t.Errorf("without dynamic deliveries: %+v", f)
		}
	}
}

// noSecrets looks for what must not be printed.
func (d *deployment) noSecrets(text string) {
	d.Helper()
	for _, secret := range []string{deployedSigning, deployedToken} {
		for n := int64(1); ; n++ {
			payload, ok := d.store.Payload(secret, n)
			if !ok {
				break
			}
			if strings.Contains(text, string(payload)) {
				d.Errorf("version %d of %s is printed", n, secret)
			}
		}
	}
	if strings.Contains(text, apiKey) {
		d.Error("the API key is printed")
	}
}

// TestDoctorDeadLetters: they are reported, and stay.
func TestDoctorDeadLetters(t *testing.T) {
	d := deploy(t)
	_, err := d.pubsub.TopicAdminClient.Publish(t.Context(), &pubsubpb.PublishRequest{Topic: topics + "dead-letters", Messages: []*pubsubpb.PubsubMessage{
		{Data: []byte("payload"), Attributes: map[string]string{"kind": "range"}},
	}})
	must(t, err)
	for range 2 {
		for _, f := range d.examine() {
			if f.Check == "dead letters" {
				if f.Status != doctor.Fail || !strings.Contains(f.Found, `"range"`) || !strings.Contains(f.Do, "docs/runbooks/dead-letters.md") || strings.Contains(f.Found, "payload") {
					t.Errorf("%+v", f)
				}
			} else if f.Status != doctor.OK {
				t.Errorf("%+v", f)
			}
		}
	}
}

// TestDoctorGaveUp: Gemini has disabled the webhook after failed deliveries.
func TestDoctorGaveUp(t *testing.T) {
	d := deployWith(t, simulator.Options{DisableAfter: 1})
	d.set(func() { d.door = func(http.Handler) http.Handler { return http.NotFoundHandler() } })
	if _, messages, code := webhookctl(t, "webhook", "ping", "--secret", deployedSigning); code != codeDone {
		t.Fatal(messages)
	}
	for range 500 { // the delivery is under way
		if out, _, _ := webhookctl(t, "webhook", "get", "--secret", deployedSigning); strings.Contains(out, webhookadmin.StateFailed) {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	d.heal()
	for _, f := range d.examine() {
		if f.Check == "webhook" {
			if f.Status != doctor.Fail || !strings.Contains(f.Do, "docs/runbooks/deliveries-refused.md") || !strings.Contains(f.Do, "--enabled") {
				t.Errorf("%+v", f)
			}
		} else if f.Status != doctor.OK {
			t.Errorf("%+v", f)
		}
	}
}

// TestDoctorKnowsTheSchedule by the runs that there were.
func TestDoctorKnowsTheSchedule(t *testing.T) {
	d := deploy(t)
	const hour, daily = time.Hour, 24 * time.Hour
	for name, test := range map[string]struct {
		ago  []time.Duration
		want doctor.Status
	}{
		"daily, a day late":        {[]time.Duration{5*daily - hour, 4*daily - hour, 3*daily - hour, 2*daily - hour}, doctor.OK},
		"daily, three days late":   {[]time.Duration{6*daily + hour, 5*daily + hour, 4*daily + hour, 3*daily + hour}, doctor.Warn},
		"hourly, with a long hole": {[]time.Duration{90 * hour, 5 * hour, 4 * hour, 3*hour + time.Minute}, doctor.Warn},
		"every minute":             {[]time.Duration{52 * time.Minute, 51 * time.Minute, 50 * time.Minute}, doctor.OK},
		"once, in time":            {[]time.Duration{50 * time.Minute}, doctor.OK},
		"once, and no more":        {[]time.Duration{70 * time.Minute}, doctor.Warn},
		"long ago":                 {[]time.Duration{50 * daily, 40 * daily}, doctor.Warn},
	} {
		d.ran(reconcile.Report{}, test.ago...)
		for _, f := range d.examine() {
			if f.Check == "reconciliation" && f.Status != test.want {
				t.Errorf("%s: %+v, want %s", name, f, test.want)
			}
		}
	}
}

// TestDoctorWaits not for ever: a service that does not answer is a finding.
func TestDoctorWaits(t *testing.T) {
	d := deploy(t)
	d.store.Fail(func(secrets.Op) *secrets.Fault { return &secrets.Fault{Delay: time.Minute} })
	d.renew()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	out, _, code := answered(t, ctx, nil, "doctor")
	if code != codeAgain || !strings.Contains(out, "FAIL  signing secret: could not check") || !strings.Contains(out, "ok    topic gemini-webhook-queue: exists") {
		t.Errorf("code %d\n%s", code, out)
	}
}

// TestDoctorUsage are command lines that are wrong.
func TestDoctorUsage(t *testing.T) {
	for name, args := range map[string][]string{
		"no project":   {"doctor", "--url", "https://receiver.example"},
		"no URL":       {"doctor", "--project", "p"},
		"a bare host":  {"doctor", "--project", "p", "--url", "receiver.example"},
		"a bad secret": {"doctor", "--project", "p", "--url", "https://receiver.example", "--signing-secret", "s"},
	} {
		if out, messages, code := webhookctl(t, args...); code != codeUsage || out != "" || messages == "" {
			t.Errorf("%s: code %d, %q, %q", name, code, out, messages)
		}
	}
}
