package link

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newKey(t *testing.T) Key {
	path := filepath.Join(t.TempDir(), "link.key")
	made, err := CreateKey(path)
	require.NoError(t, err)
	read, err := ReadKey(path)
	require.NoError(t, err)
	require.Equal(t, made.Public(), read.Public())
	return read
}

// serve answers every request that comes over the link, and counts them.
func serve(t *testing.T, config *tls.Config) (url string, answered *int) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	answered = new(int)
	server := &http.Server{ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		*answered++
		_, _ = io.WriteString(w, "here")
	})}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(tls.NewListener(plain, config)) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
	})
	return "https://" + plain.Addr().String(), answered
}

func get(t *testing.T, client *http.Client, url string) (string, error) {
	answer, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

func TestOnlyTheTwoSpeak(t *testing.T) {
	trial, vantage, stranger := newKey(t), newKey(t), newKey(t)
	config, err := vantage.Server(trial.Public())
	require.NoError(t, err)
	url, answered := serve(t, config)
	client := func(own Key, peer PublicKey) *http.Client {
		c, err := own.Client(peer, nil)
		require.NoError(t, err)
		return c
	}

	said, err := get(t, client(trial, vantage.Public()), url)
	require.NoError(t, err)
	require.Equal(t, "here", said)
	_, err = get(t, client(trial, stranger.Public()), url)
	require.ErrorIs(t, err, ErrStranger, "the vantage is not whom the trial was told of")
	_, err = get(t, client(stranger, vantage.Public()), url)
	require.Error(t, err, "the vantage refuses a stranger")
	for _, with := range []*tls.Config{
		{InsecureSkipVerify: true}, // without a certificate
		{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12},
	} {
		_, err = get(t, &http.Client{Transport: &http.Transport{TLSClientConfig: with}}, url)
		require.Error(t, err)
	}
	// Who shows the right certificate must also hold its key.
	forged, err := trial.certificate()
	require.NoError(t, err)
	forged.PrivateKey = stranger.private
	_, err = get(t, &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true,
		Certificates: []tls.Certificate{forged}}}}, url)
	require.Error(t, err)
	require.Equal(t, 1, *answered)
}

func TestKeyFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "link.key")
	_, err := ReadKey(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	key, err := CreateKey(path)
	require.NoError(t, err)
	_, err = CreateKey(path)
	require.ErrorIs(t, err, os.ErrExist)
	parsed, err := ParsePublicKey(key.Public().String())
	require.NoError(t, err)
	require.Equal(t, key.Public(), parsed)
	for _, bad := range []string{"", "c2hvcnQ=", key.Public().String() + "\n", key.Public().String()[1:]} {
		_, err := ParsePublicKey(bad)
		require.Error(t, err, bad)
	}
	require.NoError(t, os.Chmod(path, 0o640))
	_, err = ReadKey(path)
	require.ErrorContains(t, err, "chmod 600")
	require.NoError(t, os.WriteFile(path, []byte("hunter2"), 0o600))
	require.NoError(t, os.Chmod(path, 0o600))
	_, err = ReadKey(path)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
}
