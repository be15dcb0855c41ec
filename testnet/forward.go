package testnet

import (
	"fmt"
	"strings"

	"github.com/emersion/go-smtp"
)

// Forward has the sink hand on mail for a domain to another server, as a mail server does: in the same session, so that who sends
// it is told when it cannot be handed on, and tries again. It keeps a copy all the same.
func (s *Sink) Forward(domain, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.domain, s.next = domain, address
}

// Lose has the sink take mail for the domain that it forwards, and lose it: what a path does that is broken without anybody
// noticing.
func (s *Sink) Lose(lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = lost
}

// forward hands a mail on to those of its recipients who are elsewhere.
func (s *Sink) forward(m Mail) error {
	s.mu.Lock()
	domain, next, lost := s.domain, s.next, s.lost
	s.mu.Unlock()
	var to []string
	for _, address := range m.To {
		if domain != "" && strings.HasSuffix(address, "@"+domain) {
			to = append(to, address)
		}
	}
	if len(to) == 0 || lost {
		return nil
	}
	client, err := smtp.Dial(next)
	if err == nil {
		defer client.Close()
		err = client.SendMail(m.From, to, strings.NewReader(string(m.Raw)))
	}
	if err != nil {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 4, 1}, Message: fmt.Sprintf("not handed on: %v", err)}
	}
	return nil
}
