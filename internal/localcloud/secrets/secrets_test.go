package secrets_test

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"sync/atomic"
	"testing"
	"time"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	pb "cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"example.com/gemini-webhook/internal/localcloud/secrets"
)

const name = "projects/p/secrets/signing"

func start(t *testing.T, opts secrets.Options) (*secrets.Server, *secretmanager.Client) {
	t.Helper()
	s := secrets.New(opts)
	if err := s.Start(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := secretmanager.NewClient(t.Context(), s.ClientOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return s, client
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func automatic() *pb.Replication {
	return &pb.Replication{Replication: &pb.Replication_Automatic_{Automatic: &pb.Replication_Automatic{}}}
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

func TestVersionsLifeCycle(t *testing.T) {
	t.Parallel()
	_, client := start(t, secrets.Options{})
	ctx := deadline(t)
	sec, err := client.CreateSecret(ctx, &pb.CreateSecretRequest{Parent: "projects/p", SecretId: "signing", Secret: &pb.Secret{Replication: automatic()}})
	if err != nil {
		t.Fatal(err)
	}
	if sec.GetName() != name || sec.GetEtag() == "" || sec.GetCreateTime() == nil {
		t.Errorf("created %v", sec)
	}
	add := func(payload string) *pb.SecretVersion {
		t.Helper()
		crc := int64(crc32.Checksum([]byte(payload), crc32.MakeTable(crc32.Castagnoli)))
		v, err := client.AddSecretVersion(ctx, &pb.AddSecretVersionRequest{Parent: name, Payload: &pb.SecretPayload{Data: []byte(payload), DataCrc32C: &crc}})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	v1, v2 := add("one"), add("two")
	if v1.GetName() != name+"/versions/1" || v2.GetName() != name+"/versions/2" || !v2.GetClientSpecifiedPayloadChecksum() {
		t.Errorf("versions %v, %v", v1, v2)
	}
	check := func(version, want string, code codes.Code) {
		t.Helper()
		got, err := access(ctx, client, name+"/versions/"+version)
		if status.Code(err) != code || got != want {
			t.Errorf("access %s: %q, %v; want %q, %v", version, got, err, want, code)
		}
	}
	check("1", "one", codes.OK)
	check("latest", "two", codes.OK)
	check("3", "", codes.NotFound)
	check("0", "", codes.NotFound)
	check("stable", "", codes.NotFound)

	if _, err := client.UpdateSecret(ctx, &pb.UpdateSecretRequest{
		Secret:     &pb.Secret{Name: name, VersionAliases: map[string]int64{"stable": 1}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"version_aliases"}},
	}); err != nil {
		t.Fatal(err)
	}
	check("stable", "one", codes.OK)

	disabled, err := client.DisableSecretVersion(ctx, &pb.DisableSecretVersionRequest{Name: v2.GetName(), Etag: v2.GetEtag()})
	if err != nil || disabled.GetState() != pb.SecretVersion_DISABLED || disabled.GetEtag() == v2.GetEtag() {
		t.Errorf("disable: %v, %v", disabled, err)
	}
	check("latest", "", codes.FailedPrecondition) // still the newest, whatever its state
	if _, err := client.EnableSecretVersion(ctx, &pb.EnableSecretVersionRequest{Name: v2.GetName(), Etag: v2.GetEtag()}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("enable with an old etag: %v, want FailedPrecondition", err)
	}
	if _, err := client.EnableSecretVersion(ctx, &pb.EnableSecretVersionRequest{Name: v2.GetName(), Etag: disabled.GetEtag()}); err != nil {
		t.Error(err)
	}
	check("2", "two", codes.OK)
	destroyed, err := client.DestroySecretVersion(ctx, &pb.DestroySecretVersionRequest{Name: v2.GetName()})
	if err != nil || destroyed.GetState() != pb.SecretVersion_DESTROYED || destroyed.GetDestroyTime() == nil {
		t.Errorf("destroy: %v, %v", destroyed, err)
	}
	check("2", "", codes.FailedPrecondition)
	if _, err := client.EnableSecretVersion(ctx, &pb.EnableSecretVersionRequest{Name: v2.GetName()}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("enable a destroyed version: %v, want FailedPrecondition", err)
	}
	if v, err := client.GetSecretVersion(ctx, &pb.GetSecretVersionRequest{Name: name + "/versions/latest"}); err != nil || v.GetName() != v2.GetName() {
		t.Errorf("get latest: %v, %v", v, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s, client := start(t, secrets.Options{})
	s.Add(name, []byte("x"))
	ctx := deadline(t)
	create := func(id string, sec *pb.Secret) error {
		_, err := client.CreateSecret(ctx, &pb.CreateSecretRequest{Parent: "projects/p", SecretId: id, Secret: sec})
		return err
	}
	add := func(parent string, p *pb.SecretPayload) error {
		_, err := client.AddSecretVersion(ctx, &pb.AddSecretVersionRequest{Parent: parent, Payload: p})
		return err
	}
	update := func(sec *pb.Secret, paths ...string) error {
		_, err := client.UpdateSecret(ctx, &pb.UpdateSecretRequest{Secret: sec, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}})
		return err
	}
	list := func(filter string) error {
		_, err := client.ListSecretVersions(ctx, &pb.ListSecretVersionsRequest{Parent: name, Filter: filter}).Next()
		return err
	}
	for what, tc := range map[string]struct {
		err  error
		want codes.Code
	}{
		"create again":                     {create("signing", &pb.Secret{Replication: automatic()}), codes.AlreadyExists},
		"create without replication":       {create("other", &pb.Secret{}), codes.InvalidArgument},
		"create with a bad id":             {create("a/b", &pb.Secret{Replication: automatic()}), codes.InvalidArgument},
		"rotation without topic":           {create("r", &pb.Secret{Replication: automatic(), Rotation: &pb.Rotation{RotationPeriod: durationpb.New(time.Hour)}}), codes.InvalidArgument},
		"payload of 64 KiB":                {add(name, &pb.SecretPayload{Data: make([]byte, 64<<10)}), codes.OK},
		"payload over 64 KiB":              {add(name, &pb.SecretPayload{Data: make([]byte, 64<<10+1)}), codes.InvalidArgument},
		"empty payload":                    {add(name, &pb.SecretPayload{}), codes.InvalidArgument},
		"wrong checksum":                   {add(name, &pb.SecretPayload{Data: []byte("x"), DataCrc32C: proto.Int64(1)}), codes.InvalidArgument},
		"add to a missing secret":          {add("projects/p/secrets/none", &pb.SecretPayload{Data: []byte("x")}), codes.NotFound},
		"update without mask":              {update(&pb.Secret{Name: name}), codes.InvalidArgument},
		"update of what is fixed":          {update(&pb.Secret{Name: name}, "replication"), codes.InvalidArgument},
		"update with another etag":         {update(&pb.Secret{Name: name, Etag: `"x"`}, "labels"), codes.FailedPrecondition},
		"alias of a version that is none":  {update(&pb.Secret{Name: name, VersionAliases: map[string]int64{"a": 99}}, "version_aliases"), codes.InvalidArgument},
		"update of a missing secret":       {update(&pb.Secret{Name: "projects/p/secrets/none"}, "labels"), codes.NotFound},
		"unknown filter":                   {list("create_time>2020"), codes.InvalidArgument},
		"ill-formed name":                  {func() error { _, err := client.GetSecret(ctx, &pb.GetSecretRequest{Name: "x"}); return err }(), codes.InvalidArgument},
		"access without a version's name":  {func() error { _, err := access(ctx, client, name); return err }(), codes.InvalidArgument},
		"an RPC that this server does not": {func() error { _, err := client.RotateSecret(ctx, &pb.RotateSecretRequest{}); return err }(), codes.Unimplemented},
	} {
		if got := status.Code(tc.err); got != tc.want {
			t.Errorf("%s: %v, want %v", what, tc.err, tc.want)
		}
	}
}

func TestUpdateDeleteAndEtags(t *testing.T) {
	t.Parallel()
	s, client := start(t, secrets.Options{})
	s.Create(name)
	ctx := deadline(t)
	before, err := client.GetSecret(ctx, &pb.GetSecretRequest{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	after, err := client.UpdateSecret(ctx, &pb.UpdateSecretRequest{
		Secret:     &pb.Secret{Name: name, Etag: before.GetEtag(), Annotations: map[string]string{"webhook": "wh_1"}, Labels: map[string]string{"left": "out"}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"annotations"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"webhook": "wh_1"}, after.GetAnnotations()); diff != "" || after.GetLabels() != nil {
		t.Errorf("labels %v; %s", after.GetLabels(), diff)
	}
	if err := client.DeleteSecret(ctx, &pb.DeleteSecretRequest{Name: name, Etag: before.GetEtag()}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("delete with an old etag: %v, want FailedPrecondition", err)
	}
	if err := client.DeleteSecret(ctx, &pb.DeleteSecretRequest{Name: name, Etag: after.GetEtag()}); err != nil {
		t.Error(err)
	}
	if _, err := client.GetSecret(ctx, &pb.GetSecretRequest{Name: name}); status.Code(err) != codes.NotFound {
		t.Errorf("get after delete: %v, want NotFound", err)
	}
}

func TestProjectNumbers(t *testing.T) {
	t.Parallel()
	s, client := start(t, secrets.Options{ProjectNumbers: map[string]string{"p": "1234"}})
	s.Add(name, []byte("x"))
	for _, version := range []string{name + "/versions/1", "projects/1234/secrets/signing/versions/latest"} {
		res, err := client.AccessSecretVersion(deadline(t), &pb.AccessSecretVersionRequest{Name: version})
		if err != nil || res.GetName() != "projects/1234/secrets/signing/versions/1" {
			t.Errorf("access %s: %v, %v", version, res.GetName(), err)
		}
	}
}

func TestFaultsAndCounters(t *testing.T) {
	t.Parallel()
	s, client := start(t, secrets.Options{})
	s.Add(name, []byte("x"))
	ctx := deadline(t)
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
	s.Fail(func(secrets.Op) *secrets.Fault {
		return &secrets.Fault{Err: status.Error(codes.PermissionDenied, "on purpose")}
	})
	if _, err := access(ctx, client, name+"/versions/1"); status.Code(err) != codes.PermissionDenied {
		t.Errorf("got %v, want PermissionDenied", err)
	}
	s.Fail(func(secrets.Op) *secrets.Fault { return &secrets.Fault{Delay: time.Hour} })
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := access(short, client, name+"/versions/1"); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v, want DeadlineExceeded", err)
	}
	s.Fail(func(secrets.Op) *secrets.Fault { return &secrets.Fault{Lose: true} })
	if _, err := client.AddSecretVersion(ctx, &pb.AddSecretVersionRequest{Parent: name, Payload: &pb.SecretPayload{Data: []byte("kept")}}); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v, want Unavailable", err)
	}
	if got, ok := s.Payload(name, 2); !ok || !bytes.Equal(got, []byte("kept")) {
		t.Errorf("the version whose answer was lost holds %q, %v", got, ok)
	}
	want := map[string]int64{"AccessSecretVersion": 5, "AddSecretVersion": 1}
	if diff := cmp.Diff(want, s.Counts()); diff != "" {
		t.Error(diff)
	}
}

func TestStartAndClose(t *testing.T) {
	t.Parallel()
	s := secrets.New(secrets.Options{})
	if err := s.Start("0.0.0.0:0"); !errors.Is(err, secrets.ErrNotLoopback) {
		t.Errorf("got %v, want ErrNotLoopback", err)
	}
	if err := s.Start(""); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(""); !errors.Is(err, secrets.ErrStarted) {
		t.Errorf("got %v, want ErrStarted", err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := s.Add(name, []byte("x")); n != 1 {
		t.Errorf("added version %d after Close, want 1", n)
	}
}
