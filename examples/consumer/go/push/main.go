// Command push is a service that Pub/Sub pushes outcomes to: it keeps each once, and
// prints a line of JSON when a batch is complete.
//
// It wants wrapped messages by POST at / on PORT, with an OIDC token of Google's for
// PUSH_AUDIENCE and of PUSH_SERVICE_ACCOUNT, and keeps outcomes in STORE_DIR.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"google.golang.org/api/idtoken"

	"example.com/gemini-webhook/examples/consumer/go/keep"
	"example.com/gemini-webhook/outcomes"
)

// maxBody is more than a message of 10 MB in base64, with its attributes.
const maxBody = 16 << 20

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal("push: ", err)
	}
}

func run(ctx context.Context) error {
	s := &service{audience: os.Getenv("PUSH_AUDIENCE"), account: os.Getenv("PUSH_SERVICE_ACCOUNT")}
	if s.audience == "" || s.account == "" {
		return errors.New("set PUSH_AUDIENCE and PUSH_SERVICE_ACCOUNT to those of the push subscription")
	}
	var err error
	s.keeper, err = keep.New(ctx, keep.Files(os.Getenv("STORE_DIR")), func(r keep.Report) { _ = json.NewEncoder(os.Stdout).Encode(r) })
	if err != nil {
		return err
	}
	server := &http.Server{Addr: ":" + os.Getenv("PORT"), Handler: s, ReadTimeout: time.Minute}
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.Background()) // what is under way is answered
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type service struct {
	audience, account string
	keeper            *keep.Keeper
}

// ServeHTTP acknowledges a message, by 204, when it is kept. Any other status makes Pub/Sub
// deliver it again; a dead letter policy of the subscription ends that.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.fromPubSub(r) { // before anything of the body is read
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var push struct {
		Message struct {
			Data      []byte
			MessageID string
		}
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&push); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	err := s.keeper.Keep(r.Context(), push.Message.Data)
	switch {
	case errors.Is(err, outcomes.ErrMalformed): // and will be next time: not the receiver's
		log.Printf("message %s is passed over: %v", push.Message.MessageID, err)
	case err != nil: // the store's trouble, or ErrVersion until this program is a newer one
		log.Printf("message %s comes again: %v", push.Message.MessageID, err)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// fromPubSub says whether a request has the token of our push subscription. Google signs
// tokens for anybody, so audience and account are what counts.
func (s *service) fromPubSub(r *http.Request) bool {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	said, err := idtoken.Validate(r.Context(), token, s.audience)
	return err == nil && strings.TrimPrefix(said.Issuer, "https://") == "accounts.google.com" &&
		said.Claims["email"] == s.account && said.Claims["email_verified"] == true
}
