package jwks_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"time"

	"example.com/gemini-webhook/internal/jwks"
	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

// The tokens of Pub/Sub's pushes, checked against a key set that is fetched when
// the first one comes.
func Example() {
	google, err := verifytest.NewIssuer()
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(google)
	defer server.Close()

	pushes := &verify.PushTokens{
		Keys:           jwks.New(jwks.Config{URL: server.URL, StaleLimit: 6 * time.Hour, Now: time.Now, Log: slog.New(slog.DiscardHandler)}),
		Audience:       "https://receiver.example/tasks/process",
		ServiceAccount: "push@p.iam.gserviceaccount.com",
		Now:            time.Now,
	}
	for _, account := range []string{"push@p.iam.gserviceaccount.com", "somebody@else.example"} {
		token, err := google.Push("https://receiver.example/tasks/process", account, time.Now())
		if err != nil {
			fmt.Println(err)
			return
		}
		err = pushes.Verify(context.Background(), []string{"Bearer " + token})
		fmt.Printf("%q\n", verify.Code(err))
	}
	fmt.Println(google.Fetches(), "fetch")
	// Output:
	// ""
	// "bad_token"
	// 1 fetch
}
