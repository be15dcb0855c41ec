package email

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

// The troubles that a mail server has in turn.
const (
	greylisting = "greylisting"
	full        = "full"
	overQuota   = "over quota" // 552, by which a direct sender must not be put off; a relay sends it back
	slow        = "slow"
	impostor    = "bad certificate"
	killed      = "killed and started again"
)

// refusedRecipient is one that the server never takes mail for.
const refusedRecipient = "refused@example.org"

// troubled is a mail server that has one trouble after the other. Each begins after so many mails, and is over when so many
// attempts have met it: however fast the machine is, each is met, and none lasts.
type troubled struct {
	*server
	troubles []string
	well     int // mails between two troubles
	met      int // attempts that meet each
	quiet    int // after so many mails there is no trouble any more

	mu     sync.Mutex // guards what follows
	now    string     // the trouble under way; empty while it is well
	count  int        // of mails while it is well, of attempts while it is not
	taken  int
	begun  map[string]int
	broken error // why it could not be started again
	kill   chan struct{}
	killer sync.WaitGroup
}

// ownAddress returns an address that nobody else uses, so that a port which is free for a while stays so.
func ownAddress() string { return fmt.Sprintf("127.79.%d.%d", rand.N(256), 1+rand.N(254)) }

// startTroubled starts the server at an address, with a certificate that its clients can verify.
func startTroubled(t *testing.T, w *troubled, address string, good *tls.Certificate) *troubled {
	bad, _ := certificate(t, address, time.Now().AddDate(0, 1, 0)) // by nobody whom anybody knows
	w.kill, w.begun = make(chan struct{}, 1), map[string]int{}
	w.server = &server{onRcpt: w.onRcpt, Fail: w.onData, show: func() *tls.Certificate {
		if w.meets(impostor) {
			return bad
		}
		return good
	}}
	w.start(t, address+":0")
	w.killer.Go(w.die)
	t.Cleanup(func() { // before the server's own end
		close(w.kill)
		w.killer.Wait()
	})
	return w
}

// meets reports whether an attempt that comes to a point runs into a trouble there.
func (w *troubled) meets(trouble string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now != trouble {
		return false
	}
	if w.count++; w.count >= w.met {
		w.now, w.count = "", 0
	}
	return true
}

// take counts a mail that was taken, and begins the next trouble when it is time.
func (w *troubled) take() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken++
	if w.count++; w.now != "" || w.count < w.well || w.taken > w.quiet {
		return
	}
	total := 0
	for _, times := range w.begun {
		total += times
	}
	w.now, w.count = w.troubles[total%len(w.troubles)], 0
	w.begun[w.now]++
	if w.now == killed {
		w.kill <- struct{}{}
	}
}

func (w *troubled) onRcpt(to string) error {
	switch {
	case to == refusedRecipient:
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	case w.meets(greylisting):
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted: come again"}
	}
	return nil
}

func (w *troubled) onData(string) (bool, error) {
	switch {
	case w.meets(full):
		return false, &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "the disk is full"}
	case w.meets(overQuota):
		return false, &smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 2, 2}, Message: "the mailbox is full"}
	case w.meets(slow):
		time.Sleep(100 * time.Millisecond)
	}
	w.take()
	return true, nil
}

// die kills the server whenever it is time, and starts it again after its port has answered without it.
func (w *troubled) die() {
	for range w.kill {
		if err := w.dieOnce(); err != nil {
			w.mu.Lock()
			w.broken = err
			w.mu.Unlock()
		}
	}
}

func (w *troubled) dieOnce() error {
	w.close()
	address, err := net.ResolveTCPAddr("tcp", w.address)
	if err != nil {
		return err
	}
	listener, err := net.ListenTCP("tcp", address)
	if err != nil {
		return err
	}
	defer listener.Close()
	if err := listener.SetDeadline(time.Now().Add(deadPatience)); err != nil {
		return err
	}
	for w.meets(killed) {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		conn.Close()
	}
	if err := listener.Close(); err != nil {
		return err
	}
	return w.open(w.address)
}

// deadPatience is how long a dead server waits for who wants to give it mail.
const deadPatience = time.Minute

// requireAll requires that every trouble was there, and is over.
func (w *troubled) requireAll(t *testing.T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, trouble := range w.troubles {
		require.Positive(t, w.begun[trouble], trouble)
		all = append(all, fmt.Sprintf("%d times %s", w.begun[trouble], trouble))
	}
	require.NoError(t, w.broken)
	require.Empty(t, w.now)
	slices.Sort(all)
	t.Logf("%d mails were taken by a server that was %v", w.taken, all)
}
