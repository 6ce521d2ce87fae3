package secretmanager

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"example.com/gemini-webhook/internal/localcloud/fake"
	"example.com/gemini-webhook/internal/localcloud/secrets"
	"example.com/gemini-webhook/internal/secret"
)

func TestAnnotationsUnderTheirEtag(t *testing.T) {
	s, c := start(t)
	s.Create(signing)
	first, err := c.Get(t.Context(), signing)
	if err != nil || first.Name != "projects/123456789/secrets/s" || len(first.Annotations) != 0 {
		t.Fatalf("got %+v, %v", first, err)
	}
	want := map[string]string{"a": "1", "b": "2"}
	must(t, c.SetAnnotations(t.Context(), signing, want, first.Etag))
	if err := c.SetAnnotations(t.Context(), signing, nil, first.Etag); !errors.Is(err, secret.ErrChanged) || secret.Definite(err) {
		t.Errorf("an old etag: %v", err)
	}
	if err := c.SetAnnotations(t.Context(), signing, nil, ""); !errors.Is(err, secret.ErrInvalid) || !secret.Definite(err) {
		t.Errorf("no etag: %v", err)
	}
	second, err := c.Get(t.Context(), signing)
	if diff := cmp.Diff(want, second.Annotations); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	s.Fail(func(secrets.Op) *secrets.Fault { return &secrets.Fault{Err: status.Error(codes.Aborted, "injected")} })
	if err := c.SetAnnotations(t.Context(), signing, nil, second.Etag); !errors.Is(err, secret.ErrChanged) {
		t.Errorf("aborted: %v", err)
	}
	s.Fail(nil)
	if _, err := c.Get(t.Context(), "projects/p/secrets/absent"); !errors.Is(err, secret.ErrNotFound) || !secret.Definite(err) {
		t.Errorf("no such secret: %v", err)
	}
}

func TestDisable(t *testing.T) {
	s, c := start(t)
	s.Add(signing, []byte("one"))
	s.Add(signing, []byte("two"))
	must(t, s.Destroy(signing, 2))
	for _, number := range []int64{1, 1, 2} { // again, and what is destroyed
		if err := c.Disable(t.Context(), signing, number); err != nil {
			t.Errorf("disable %d: %v", number, err)
		}
	}
	if _, err := c.Access(t.Context(), signing, 1); !errors.Is(err, secret.ErrDisabled) {
		t.Errorf("a disabled version: %v", err)
	}
	if err := c.Disable(t.Context(), signing, 3); !errors.Is(err, secret.ErrNotFound) {
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
		"not granted":    {permissions(nil, nil), secret.ErrDenied},
		"cannot be told": {permissions(nil, status.Error(codes.Unimplemented, "injected")), nil},
	} {
		server, err := fake.GRPC(grpc.NewServer(grpc.UnknownServiceHandler(test.server)))
		must(t, err)
		t.Cleanup(func() { server.Close() })
		t.Setenv("SECRET_MANAGER_EMULATOR_HOST", server.Addr())
		c, err := NewClient(t.Context())
		must(t, err)
		t.Cleanup(func() { c.Close() })
		if err := c.CanAdd(t.Context(), signing); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}
