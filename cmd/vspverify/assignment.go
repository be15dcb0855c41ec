package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"scrutineer/verifier"
	"scrutineer/verifier/probe"
)

// assignment is what a trial asks its vantages to watch: they look at the same, in the same slots, and judge it by the same
// thresholds.
type assignment struct {
	Plan  verifier.Plan `json:"plan"`
	Roots string        `json:"roots,omitempty"` // that certificates must lead to, PEM; the system's if there are none

	Deployment string `json:"deployment,omitempty"` // the operator's description of the machines, TOML; empty: they are not measured
}

func (t *trial) assignment(plan verifier.Plan) assignment {
	_, text, _ := t.described.get()
	return assignment{plan, string(t.rootsPEM), text}
}

// clash says what must not change in the course of a trial and is another there than here; empty if all of it is the same.
func (a assignment) clash(there assignment) string {
	switch p, q := a.Plan, there.Plan; {
	case !p.SameTrial(q):
		return fmt.Sprintf("here it is %s at %s on %s in slots of %v, and there %s at %s on %s in slots of %v", p.Name, p.URL, p.Network,
			time.Duration(p.Slot), q.Name, q.URL, q.Network, time.Duration(q.Slot))
	case !p.Begins.Equal(q.Begins):
		return fmt.Sprintf("here it began at %s, and there at %s", p.Begins.Format(time.RFC3339Nano), q.Begins.Format(time.RFC3339Nano))
	}
	return ""
}

// readAssignment reads an assignment, and makes sure that it can be carried out.
func readAssignment(raw []byte) (assignment, error) {
	var a assignment
	err := json.Unmarshal(raw, &a)
	if err == nil {
		err = a.Plan.Mistake()
	}
	if slot := time.Duration(a.Plan.Slot); err == nil {
		if need, ok := probe.Fits(a.Plan.Policy, slot); !ok || slot < minSlot {
			err = fmt.Errorf("slots of %v are too short, %v are needed", slot, max(need, minSlot))
		}
	}
	if err == nil {
		_, err = a.vantage("")
	}
	if err == nil && a.Deployment != "" {
		err = deploymentMistake(a.Deployment)
	}
	if err != nil {
		return a, fmt.Errorf("read what is to be watched: %w", err)
	}
	return a, nil
}

// vantage returns how to look at what is to be watched; our own node is for the caller to add.
func (a assignment) vantage(name string) (*probe.Vantage, error) {
	target, err := a.Plan.Target()
	if err == nil && len(target.PubKey) != ed25519.PublicKeySize {
		err = errors.New("the VSP's key is none")
	}
	var roots *x509.CertPool
	if a.Roots != "" {
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM([]byte(a.Roots)) {
			err = errors.Join(err, errors.New("its roots are no certificates"))
		}
	}
	return &probe.Vantage{Name: name, Target: target, Policy: a.Plan.Policy, HTTP: probe.NewHTTP(roots), Roots: roots, Controls: a.Plan.Controls,
		Slot: time.Duration(a.Plan.Slot), Now: time.Now}, err
}
