package alerting

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"scrutineer/alerts"
)

// testTimeout is how long the command test waits for the mail server: longer than one attempt may take.
const testTimeout = 40 * time.Second

// Standing is how things stand, as the service tells it.
type Standing struct {
	Incidents   []alerts.Incident
	Waiting     []alerts.Waiting
	Guests      []alerts.Guest
	Maintenance []alerts.Maintenance
}

// acknowledgement is who takes an incident on, or all that are told in its thread.
type acknowledgement struct {
	By    string
	Group bool
}

// Serve answers the commands until the context ends.
func (d *Duty) Serve(ctx context.Context) error {
	server := &http.Server{Handler: d.handler(), ReadTimeout: 5 * time.Second, WriteTimeout: testTimeout + 5*time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(d.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("answer %s alerts: %w", d.settings.Program.Name, err)
	}
	return nil
}

func (d *Duty) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /incidents", func(w http.ResponseWriter, _ *http.Request) {
		incidents, waiting := d.Desk.Open()
		answer(w, Standing{incidents, waiting, d.Desk.Guests(time.Now()), d.Desk.Maintenances()}, nil)
	})
	mux.HandleFunc("POST /incidents/{number}/ack", func(w http.ResponseWriter, r *http.Request) {
		var ack acknowledgement
		number, err := strconv.Atoi(r.PathValue("number"))
		if err == nil {
			err = json.NewDecoder(io.LimitReader(r.Body, 1<<12)).Decode(&ack)
		}
		acknowledge := d.Desk.Acknowledge
		if ack.Group {
			acknowledge = d.Desk.AcknowledgeAll
		}
		if err == nil {
			err = acknowledge(number, ack.By, time.Now())
		}
		answer(w, struct{}{}, err)
	})
	mux.HandleFunc("POST /maintenance", func(w http.ResponseWriter, r *http.Request) {
		var m alerts.Maintenance
		err := json.NewDecoder(io.LimitReader(r.Body, 1<<14)).Decode(&m)
		if err == nil {
			m.Number, err = d.Desk.StartMaintenance(m)
		}
		answer(w, m.Number, err)
	})
	mux.HandleFunc("POST /maintenance/{number}/end", func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.Atoi(r.PathValue("number"))
		if err == nil {
			err = d.Desk.EndMaintenance(number, time.Now())
		}
		answer(w, struct{}{}, err)
	})
	mux.HandleFunc("POST /test", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), testTimeout)
		defer cancel()
		deliveries, err := d.Desk.Test(ctx, time.Now())
		answer(w, deliveries, err)
	})
	d.handleGuests(mux)
	return mux
}

// answer writes a value, or why there is none.
func answer(w http.ResponseWriter, value any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // who asked may have gone
}

// refusal is why the service did not do what it was asked.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

// ask asks the running service, and puts its answer into a value.
func (s *Settings) ask(ctx context.Context, method, path string, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://service"+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: testTimeout + 5*time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", s.socket())
		}}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("ask the service, which must run as %s on this machine: %w", s.Program.Service, err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return json.NewDecoder(response.Body).Decode(into)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<12))
	if err != nil {
		return fmt.Errorf("read the service's answer: %w", err)
	}
	return &refusal{strings.TrimSpace(string(text))}
}
