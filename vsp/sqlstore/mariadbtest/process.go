package mariadbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// startTimeout is ten times what a loaded machine with two processors takes.
	startTimeout = 60 * time.Second

	// stopTimeout is how long the server has to end by itself: it takes 1.5 s.
	stopTimeout = 20 * time.Second
)

// Restart starts the server again after it was killed or stopped, at the same address, and waits until it answers.
func (s *Server) Restart(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(s.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start MariaDB: %w", err)
	}
	defer func() { _ = log.Close() }() // the server has its own
	process := exec.Command(s.program, "--defaults-file="+filepath.Join(s.folder, "my.cnf"))
	process.Stdout, process.Stderr = log, log
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := process.Start(); err != nil {
		return fmt.Errorf("start MariaDB: %w", err)
	}
	s.process, s.ended = process, make(chan error, 1)
	go func() { s.ended <- process.Wait() }()
	if err := s.waitReady(ctx); err != nil {
		s.Kill()
		return fmt.Errorf("start MariaDB: %w%s", err, s.tail())
	}
	return nil
}

// waitReady waits until the server answers.
func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	db, err := s.open()
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	state := errors.New("not asked yet")
	for {
		if err := db.PingContext(ctx); err == nil {
			return nil
		} else if ctx.Err() == nil {
			state = err
		}
		select {
		case err := <-s.ended:
			s.ended <- err
			return fmt.Errorf("it has ended: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("wait until it answers: %w; last seen: %w", ctx.Err(), state)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// tail returns the end of the server's log.
func (s *Server) tail() string {
	text, err := os.ReadFile(filepath.Join(s.folder, "log"))
	if err != nil {
		return ""
	}
	return "\nend of its log:\n" + string(text[max(0, len(text)-2000):])
}

// Kill ends the server as kill -9 does.
func (s *Server) Kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill() // the only error is that it has ended
	<-s.ended
	s.process = nil
}

// Stop ends the server. One that does not end in time is killed, which is an error.
func (s *Server) Stop() error {
	if s.process == nil {
		return nil
	}
	_ = s.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
		s.process = nil
		return nil
	case <-time.After(stopTimeout):
		s.Kill()
		return fmt.Errorf("MariaDB has not ended within %v and was killed%s", stopTimeout, s.tail())
	}
}

// PID returns the process id of the server that was started last.
func (s *Server) PID() int { return s.process.Process.Pid }
