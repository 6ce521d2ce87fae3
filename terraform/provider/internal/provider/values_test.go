package provider

import "github.com/hashicorp/terraform-plugin-go/tftypes"

// values are attributes by name; those that are left out are null.
type values map[string]tftypes.Value

func text(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }

func truth(b bool) tftypes.Value { return tftypes.NewValue(tftypes.Bool, b) }

func texts(all ...string) tftypes.Value {
	var list []tftypes.Value
	for _, s := range all {
		list = append(list, text(s))
	}
	return tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, list)
}

func triggers(value string) tftypes.Value {
	return tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, map[string]tftypes.Value{"run": text(value)})
}

// with is a copy with other values.
func (v values) with(others values) values {
	all := values{}
	for _, from := range []values{v, others} {
		for name, value := range from {
			all[name] = value
		}
	}
	return all
}
