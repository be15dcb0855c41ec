package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"scrutineer/cmd/program"
	"scrutineer/vsp/server"
)

func passwordCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "password FILE",
		Short: "Make the file for admin_password_file",
		Long: `password asks for the administrator's password twice, or reads it from the first
line of standard input, and writes its argon2id hash into FILE, which is
replaced if it is there. The password itself is not kept anywhere.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			password, err := askPassword(c.InOrStdin(), c.ErrOrStderr())
			if err != nil {
				return program.Misuse(err)
			}
			hash, err := server.HashPassword(password)
			if err != nil {
				return program.Misuse(err)
			}
			if err := replaceFile(args[0], []byte(hash+"\n")); err != nil {
				return fmt.Errorf("write the password's hash: %w", err)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), `The password's hash is in %s.
Name the file in the configuration as admin_password_file, and restart the service.
Then /admin/status answers to the user admin.
`, args[0])
			return err
		},
	}
}

// maxPassword bounds a password, in bytes.
const maxPassword = 1024

// askPassword reads a password: twice without showing it where in is a terminal, else one line.
func askPassword(in io.Reader, prompts io.Writer) (string, error) {
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return askTwice(func(prompt string) (string, error) {
			fmt.Fprint(prompts, prompt)
			text, err := term.ReadPassword(int(f.Fd()))
			fmt.Fprintln(prompts)
			return string(text), err
		})
	}
	line, err := bufio.NewReader(io.LimitReader(in, maxPassword+1)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return checkPassword(strings.TrimRight(line, "\r\n"))
}

func askTwice(ask func(prompt string) (string, error)) (string, error) {
	first, err := ask("Password of admin: ")
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if _, err := checkPassword(first); err != nil {
		return "", err
	}
	second, err := ask("Once more: ")
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if first != second {
		return "", errors.New("the two are not the same: nothing was written")
	}
	return first, nil
}

func checkPassword(password string) (string, error) {
	switch {
	case password == "":
		return "", errors.New("the password is empty: nothing was written")
	case len(password) > maxPassword:
		return "", fmt.Errorf("the password is longer than %d bytes: nothing was written", maxPassword)
	}
	return password, nil
}

// replaceFile writes a file that only its owner may read, in one step. One that is there before is replaced.
func replaceFile(path string, data []byte) error {
	next, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(next.Name()) }() // there is none once it was renamed
	if _, err := next.Write(data); err != nil {
		return errors.Join(err, next.Close())
	}
	if err := errors.Join(next.Sync(), next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), path)
}
