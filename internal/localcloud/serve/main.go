// Command serve runs a command beside the embedded cloud: the Gemini simulator
// and Secret Manager, with the secrets that the command expects to exist.
//
//	serve -secret projects/P/secrets/S -api-key projects/P/secrets/K -- terraform apply
//
// The command's environment says where the servers are, and has the simulator's
// API key as GEMINI_API_KEY. With -absent-from DIR no payload of these secrets
// may be in a file below DIR when the command has ended. The exit status is the
// command's, 1 if something was found or did not start, 2 for wrong arguments.
//
// It is for tests of what administers webhooks. It delivers nothing: nobody
// listens at the webhooks' addresses.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"example.com/gemini-webhook/internal/localcloud"
	"example.com/gemini-webhook/internal/secret"
)

func main() {
	var secrets, keys []string
	addTo := func(names *[]string) func(string) error {
		return func(name string) error {
			*names = append(*names, name)
			_, err := secret.ParseName(name)
			return err
		}
	}
	flag.Func("secret", "make this secret, without a version; may be repeated", addTo(&secrets))
	flag.Func("api-key", "make this secret, with the simulator's API key; may be repeated", addTo(&keys))
	absentFrom := flag.String("absent-from", "", "directory whose files must not hold a payload of the secrets afterwards")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "serve: say what to run after --")
		os.Exit(2)
	}
	status, err := run(secrets, keys, *absentFrom, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		status = max(status, 1)
	}
	os.Exit(status)
}

// run returns the status of the command.
func run(secrets, keys []string, absentFrom string, command []string) (status int, err error) {
	cloud, err := localcloud.Start(context.Background(), localcloud.Options{})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, cloud.Close()) }()
	for _, secret := range secrets {
		cloud.Secrets.Create(secret)
	}
	for _, secret := range keys {
		cloud.Secrets.Add(secret, []byte(localcloud.APIKey))
	}

	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(append(os.Environ(), cloud.Env()...), "GEMINI_API_KEY="+localcloud.APIKey)
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitCode(), nil
	case err != nil:
		return 1, err
	case absentFrom == "":
		return 0, nil
	}
	payloads := [][]byte{[]byte(localcloud.APIKey)}
	for _, secret := range secrets {
		for version := int64(1); ; version++ {
			payload, found := cloud.Secrets.Payload(secret, version)
			if !found {
				break
			}
			payloads = append(payloads, bytes.TrimPrefix(payload, []byte("whsec_")))
		}
	}
	return 0, search(absentFrom, payloads)
}

// search fails if a file below dir holds one of the payloads, or if there is no
// file or no payload but the API key to search for: then nothing was tested.
func search(dir string, payloads [][]byte) error {
	if len(payloads) < 2 {
		return errors.New("the command stored no secret, so there is none to search for")
	}
	var files int
	var errs []error
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(name)
		files++
		for i, payload := range payloads {
			if bytes.Contains(text, payload) {
				errs = append(errs, fmt.Errorf("%s holds secret %d of %d", name, i+1, len(payloads)))
			}
		}
		return err
	})
	if files == 0 && err == nil {
		err = fmt.Errorf("%s has no file to search in", dir)
	}
	return errors.Join(append(errs, err)...)
}
