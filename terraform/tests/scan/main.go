// Command scan checks applied Terraform states for what the module promises of
// all its resources together, which a test of named resources cannot see:
//
//   - every push subscription is authenticated;
//   - every dead-letter topic has a subscription that never expires and keeps 31
//     days, and Pub/Sub's service agent has its grants;
//   - every grant is in the list of README.md, and the list has no other;
//   - no receiver grants the use of a key, which others would lose with it;
//   - no version of a secret is a resource, since its payload would be in the state.
//
// Usage: scan README.md STATE.json..., where a state is what "terraform show
// -json" printed. The exit status is 1 if something was found.
//
// scan -replace STATE.json ARGUMENT... looks at plans instead: where a resource
// is replaced, what is bound to it, grants above all, must be made again by the
// same apply. It runs "terraform plan" with the arguments, in this directory.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: scan README.md STATE.json... | scan -replace STATE.json ARGUMENT...")
		os.Exit(2)
	}
	check := func() ([]string, error) { return run(os.Args[1], os.Args[2:]) }
	if os.Args[1] == "-replace" {
		check = func() ([]string, error) { return replacements(os.Args[2], os.Args[3:]) }
	}
	findings, err := check()
	if err != nil {
		fmt.Fprintln(os.Stderr, "scan:", err)
		os.Exit(1)
	}
	for _, finding := range findings {
		fmt.Println(finding)
	}
	if len(findings) > 0 {
		os.Exit(1)
	}
}

func run(readme string, files []string) (findings []string, err error) {
	text, err := os.ReadFile(readme)
	if err != nil {
		return nil, err
	}
	documented := parseRoles(string(text))
	if len(documented) == 0 {
		return nil, fmt.Errorf("%s has no table of roles between <!-- roles --> and <!-- /roles -->", readme)
	}
	granted := map[grant]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		resources, err := parseState(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, check := range []func([]resource) []string{pushes, deadLetters, versions, keyGrants} {
			for _, finding := range check(resources) {
				findings = append(findings, file+": "+finding)
			}
		}
		for _, f := range undocumented(resources, documented, granted) {
			findings = append(findings, file+": "+f)
		}
	}
	for g := range documented {
		if !granted[g] {
			findings = append(findings, fmt.Sprintf("%s: lists %s, which no state has", readme, g))
		}
	}
	return findings, nil
}

// resource is one of a state.
type resource struct {
	Address string
	Type    string
	Mode    string
	Values  map[string]any
}

type module struct {
	Address      string
	Resources    []resource
	ChildModules []module `json:"child_modules"`
}

// parseState returns the resources of the receiver: of module.receiver, and of
// module.key_grants beside it, where there is one, as in the examples, else of
// all modules.
func parseState(text []byte) ([]resource, error) {
	var state struct {
		Values struct {
			RootModule module `json:"root_module"`
		}
	}
	if err := json.Unmarshal(text, &state); err != nil {
		return nil, err
	}
	root := state.Values.RootModule
	var ours module
	for _, child := range root.ChildModules {
		if child.Address == "module.receiver" || child.Address == "module.key_grants" {
			ours.ChildModules = append(ours.ChildModules, child)
		}
	}
	if len(ours.ChildModules) > 0 {
		root = ours
	}
	var all []resource
	var collect func(module)
	collect = func(m module) {
		for _, r := range m.Resources {
			if r.Mode == "managed" {
				all = append(all, r)
			}
		}
		for _, child := range m.ChildModules {
			collect(child)
		}
	}
	collect(root)
	if len(all) == 0 {
		return nil, fmt.Errorf("no resources: nothing was applied")
	}
	return all, nil
}

// text is an attribute, or "".
func (r resource) text(name string) string {
	s, _ := r.Values[name].(string)
	return s
}

// block is the first block of a name, or an empty one.
func (r resource) block(name string) resource {
	blocks, _ := r.Values[name].([]any)
	if len(blocks) == 0 {
		return resource{}
	}
	values, _ := blocks[0].(map[string]any)
	return resource{Values: values}
}

// there tells whether a block was found.
func (r resource) there() bool { return r.Values != nil }
