package secretmanager

import (
	"errors"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"example.com/gemini-webhook/internal/localcloud/secrets"
	"example.com/gemini-webhook/verify"
)

func TestAnnotationsUnderTheirEtag(t *testing.T) {
	s, c := start(t)
	s.Create(secret)
	first, err := c.Get(t.Context(), secret)
	if err != nil || first.Name != "projects/123456789/secrets/s" || len(first.Annotations) != 0 {
		t.Fatalf("got %+v, %v", first, err)
	}
	want := map[string]string{"a": "1", "b": "2"}
	if err := c.SetAnnotations(t.Context(), secret, want, first.Etag); err != nil {
		t.Fatal(err)
	}
	if err := c.SetAnnotations(t.Context(), secret, nil, first.Etag); !errors.Is(err, ErrConflict) || Definite(err) {
		t.Errorf("an old etag: %v", err)
	}
	if err := c.SetAnnotations(t.Context(), secret, nil, ""); !errors.Is(err, ErrInvalid) || !Definite(err) {
		t.Errorf("no etag: %v", err)
	}
	second, err := c.Get(t.Context(), secret)
	if diff := cmp.Diff(want, second.Annotations); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	s.Fail(func(secrets.Op) *secrets.Fault { return &secrets.Fault{Err: status.Error(codes.Aborted, "injected")} })
	if err := c.SetAnnotations(t.Context(), secret, nil, second.Etag); !errors.Is(err, ErrConflict) {
		t.Errorf("aborted: %v", err)
	}
	s.Fail(nil)
	if _, err := c.Get(t.Context(), "projects/p/secrets/absent"); !IsNotFound(err) || !Definite(err) {
		t.Errorf("no such secret: %v", err)
	}
}

func TestDisable(t *testing.T) {
	s, c := start(t)
	s.Add(secret, []byte("one"))
	s.Add(secret, []byte("two"))
	if err := s.Destroy(secret, 2); err != nil {
		t.Fatal(err)
	}
	for _, number := range []int64{1, 1, 2} { // again, and what is destroyed
		if err := c.Disable(t.Context(), secret, number); err != nil {
			t.Errorf("disable %d: %v", number, err)
		}
	}
	if _, err := c.Access(t.Context(), secret, 1); !errors.Is(err, verify.ErrSecretDisabled) {
		t.Errorf("a disabled version: %v", err)
	}
	if err := c.Disable(t.Context(), secret, 3); !IsNotFound(err) {
		t.Errorf("no such version: %v", err)
	}
}

// permissions answers the question for permissions, whatever is asked: its
// answer has the shape of a field mask, a list of texts.
func permissions(granted []string, err error) grpc.StreamHandler {
	return func(_ any, stream grpc.ServerStream) error {
		if err != nil {
			return err
		}
		if err := stream.RecvMsg(&emptypb.Empty{}); err != nil {
			return err
		}
		return stream.SendMsg(&fieldmaskpb.FieldMask{Paths: granted})
	}
}

func TestCanAdd(t *testing.T) {
	for name, test := range map[string]struct {
		server grpc.StreamHandler
		want   error
	}{
		"granted":        {permissions([]string{permissionAdd}, nil), nil},
		"not granted":    {permissions(nil, nil), verify.ErrSecretDenied},
		"cannot be told": {permissions(nil, status.Error(codes.Unimplemented, "injected")), nil},
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := grpc.NewServer(grpc.UnknownServiceHandler(test.server))
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(server.Stop)
		t.Setenv("SECRET_MANAGER_EMULATOR_HOST", listener.Addr().String())
		c, err := NewClient(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if err := c.CanAdd(t.Context(), secret); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"projects/p/secrets/s", "projects/p/secrets/s", true},
		{"projects/p/secrets/s", "projects/123/secrets/s", true},
		{"projects/123/secrets/s", "projects/p/secrets/s", true},
		{"projects/p/secrets/s", "projects/q/secrets/s", false},
		{"projects/p/secrets/s", "projects/123/secrets/t", false},
		{"projects/p/secrets/s", "projects/p/secrets/s/versions/1", false},
		{"projects/p/secrets/s", "projects//secrets/s", false},
		{"projects/p/secrets/s", "", false},
		{"", "", false},
	} {
		if got := SameSecret(test.a, test.b); got != test.same {
			t.Errorf("%q and %q: %v, want %v", test.a, test.b, got, test.same)
		}
	}
	for name, want := range map[string]bool{"projects/p/secrets/s": true, "projects/p/secrets/s/versions/1": false, "p/s": false, "": false} {
		if got := IsName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
