package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// workspace does with one resource what Terraform does, over the provider's
// protocol, and checks the provider's answers as Terraform does.
type workspace struct {
	rig      *rig
	provider values // its block
	typeName string
	schema   *tfprotov6.Schema
	state    tftypes.Value
	warnings []string // of all calls
	between  func()   // happens between the plan and what applies it
}

func newWorkspace(r *rig, typeName string) *workspace {
	r.t.Helper()
	server, err := r.process()
	must(r.t, err)
	all, err := server.GetProviderSchema(r.t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	must(r.t, err)
	w := &workspace{rig: r, provider: values{"api_key_secret": text(keySecret)}, typeName: typeName, schema: all.ResourceSchemas[typeName]}
	w.state = tftypes.NewValue(w.schema.ValueType(), nil)
	return w
}

// process starts a provider and configures it.
func (w *workspace) process(ctx context.Context) (tfprotov6.ProviderServer, error) {
	server, err := w.rig.process()
	if err != nil {
		return nil, err
	}
	config, err := providerConfig(w.provider)
	if err != nil {
		return nil, err
	}
	resp, err := server.ConfigureProvider(ctx, &tfprotov6.ConfigureProviderRequest{Config: config})
	if err != nil {
		return nil, err
	}
	return server, w.note(resp.Diagnostics)
}

// providerConfig is the provider's block.
func providerConfig(v values) (*tfprotov6.DynamicValue, error) {
	all, types := values{}, map[string]tftypes.Type{}
	for _, name := range []string{"access_token", "api_key", "api_key_secret", "billing_project", "credentials", "impersonate_service_account"} {
		all[name], types[name] = tftypes.NewValue(tftypes.String, nil), tftypes.String
	}
	all = all.with(v)
	object := tftypes.Object{AttributeTypes: types}
	config, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, map[string]tftypes.Value(all)))
	return &config, err
}

// note keeps warnings and joins errors.
func (w *workspace) note(diags []*tfprotov6.Diagnostic) error {
	var errs []error
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityWarning {
			w.warnings = append(w.warnings, d.Summary+": "+d.Detail)
			continue
		}
		errs = append(errs, fmt.Errorf("%s: %s", d.Summary, d.Detail))
	}
	return errors.Join(errs...)
}

func (w *workspace) wire(v tftypes.Value) *tfprotov6.DynamicValue {
	d, err := tfprotov6.NewDynamicValue(w.schema.ValueType(), v)
	if err != nil {
		panic(err) // of a value that this file made
	}
	return &d
}

func (w *workspace) read(d *tfprotov6.DynamicValue) (tftypes.Value, error) {
	return d.Unmarshal(w.schema.ValueType())
}

// config is the resource's block, or the null value for none.
func (w *workspace) config(v values) tftypes.Value {
	if v == nil {
		return tftypes.NewValue(w.schema.ValueType(), nil)
	}
	all := map[string]tftypes.Value{}
	for _, a := range w.schema.Block.Attributes {
		all[a.Name] = tftypes.NewValue(a.ValueType(), nil)
		if value, ok := v[a.Name]; ok {
			all[a.Name] = value
		}
	}
	return tftypes.NewValue(w.schema.ValueType(), all)
}

// refresh is what Terraform does first.
func (w *workspace) refresh(ctx context.Context, server tfprotov6.ProviderServer) error {
	if w.state.IsNull() {
		return nil
	}
	resp, err := server.ReadResource(ctx, &tfprotov6.ReadResourceRequest{TypeName: w.typeName, CurrentState: w.wire(w.state)})
	if err == nil {
		err = w.note(resp.Diagnostics)
	}
	if err != nil {
		return err
	}
	w.state, err = w.read(resp.NewState)
	return err
}

// proposed is the configuration, with what is computed as it was.
func (w *workspace) proposed(config tftypes.Value) tftypes.Value {
	if config.IsNull() || w.state.IsNull() {
		return config
	}
	all, before := attributes(config), attributes(w.state)
	for _, a := range w.schema.Block.Attributes {
		if a.Computed && all[a.Name].IsNull() {
			all[a.Name] = before[a.Name]
		}
	}
	return tftypes.NewValue(w.schema.ValueType(), all)
}

func attributes(object tftypes.Value) map[string]tftypes.Value {
	all := map[string]tftypes.Value{}
	if !object.IsNull() {
		_ = object.As(&all) // an object
	}
	return maps.Clone(all) // else a change of it changed the object
}

// importState is terraform import, without the refresh that follows.
func (w *workspace) importState(ctx context.Context, id string) error {
	server, err := w.process(ctx)
	if err != nil {
		return err
	}
	resp, err := server.ImportResourceState(ctx, &tfprotov6.ImportResourceStateRequest{TypeName: w.typeName, ID: id})
	if err == nil {
		err = w.note(resp.Diagnostics)
	}
	if err != nil {
		return err
	}
	w.state, err = w.read(resp.ImportedResources[0].State)
	return err
}

// planned is one call of PlanResourceChange.
func (w *workspace) planned(ctx context.Context, server tfprotov6.ProviderServer, config tftypes.Value) (tftypes.Value, error) {
	resp, err := server.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: w.typeName, PriorState: w.wire(w.state), ProposedNewState: w.wire(w.proposed(config)), Config: w.wire(config),
	})
	if err == nil {
		err = w.note(resp.Diagnostics)
	}
	if err == nil && len(resp.RequiresReplace) > 0 {
		err = fmt.Errorf("%v requires replacement", resp.RequiresReplace)
	}
	if err != nil {
		return tftypes.Value{}, err
	}
	return w.read(resp.PlannedState)
}

// plan is terraform plan: which attributes it changes, "created" or "destroyed".
func (w *workspace) plan(ctx context.Context, v values) (changed []string, err error) {
	server, err := w.process(ctx)
	if err != nil {
		return nil, err
	}
	if err := w.refresh(ctx, server); err != nil {
		return nil, err
	}
	planned, err := w.planned(ctx, server, w.config(v))
	if err != nil {
		return nil, err
	}
	return w.changes(planned), nil
}

func (w *workspace) changes(planned tftypes.Value) (changed []string) {
	switch {
	case planned.Equal(w.state):
		return nil
	case planned.IsNull():
		return []string{"destroyed"}
	case w.state.IsNull():
		return []string{"created"}
	}
	before, after := attributes(w.state), attributes(planned)
	for _, a := range w.schema.Block.Attributes { // sorted by name
		if !after[a.Name].Equal(before[a.Name]) {
			changed = append(changed, a.Name)
		}
	}
	return changed
}

// apply is terraform apply, or destroy where v is nil.
func (w *workspace) apply(ctx context.Context, v values) error {
	server, err := w.process(ctx)
	if err != nil {
		return err
	}
	if err := w.refresh(ctx, server); err != nil {
		return err
	}
	config := w.config(v)
	first, err := w.planned(ctx, server, config)
	if err != nil || first.Equal(w.state) {
		return err
	}
	if w.between != nil {
		w.between()
		w.between = nil
	}
	planned, err := w.planned(ctx, server, config) // Terraform plans again
	if err != nil || planned.Equal(w.state) {
		return err
	}
	if err := compatible(first, planned); err != nil {
		return fmt.Errorf("inconsistent final plan: %w", err)
	}
	resp, err := server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: w.typeName, PriorState: w.wire(w.state), PlannedState: w.wire(planned), Config: w.wire(config),
	})
	if err != nil {
		return err
	}
	before := w.state
	if w.state, err = w.read(resp.NewState); err != nil {
		return err
	}
	if err := w.note(resp.Diagnostics); err != nil {
		if !w.state.Equal(before) {
			w.rig.t.Errorf("the apply failed (%v), and changed the state", err)
		}
		return err
	}
	if !w.state.IsFullyKnown() {
		return fmt.Errorf("not all is known after the apply: %s", w.state)
	}
	if err := compatible(planned, w.state); err != nil {
		return fmt.Errorf("inconsistent result: %w", err)
	}
	return nil
}

// compatible says what was known before and is not the same now.
func compatible(before, after tftypes.Value) error {
	if before.IsNull() || after.IsNull() {
		if before.IsNull() != after.IsNull() {
			return errors.New("the object is there or not")
		}
		return nil
	}
	var wrong []string
	now := attributes(after)
	for name, value := range attributes(before) {
		if value.IsFullyKnown() && !value.Equal(now[name]) {
			wrong = append(wrong, name)
		}
	}
	if len(wrong) > 0 {
		return errors.New("other values than planned: " + strings.Join(wrong, ", "))
	}
	return nil
}

// attribute is a value of the state as text.
func (w *workspace) attribute(name string) string {
	var s string
	if attributes(w.state)[name].As(&s) != nil {
		return attributes(w.state)[name].String()
	}
	return s
}
