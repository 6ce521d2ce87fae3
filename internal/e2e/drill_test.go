package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/gemini-webhook/internal/buildtest/monitoring"
	"example.com/gemini-webhook/internal/localcloud/gemini"
)

// drilled is how the condition of alerts comes about and is repaired.
type drilled struct {
	alerts  []string // all of them fire
	runbook string   // whose commands repair it; "" that of the first alert
	until   string   // the text of the runbook behind which no command is run
	leave   []string // commands that are not run, by a part of them

	env    []string // of the public door
	canary string   // the webhook that the reconciliation has pinged; "": none
	gemini gemini.Options
	// attempts are what a message gets before it is a dead letter; 0: 5.
	attempts int
	// cause brings the condition about, before the public door starts.
	cause func(*drill)
	// traffic is what happens meanwhile, and again after the repair.
	traffic func(*drill)
	// mend is what the runbook says in words, before its commands.
	mend func(*drill)
	// each is called before each command and gives what stands for its placeholders,
	// names and values by turns.
	each func(d *drill, command string) []string
	// gcloud are the commands that the stand-in performs, by their first words.
	gcloud map[string]func(d *drill, stdin string)
	// check is what the runbook's last section looks for: a metric, and matchers of its
	// labels as PromQL has them.
	check [2]string
}

// TestDrill makes the condition of each alert, by the real receiver in the embedded
// cloud; sees that the alert's own definition fires of the lines that were written; runs
// the commands of its runbook as they stand there; and sees that it fires no more of what
// is written after that, while work goes on.
func TestDrill(t *testing.T) {
	t.Parallel()
	for _, c := range drills {
		t.Run(c.alerts[0], func(t *testing.T) {
			t.Parallel()
			d := newDrill(t, c)
			d.traffic(d)
			for _, name := range c.alerts {
				alert := monitoring.AlertOf(t, name)
				d.wait("that "+name+" fires", func() bool { return alert.Fires(t, d.state()) })
			}
			if d.mend != nil {
				d.mend(d)
			}
			d.mark()
			d.repair()
			d.traffic(d)
			if c.check[0] != "" {
				d.wait("what the runbook checks", func() bool { return d.state().Sum(t, c.check[0], c.check[1]) > 0 })
			}
			d.wait("that no alert fires any more", func() bool {
				return !slices.ContainsFunc(c.alerts, func(name string) bool { return monitoring.AlertOf(t, name).Fires(t, d.state()) })
			})
		})
	}
}

// notDrilled are alerts whose condition cannot be made here, and why. That their
// definitions fire of what Cloud Run and Pub/Sub would write, internal/buildtest shows:
// TestAlertsThatAreNotDrilled.
var notDrilled = map[string]string{
	"deliveries-throttled":  "429 is Cloud Run's own answer where it has no instance, and instances are changed by a deployment",
	"failed-instances":      "the lines are Cloud Run's, of revisions that it starts and ends, and its traffic goes to another by its own command",
	"bigquery-backlog":      "the embedded cloud has no BigQuery, whose subscriptions Pub/Sub itself works on; terraform apply repairs it",
	"bigquery-dead-letters": "the embedded cloud has no BigQuery, and so nothing that refuses a row; terraform apply repairs it",
}

// TestEveryAlertIsDrilled, or has its reason.
func TestEveryAlertIsDrilled(t *testing.T) {
	t.Parallel()
	var drilledAlerts []string
	for _, c := range drills {
		drilledAlerts = append(drilledAlerts, c.alerts...)
	}
	all := monitoring.Names(t, "alerts")
	for _, name := range all {
		if done, reason := slices.Contains(drilledAlerts, name), notDrilled[name]; done == (reason != "") {
			t.Errorf("%s: drilled %t, and the reason why not is %q", name, done, reason)
		}
	}
	for name := range notDrilled {
		if !slices.Contains(all, name) {
			t.Errorf("there is no alert %s", name)
		}
	}
	for _, c := range drills {
		if commands := commandsOf(t, c.book(), c.until); len(commands) == 0 && c.mend == nil {
			t.Errorf("%s: nothing repairs it", c.alerts[0])
		}
	}
}

// book is the name of the runbook.
func (c drilled) book() string {
	if c.runbook != "" {
		return c.runbook
	}
	name, _, _ := strings.Cut(c.alerts[0], ".")
	return name
}

// rates are the alerts of a service level.
func rates(name string) []string {
	return []string{name + ".fast", name + ".slow", name + ".ticket"}
}

// never is longer than a drill takes, whatever divides it.
const never = 10_000 * 24 * time.Hour
