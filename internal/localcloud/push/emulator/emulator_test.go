package emulator_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/gemini-webhook/internal/localcloud/push/emulator"
)

func TestStartServesAndStopEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("starting a Java program takes seconds; run without -short")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	addr, stop, err := emulator.Start(ctx)
	if errors.Is(err, emulator.ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	client, err := pubsub.NewTopicAdminClient(ctx, option.WithEndpoint(addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.CreateTopic(ctx, &pubsubpb.Topic{Name: "projects/project/topics/topic"}); err != nil {
		t.Error(err)
	}
	stop()
	stop()
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Errorf("%s still accepts connections after stop", addr)
	}
}

func TestNotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, _, err := emulator.Start(t.Context()); !errors.Is(err, emulator.ErrNotInstalled) {
		t.Errorf("got %v, want ErrNotInstalled", err)
	}
}

func TestEndedContextStopsTheStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := emulator.Start(ctx)
	if errors.Is(err, emulator.ErrNotInstalled) {
		t.Skip(err)
	}
	if !errors.Is(err, emulator.ErrNotReady) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want ErrNotReady for the context's end", err)
	}
}
