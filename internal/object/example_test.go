package object_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"example.com/gemini-webhook/internal/object"
)

// bucket is a Cloud Storage with one object, "results/out/1.jsonl".
type bucket struct{ content string }

func (b bucket) Stat(_ context.Context, bucket, name string) (object.Object, error) {
	if bucket+"/"+name != "results/out/1.jsonl" {
		return object.Object{}, object.ErrNotFound
	}
	return object.Object{Bucket: bucket, Name: name, Generation: 7, Size: int64(len(b.content))}, nil
}

func (b bucket) List(context.Context, string, string, func(object.Object) bool, int) ([]object.Object, error) {
	return nil, nil
}

func (b bucket) Open(_ context.Context, _ object.Object, offset, length int64) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(b.content[offset : offset+length])), nil
}

func ExampleStore() {
	store := &object.Store{
		Storage: bucket{"first\nsecond\n"},
		Allowed: object.Allowed{Locations: []object.Location{{Bucket: "results", Prefix: "out/"}}, StateBucket: "state"},
	}
	ctx := context.Background()

	var never *object.Unreadable
	_, err := store.Find(ctx, "gs://results/elsewhere/1.jsonl")
	fmt.Println(errors.As(err, &never), never.Code)
	_, err = store.Find(ctx, "s3://results/out/1.jsonl")
	fmt.Println(errors.As(err, &never), never.Code)
	_, err = store.Find(ctx, "gs://results/out/2.jsonl")
	fmt.Println(errors.As(err, &never), errors.Is(err, object.ErrNotFound))

	found, err := store.Find(ctx, "gs://results/out/1.jsonl")
	if err != nil {
		fmt.Println(err)
		return
	}
	body, size, err := store.Open(ctx, found[0], 6, 13)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	fmt.Printf("%s of %d bytes: %q %v\n", found[0].URI(), size, text, err)
	// Output:
	// true bucket_not_allowed
	// true unknown_pointer
	// false true
	// gs://results/out/1.jsonl of 13 bytes: "second\n" <nil>
}
