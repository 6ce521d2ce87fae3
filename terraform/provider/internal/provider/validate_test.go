package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// TestDeliveryURL: what Gemini delivers to is https, or this machine.
func TestDeliveryURL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		uri types.String
		ok  bool
	}{
		{types.StringValue("https://receiver.example/gemini"), true},
		{types.StringValue("http://127.0.0.1:8080/gemini"), true},
		{types.StringValue("http://receiver.example/gemini"), false},
		{types.StringValue("http://10.0.0.1/gemini"), false},
		{types.StringValue("/gemini"), false},
		{types.StringUnknown(), true}, // known after apply
		{types.StringNull(), true},    // another check's
	} {
		var resp validator.StringResponse
		deliveryURL{}.ValidateString(t.Context(), validator.StringRequest{ConfigValue: test.uri}, &resp)
		if ok := !resp.Diagnostics.HasError(); ok != test.ok {
			t.Errorf("%s: accepted is %v, want %v", test.uri, ok, test.ok)
		}
	}
}
