package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"example.com/gemini-webhook/internal/localcloud/fake"
)

// startPubSub serves pstest with what it lacks: IAM, and 31 days of retention.
func (d *deployment) startPubSub() {
	topics := pstest.NewServer()
	server := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		name := ""
		switch r := req.(type) {
		case interface{ GetSubscription() string }:
			name = r.GetSubscription()
		case interface{ GetTopic() string }:
			name = r.GetTopic()
		case interface{ GetResource() string }:
			name = r.GetResource()
		}
		if err := read(d, func() error { return d.refuse(path.Base(info.FullMethod), name) }); err != nil {
			return nil, err
		}
		answer, err := handler(ctx, req)
		if sub, ok := answer.(*pubsubpb.Subscription); ok && err == nil {
			sub = proto.CloneOf(sub)
			if strings.HasSuffix(sub.Name, "-dead-letters") {
				sub.MessageRetentionDuration = durationpb.New(31 * 24 * time.Hour)
			}
			read(d, func() any { d.edit(sub); return nil })
			return sub, nil
		}
		return answer, err
	}))
	pubsubpb.RegisterPublisherServer(server, &topics.GServer)
	pubsubpb.RegisterSubscriberServer(server, &topics.GServer)
	iampb.RegisterIAMPolicyServer(server, policyServer{d: d})
	listener, err := fake.GRPC(server)
	must(d, err)
	d.Cleanup(func() { listener.Close(); topics.Close() })
	d.Setenv("PUBSUB_EMULATOR_HOST", listener.Addr())
	d.pubsub, err = pubsub.NewClient(d.Context(), "p")
	must(d, err)
	d.Cleanup(func() { d.pubsub.Close() })
}

type policyServer struct {
	iampb.UnimplementedIAMPolicyServer
	d *deployment
}

func (s policyServer) GetIamPolicy(_ context.Context, req *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	return read(s.d, func() *iampb.Policy {
		return proto.CloneOf(&iampb.Policy{Bindings: s.d.policies[req.GetResource()]})
	}), nil
}

// startStorage serves the embedded Cloud Storage with what it lacks: attributes of
// buckets, and IAM.
func (d *deployment) startStorage() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.RLock()
		defer d.mu.RUnlock()
		name, rest, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/storage/v1/b"), "/"), "/")
		attributes, ok := d.buckets[name]
		if err := d.refuse("buckets", name); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		switch {
		case !ok:
			http.Error(w, `{"error":{"code":404,"message":"The specified bucket does not exist."}}`, http.StatusNotFound)
		case rest != "" && rest != "iam":
			d.objects.ServeHTTP(w, r)
		case rest == "iam":
			_ = json.NewEncoder(w).Encode(map[string]any{"version": 3, "bindings": d.policies[name]})
		default:
			_ = json.NewEncoder(w).Encode(attributes)
		}
	}))
	d.Cleanup(server.Close)
	d.Setenv("STORAGE_EMULATOR_HOST", strings.TrimPrefix(server.URL, "http://"))
}
