package verify_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"example.com/gemini-webhook/verify"
	"example.com/gemini-webhook/verify/verifytest"
)

// The smallest call, on a published vector of Standard Webhooks.
func ExampleDelivery() {
	keys, err := verify.NewStaticSecrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		fmt.Println(err)
		return
	}
	body := []byte(`{"test": 2432232314}`)
	header := http.Header{}
	header.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	header.Set("webhook-timestamp", "1614265330")
	header.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	now := time.Unix(1614265330, 0)

	proof, err := verify.Delivery(context.Background(), body, header, keys, now)
	fmt.Println(proof.Mode, proof.Scheme, err)

	_, err = verify.Delivery(context.Background(), append(body, ' '), header, keys, now)
	fmt.Println(verify.Code(err))

	_, err = verify.Delivery(context.Background(), body, header, keys, now.Add(time.Hour))
	stale, genuine := errors.AsType[*verify.StaleError](err)
	fmt.Println(verify.Code(err), genuine, stale.Proof.Scheme)
	// Output:
	// static hmac-sha256 <nil>
	// signature_mismatch
	// timestamp_out_of_range true hmac-sha256
}

// A complete receiver of static webhooks.
func Example_handler() {
	const signingSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	keys, err := verify.NewStaticSecrets(signingSecret)
	if err != nil {
		fmt.Println(err)
		return
	}
	const maxBodyBytes = 256 << 10
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			http.Error(w, "method_not_allowed", http.StatusMethodNotAllowed)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
		if err != nil {
			http.Error(w, "body_too_large", http.StatusRequestEntityTooLarge)
			return
		}
		_, err = verify.Delivery(r.Context(), body, r.Header, keys, time.Now())
		switch {
		case errors.Is(err, verify.ErrMissingHeader), errors.Is(err, verify.ErrBadHeader):
			http.Error(w, verify.Code(err), http.StatusBadRequest)
		case errors.Is(err, verify.ErrUnavailable): // the sender tries again
			http.Error(w, verify.Code(err), http.StatusServiceUnavailable)
		case err != nil:
			http.Error(w, verify.Code(err), http.StatusUnauthorized)
		default: // queue it here; it may come a second time
			fmt.Fprintln(w, "accepted")
		}
	})

	send := func(header http.Header, body string) {
		r := httptest.NewRequest(http.MethodPost, "/gemini", strings.NewReader(body))
		r.Header = header
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	event := `{"type":"batch.succeeded","data":{"id":"batch_1"}}`
	signed := verifytest.Static(signingSecret, "msg_1", time.Now(), []byte(event))
	send(signed, event)
	send(signed, strings.Replace(event, "batch_1", "batch_2", 1))
	send(nil, event)
	// Output:
	// 200 accepted
	// 401 signature_mismatch
	// 400 missing_header
}

// What Google signs is accepted under a token that only our jobs know.
func ExampleVerifier() {
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) // stands for Google's
	token := strings.Repeat("t", 43)
	tokens, err := verify.NewStaticTokens(token)
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Unix(1614265330, 0)
	v := &verify.Verifier{
		Keys:      verify.StaticKeys{{Public: private.Public()}},
		Tokens:    tokens,
		Tolerance: 5 * time.Minute,
		Now:       func() time.Time { return now },
	}

	body := []byte(`{"type":"batch.succeeded","data":{"id":"batch_1"}}`)
	signature := ed25519.Sign(private, append([]byte("msg_1.1614265330."), body...))
	header := verifytest.Headers("msg_1", "1614265330", "v1a,"+base64.StdEncoding.EncodeToString(signature))
	h, err := verify.ParseHeaders(header)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, path := range []string{"/dynamic/" + token + "/nightly", "/dynamic/" + strings.Repeat("x", 43), "/gemini"} {
		proof, err := v.Verify(context.Background(), path, h, body)
		if err != nil {
			fmt.Println("refused:", verify.Code(err))
			continue
		}
		fmt.Println("accepted:", proof.Scheme, proof.Origin)
	}
	// Output:
	// accepted: ed25519 path_token
	// refused: origin_unproven
	// refused: origin_unproven
}
