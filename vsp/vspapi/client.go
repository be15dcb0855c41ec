package vspapi

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxAnswer is the largest answer read, as in vspd's own client.
const maxAnswer = 4 << 20

// Client speaks v3 to one VSP. Its answers are checked against the VSP's key, which must be known beforehand.
type Client struct {
	URL    string // scheme and host, such as "https://vsp.example.org"
	PubKey ed25519.PublicKey
	HTTP   *http.Client // http.DefaultClient if nil; deadlines come from the context
}

// Answer is what came back, kept whole so that it can be evidence.
type Answer struct {
	Status    int
	Body      []byte
	Signature string // the ServerSignature header, unchecked
}

// Info asks for vspinfo. The answer is returned as far as one came, also with an error.
func (c *Client) Info(ctx context.Context) (Info, Answer, error) {
	var info Info
	answer, err := c.call(ctx, http.MethodGet, PathInfo, nil, "", &info)
	return info, answer, err
}

// Post sends a signed request and decodes the success answer into result. The body is sent as it is, because it is what
// the signature is over. A refusal is an *Error.
func (c *Client) Post(ctx context.Context, path string, body []byte, signature string, result any) (Answer, error) {
	return c.call(ctx, http.MethodPost, path, body, signature, result)
}

func (c *Client) call(ctx context.Context, method, path string, body []byte, signature string, result any) (Answer, error) {
	answer, err := c.send(ctx, method, path, body, signature)
	if err != nil {
		return answer, err
	}
	if err := Verify(c.PubKey, answer.Body, answer.Signature); err != nil {
		return answer, fmt.Errorf("%s (HTTP %d): %w", path, answer.Status, err)
	}
	if answer.Status != http.StatusOK {
		refusal := new(Error)
		if err := json.Unmarshal(answer.Body, refusal); err != nil {
			return answer, fmt.Errorf("%s: HTTP %d with a body that is no error message: %w", path, answer.Status, err)
		}
		return answer, refusal
	}
	if err := json.Unmarshal(answer.Body, result); err != nil {
		return answer, fmt.Errorf("%s: decode answer: %w", path, err)
	}
	return answer, nil
}

func (c *Client) send(ctx context.Context, method, path string, body []byte, signature string) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, fmt.Errorf("%s: %w", path, err)
	}
	if signature != "" {
		req.Header.Set(ClientSignature, signature)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, fmt.Errorf("%s: %w", path, err)
	}
	defer resp.Body.Close()
	answer := Answer{Status: resp.StatusCode, Signature: resp.Header.Get(ServerSignature)}
	answer.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer, fmt.Errorf("%s: read answer: %w", path, err)
	}
	return answer, nil
}
