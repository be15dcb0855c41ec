package testnet

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// entry identifies a process for good: a process id is used again, together with the start time it is not, while the
// machine is up.
type entry struct {
	pid   int
	start uint64 // in clock ticks since boot: field 22 of /proc/PID/stat, proc(5)
}

func (e entry) String() string { return fmt.Sprintf("%d-%d", e.pid, e.start) }

func parseEntry(text string) (entry, error) {
	pid, start, ok := strings.Cut(text, "-")
	if !ok {
		return entry{}, fmt.Errorf("process entry %q: want PID-START", text)
	}
	var e entry
	var err1, err2 error
	e.pid, err1 = strconv.Atoi(pid)
	e.start, err2 = strconv.ParseUint(start, 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return entry{}, fmt.Errorf("process entry %q: %w", text, err)
	}
	if e.pid <= 1 { // kill(2) gives 0, -1 and 1 meanings of their own
		return entry{}, fmt.Errorf("process entry %q: no process of ours", text)
	}
	return e, nil
}

// processEntry reads a process's start time, and its state ("Z" if it has ended and its parent has not asked yet how).
// The second field, the program's name in brackets, may hold anything, so the count starts behind its last bracket.
func processEntry(pid int) (e entry, state string, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return entry{}, "", err
	}
	rest := string(stat[strings.LastIndexByte(string(stat), ')')+1:])
	fields := strings.Fields(rest) // fields[0] is field 3, the state
	if len(fields) < 20 {
		return entry{}, "", fmt.Errorf("/proc/%d/stat: %d fields behind the name", pid, len(fields))
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return entry{}, "", fmt.Errorf("/proc/%d/stat: start time: %w", pid, err)
	}
	return entry{pid, start}, fields[0], nil
}

// alive reports whether exactly this process still runs.
func (e entry) alive() bool {
	now, state, err := processEntry(e.pid)
	return err == nil && now == e && state != "Z"
}

// register is where this program writes down what it starts: one file, named after ourselves, one line per process.
var register = &processRegister{}

// processRegister writes the file anew at each change, and removes it when nothing of ours runs any more.
type processRegister struct {
	mu      sync.Mutex
	running map[entry]bool
}

// registerDir is per user, not per network: whoever cleans up need not know where the dead run had its files.
func registerDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = filepath.Join(os.TempDir(), fmt.Sprintf("cache-%d", os.Getuid()))
	}
	dir = filepath.Join(dir, "scrutineer", "testnet")
	return dir, os.MkdirAll(dir, 0o700)
}

const registerSuffix = ".processes"

func (r *processRegister) add(pid int) (entry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, _, err := processEntry(pid)
	if err != nil {
		return entry{}, fmt.Errorf("register process: %w", err)
	}
	if r.running == nil {
		r.running = make(map[entry]bool)
	}
	r.running[e] = true
	return e, r.write()
}

// remove forgets a process that has ended. That the file cannot be written is harmless then: the entry matches nothing.
func (r *processRegister) remove(e entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, e)
	_ = r.write()
}

// write must be called with mu held.
func (r *processRegister) write() error {
	dir, err := registerDir()
	if err != nil {
		return fmt.Errorf("register process: %w", err)
	}
	self, _, err := processEntry(os.Getpid())
	if err != nil {
		return fmt.Errorf("register process: %w", err)
	}
	path := filepath.Join(dir, self.String()+registerSuffix)
	if len(r.running) == 0 {
		return os.Remove(path)
	}
	var lines strings.Builder
	for e := range r.running {
		fmt.Fprintln(&lines, e)
	}
	if err := os.WriteFile(path+".new", []byte(lines.String()), 0o600); err != nil {
		return fmt.Errorf("register process: %w", err)
	}
	return os.Rename(path+".new", path)
}

// EndLeftovers kills what runs of this user's left behind: processes that stand in the register of a run that is dead,
// and only when both process id and start time match. It returns how many it found. Start calls it.
func EndLeftovers() (int, error) {
	dir, err := registerDir()
	if err != nil {
		return 0, fmt.Errorf("end leftovers: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"+registerSuffix))
	if err != nil {
		return 0, fmt.Errorf("end leftovers: %w", err)
	}
	ended := 0
	for _, file := range files {
		owner, err := parseEntry(strings.TrimSuffix(filepath.Base(file), registerSuffix))
		if err != nil || owner.alive() {
			continue
		}
		n, err := endRegistered(file)
		ended += n
		if err != nil {
			return ended, fmt.Errorf("end leftovers: %w", err)
		}
	}
	return ended, nil
}

// endRegistered kills what a dead run's file names, then removes the file.
func endRegistered(path string) (ended int, err error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil // another run was faster
	}
	if err != nil {
		return 0, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		e, err := parseEntry(lines.Text())
		if err != nil || !e.alive() {
			continue
		}
		if err := syscall.Kill(e.pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return ended, fmt.Errorf("kill process %d: %w", e.pid, err)
		}
		ended++
	}
	if err := lines.Err(); err != nil {
		return ended, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return ended, err
	}
	return ended, nil
}
