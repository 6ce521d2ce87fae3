package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// replacements plans the replacement of every resource that something is bound
// to, in the configuration in this directory, and returns what would be left
// with a grant or a link that is gone. Resources that share no bound resource
// are replaced in one plan.
func replacements(state string, args []string) (findings []string, err error) {
	text, err := os.ReadFile(state)
	if err != nil {
		return nil, err
	}
	all, err := parseState(text)
	if err != nil {
		return nil, err
	}
	findings = unmatched(all)
	for _, group := range groups(all) {
		actions, err := planReplace(group, args)
		if err != nil {
			return nil, err
		}
		for _, r := range group {
			findings = append(findings, stale(r, bound(r, all), actions)...)
		}
	}
	return findings, nil
}

// receiver is what the names of all that the tested configuration makes begin
// with, or hold.
const receiver = "gemini-webhook"

// unmatched returns the grants of ours that no resource is found for: a kind
// that this test does not know must not pass unseen.
func unmatched(all []resource) (findings []string) {
	for _, g := range all {
		on, isGrant := g.grants()
		if !isGrant {
			continue
		}
		found := on == "google_project" || on == "google_kms_crypto_key" || !strings.Contains(g.text(shortNames[on]), receiver) && shortNames[on] != ""
		missing := map[string]bool{}
		for _, member := range members(g) {
			missing[member] = strings.Contains(member, ":"+receiver)
		}
		for _, r := range all {
			if !isBound(g, r, all) {
				continue
			}
			found = found || r.Type == on
			missing["serviceAccount:"+r.text("email")] = false
		}
		if !found {
			findings = append(findings, g.Address+": what it is granted on is not found")
		}
		for member, gone := range missing {
			if gone {
				findings = append(findings, g.Address+": "+member+" is not found")
			}
		}
	}
	return findings
}

func isBound(b, r resource, all []resource) bool {
	return slices.ContainsFunc(bound(r, all), func(other resource) bool { return other.Address == b.Address })
}

// groups puts together what can be replaced in one plan: nothing is bound to
// two of a group, and nothing in it is bound to another, or the one would be
// found replaced for the other's sake. None has more than 8, see planReplace.
func groups(all []resource) (groups [][]resource) {
	var taken []map[string]bool
	for _, r := range all {
		dependents := bound(r, all)
		if len(dependents) == 0 {
			continue
		}
		touched := []string{r.Address}
		for _, b := range dependents {
			touched = append(touched, b.Address)
		}
		i := 0
		for i < len(groups) && (len(groups[i]) == 8 || slices.ContainsFunc(touched, func(address string) bool { return taken[i][address] })) {
			i++
		}
		if i == len(groups) {
			groups, taken = append(groups, nil), append(taken, map[string]bool{})
		}
		groups[i] = append(groups[i], r)
		for _, address := range touched {
			taken[i][address] = true
		}
	}
	return groups
}

// planReplace returns the actions of a plan that replaces a group, by address.
func planReplace(group []resource, args []string) (map[string][]string, error) {
	file, err := os.CreateTemp("", "replace-*.plan")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	if err := file.Close(); err != nil {
		return nil, err
	}
	plan := []string{"plan", "-no-color", "-refresh=false", "-out=" + file.Name()}
	// Terraform (1.11) appends what replace_triggered_by adds to the list of
	// -replace, for all resources to the same array where that has room, and so
	// forgets some. It has none at 1, 2, 4 and 8: the last is said again until then.
	for i := 0; i < len(group) || i&(i-1) != 0; i++ {
		plan = append(plan, "-replace="+group[min(i, len(group)-1)].Address)
	}
	if out, err := exec.Command("terraform", append(plan, args...)...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("terraform plan: %w\n%s", err, out)
	}
	out, err := exec.Command("terraform", "show", "-json", file.Name()).Output()
	if err != nil {
		return nil, fmt.Errorf("terraform show: %w", err)
	}
	var shown struct {
		Changes []struct {
			Address string
			Change  struct{ Actions []string }
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal(out, &shown); err != nil {
		return nil, err
	}
	actions := map[string][]string{}
	for _, c := range shown.Changes {
		actions[c.Address] = c.Change.Actions
	}
	return actions, nil
}

// stale returns what a plan that replaces r leaves as it is, though it is bound
// to r. Ours is the provider of the webhook, which moves it in place.
func stale(r resource, dependents []resource, actions map[string][]string) (findings []string) {
	if !slices.Contains(actions[r.Address], "create") || !slices.Contains(actions[r.Address], "delete") {
		findings = append(findings, r.Address+" is not replaced, as was asked")
	}
	for _, b := range dependents {
		did := actions[b.Address]
		switch {
		case slices.Contains(did, "create") && slices.Contains(did, "delete"):
		case b.Type == "gemini_webhook" && slices.Contains(did, "update"):
		default:
			findings = append(findings, fmt.Sprintf("replacing %s leaves %s (%s)", r.Address, b.Address, strings.Join(did, ", ")))
		}
	}
	return findings
}
