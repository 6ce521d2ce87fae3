package secrets_test

import (
	"context"
	"errors"
	"hash/crc32"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	pb "cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"example.com/gemini-webhook/internal/localcloud/secrets"
)

const name = "projects/p/secrets/signing"

func start(t *testing.T, opts secrets.Options) (*secrets.Server, *secretmanager.Client) {
	t.Helper()
	s, err := secrets.Start(opts)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	client, err := secretmanager.NewClient(t.Context(), s.ClientOptions()...)
	must(t, err)
	t.Cleanup(func() { client.Close() })
	return s, client
}

func access(ctx context.Context, c *secretmanager.Client, version string) (string, error) {
	res, err := c.AccessSecretVersion(ctx, &pb.AccessSecretVersionRequest{Name: version})
	if err != nil {
		return "", err
	}
	data := res.GetPayload().GetData()
	if int64(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))) != res.GetPayload().GetDataCrc32C() {
		return "", errors.New("checksum of the payload is wrong")
	}
	return string(data), nil
}

// list is the versions' numbers and states as the client sees them.
func list(t *testing.T, c *secretmanager.Client) string {
	t.Helper()
	it := c.ListSecretVersions(t.Context(), &pb.ListSecretVersionsRequest{Parent: name})
	var found []string
	for {
		v, err := it.Next()
		if errors.Is(err, iterator.Done) {
			return strings.Join(found, " ")
		}
		must(t, err)
		if age := time.Since(v.GetCreateTime().AsTime()); age < 0 || age > time.Minute {
			t.Errorf("%s is %v old", v.GetName(), age)
		}
		found = append(found, strings.TrimPrefix(v.GetName(), name+"/versions/")+" "+v.GetState().String())
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	s, client := start(t, secrets.Options{})
	ctx := t.Context()
	replication := &pb.Replication{Replication: &pb.Replication_Automatic_{Automatic: &pb.Replication_Automatic{}}}
	if made, err := client.CreateSecret(ctx, &pb.CreateSecretRequest{Parent: "projects/p", SecretId: "signing", Secret: &pb.Secret{Replication: replication}}); err != nil || made.GetName() != name {
		t.Fatalf("created %v, %v", made, err)
	}
	for _, payload := range []string{"one", "two", "three"} {
		crc := int64(crc32.Checksum([]byte(payload), crc32.MakeTable(crc32.Castagnoli)))
		if _, err := client.AddSecretVersion(ctx, &pb.AddSecretVersionRequest{Parent: name, Payload: &pb.SecretPayload{Data: []byte(payload), DataCrc32C: &crc}}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(version, want string, code codes.Code) {
		t.Helper()
		if got, err := access(ctx, client, name+"/versions/"+version); status.Code(err) != code || got != want {
			t.Errorf("access %s: %q, %v; want %q, %v", version, got, err, want, code)
		}
	}
	check("1", "one", codes.OK)
	check("latest", "three", codes.OK)
	check("4", "", codes.NotFound)
	check("0", "", codes.NotFound)
	check("stable", "", codes.NotFound)
	if v, err := client.DisableSecretVersion(ctx, &pb.DisableSecretVersionRequest{Name: name + "/versions/3"}); err != nil || v.GetState() != pb.SecretVersion_DISABLED {
		t.Errorf("disable: %v, %v", v, err)
	}
	check("latest", "", codes.FailedPrecondition) // still the newest, whatever its state
	if err := errors.Join(s.Disable(name, 1), s.Enable(name, 1), s.Destroy(name, 2)); err != nil {
		t.Error(err)
	}
	check("2", "", codes.FailedPrecondition)
	if _, there := s.Payload(name, 2); there {
		t.Error("a destroyed version has a payload")
	}
	for what, err := range map[string]error{"enable": s.Enable(name, 2), "disable": s.Disable(name, 2)} {
		if status.Code(err) != codes.FailedPrecondition {
			t.Errorf("%s a destroyed version: %v, want FailedPrecondition", what, err)
		}
	}
	if got, want := list(t, client), "3 DISABLED 2 DESTROYED 1 ENABLED"; got != want {
		t.Errorf("listed %q, want %q", got, want)
	}
	s.Delete(name)
	check("1", "", codes.NotFound)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s, client := start(t, secrets.Options{})
	s.Add(name, []byte("x"))
	ctx := t.Context()
	create := func(id string, sec *pb.Secret) error {
		_, err := client.CreateSecret(ctx, &pb.CreateSecretRequest{Parent: "projects/p", SecretId: id, Secret: sec})
		return err
	}
	add := func(parent string, p *pb.SecretPayload) error {
		_, err := client.AddSecretVersion(ctx, &pb.AddSecretVersionRequest{Parent: parent, Payload: p})
		return err
	}
	update := func(path string) error {
		_, err := client.UpdateSecret(ctx, &pb.UpdateSecretRequest{Secret: &pb.Secret{Name: name}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{path}}})
		return err
	}
	get := func(name string) error {
		_, err := client.GetSecret(ctx, &pb.GetSecretRequest{Name: name})
		return err
	}
	_, filter := client.ListSecretVersions(ctx, &pb.ListSecretVersionsRequest{Parent: name, Filter: "state:ENABLED"}).Next()
	_, noVersion := access(ctx, client, name)
	automatic := &pb.Replication{Replication: &pb.Replication_Automatic_{Automatic: &pb.Replication_Automatic{}}}
	for what, tc := range map[string]struct {
		err  error
		want codes.Code
	}{
		"create again":                     {create("signing", &pb.Secret{Replication: automatic}), codes.AlreadyExists},
		"create without replication":       {create("other", &pb.Secret{}), codes.InvalidArgument},
		"create with a bad id":             {create("a/b", &pb.Secret{Replication: automatic}), codes.InvalidArgument},
		"payload of 64 KiB":                {add(name, &pb.SecretPayload{Data: make([]byte, 64<<10)}), codes.OK},
		"payload over 64 KiB":              {add(name, &pb.SecretPayload{Data: make([]byte, 64<<10+1)}), codes.InvalidArgument},
		"empty payload":                    {add(name, &pb.SecretPayload{}), codes.InvalidArgument},
		"wrong checksum":                   {add(name, &pb.SecretPayload{Data: []byte("x"), DataCrc32C: proto.Int64(1)}), codes.InvalidArgument},
		"add to a missing secret":          {add("projects/p/secrets/none", &pb.SecretPayload{Data: []byte("x")}), codes.NotFound},
		"update of labels":                 {update("labels"), codes.InvalidArgument},
		"a filter":                         {filter, codes.InvalidArgument},
		"ill-formed name":                  {get("x"), codes.InvalidArgument},
		"access without a version's name":  {noVersion, codes.InvalidArgument},
		"an RPC that this server does not": {client.DeleteSecret(ctx, &pb.DeleteSecretRequest{Name: name}), codes.Unimplemented},
	} {
		if got := status.Code(tc.err); got != tc.want {
			t.Errorf("%s: %v, want %v", what, tc.err, tc.want)
		}
	}
}

func TestFaultsAndCounters(t *testing.T) {
	t.Parallel()
	s, client := start(t, secrets.Options{})
	s.Add(name, []byte("x"))
	ctx := t.Context()
	var left atomic.Int32
	left.Store(2)
	s.Fail(func(op secrets.Op) *secrets.Fault {
		if op != (secrets.Op{Method: "AccessSecretVersion", Name: name + "/versions/1"}) || left.Add(-1) < 0 {
			return nil
		}
		return &secrets.Fault{Err: status.Error(codes.Unavailable, "on purpose")}
	})
	if got, err := access(ctx, client, name+"/versions/1"); err != nil || got != "x" {
		t.Errorf("the client's own retries: %q, %v", got, err)
	}
	if n := s.Count("AccessSecretVersion"); n != 3 {
		t.Errorf("%d calls, want 3: two that failed and one", n)
	}
	s.Fail(func(secrets.Op) *secrets.Fault { return &secrets.Fault{Delay: time.Hour} })
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	// The client tells of it in either way: the status, or between two tries the context's error.
	if _, err := access(short, client, name+"/versions/1"); status.Code(err) != codes.DeadlineExceeded && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want DeadlineExceeded", err)
	}
	s.Fail(func(secrets.Op) *secrets.Fault { return &secrets.Fault{Lose: true} })
	if _, err := client.AddSecretVersion(ctx, &pb.AddSecretVersionRequest{Parent: name, Payload: &pb.SecretPayload{Data: []byte("kept")}}); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v, want Unavailable", err)
	}
	if got, ok := s.Payload(name, 2); !ok || string(got) != "kept" {
		t.Errorf("the version whose answer was lost holds %q, %v", got, ok)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
