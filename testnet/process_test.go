package testnet

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// helperVariable makes the test binary play the part of a run that is killed.
const helperVariable = "TESTNET_HELPER"

// helper starts a process as we do, and one that has lost its tie to us, as after a setuid or on a kernel bug; tells their
// ids; and waits to be killed.
func helper() {
	process, err := StartProcess(Program{Name: "sleeper", Path: "/bin/sleep", Args: []string{"600"}, Log: os.DevNull})
	if err != nil {
		panic(err)
	}
	orphan := exec.Command("/bin/sleep", "600")
	if err := orphan.Start(); err != nil {
		panic(err)
	}
	if _, err := register.add(orphan.Process.Pid); err != nil {
		panic(err)
	}
	fmt.Println(process.PID(), orphan.Process.Pid)
	time.Sleep(time.Hour) // until killed
}

func TestLeftoversAreEnded(t *testing.T) {
	run := exec.Command(os.Args[0])
	run.Env = append(os.Environ(), helperVariable+"=1", "XDG_CACHE_HOME="+t.TempDir())
	out, err := run.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, run.Start())
	var child, orphan int
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	_, err = fmt.Sscan(line, &child, &orphan)
	require.NoError(t, err)
	childEntry, _, err := processEntry(child)
	require.NoError(t, err)
	orphanEntry, _, err := processEntry(orphan)
	require.NoError(t, err)

	t.Setenv("XDG_CACHE_HOME", run.Env[len(run.Env)-1][len("XDG_CACHE_HOME="):])
	ended, err := EndLeftovers()
	require.NoError(t, err)
	require.Zero(t, ended, "the run is alive")
	require.True(t, orphanEntry.alive())

	require.NoError(t, run.Process.Kill())
	_ = run.Wait()
	wait(t, "the child to die with its parent", func() bool { return !childEntry.alive() })
	require.True(t, orphanEntry.alive())

	// A bystander stands in the same file: one that has the process id of an entry, and another start time.
	bystander, err := StartProcess(Program{Name: "bystander", Path: "/bin/sleep", Args: []string{"600"}, Log: os.DevNull})
	require.NoError(t, err)
	t.Cleanup(bystander.Kill)
	dir, err := registerDir()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(dir, "*"+registerSuffix))
	require.NoError(t, err)
	require.Len(t, files, 2, "the dead run's and ours")
	for _, file := range files {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = fmt.Fprintf(f, "%v\nnot an entry\n1-1\n", entry{bystander.PID(), bystander.entry.start - 1})
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}

	ended, err = EndLeftovers()
	require.NoError(t, err)
	require.Equal(t, 1, ended)
	wait(t, "the orphan's end", func() bool { return !orphanEntry.alive() })
	require.True(t, bystander.Running())

	ended, err = EndLeftovers()
	require.NoError(t, err)
	require.Zero(t, ended, "nothing is left")
}

func wait(t *testing.T, what string, cond func() bool) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, waitUntil(ctx, what, func(context.Context) (bool, string) { return cond(), "not yet" }))
}

func TestEntryText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := entry{rapid.IntRange(2, 1<<22).Draw(t, "pid"), rapid.Uint64().Draw(t, "start")}
		got, err := parseEntry(e.String())
		require.NoError(t, err)
		require.Equal(t, e, got)
	})
	for _, bad := range []string{"", "5", "0-7", "1-7", "-1-7", "x-7", "5-x", "5-"} {
		_, err := parseEntry(bad)
		require.Error(t, err, bad)
	}
}

func start(t *testing.T, script string) *Process {
	p, err := StartProcess(Program{Name: "script", Path: "/bin/sh", Args: []string{"-c", script}, Log: filepath.Join(t.TempDir(), "log")})
	require.NoError(t, err)
	t.Cleanup(p.Kill)
	return p
}

func TestProcessStops(t *testing.T) {
	p := start(t, `trap 'echo bye; exit 0' INT; echo up; while :; do sleep 0.01; done`)
	wait(t, "output", func() bool { return p.Tail() != "" })
	require.NoError(t, p.Stop(t.Context()))
	require.NoError(t, p.ExitError())
	require.Contains(t, p.Tail(), "up\nbye")
	require.NoError(t, p.Stop(t.Context()), "stopping twice")
	require.False(t, p.entry.alive())
}

func TestStubbornProcessIsKilled(t *testing.T) {
	p := start(t, `trap '' INT; echo up; while :; do sleep 0.01; done`)
	wait(t, "output", func() bool { return p.Tail() != "" })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, p.Stop(ctx), "had to be killed")
	require.False(t, p.Running())
}

// A frozen process does nothing until it is thawed, and ends in order when it is stopped.
func TestFrozenProcess(t *testing.T) {
	p := start(t, `trap 'echo bye; exit 0' INT; while :; do echo tick; sleep 0.01; done`)
	size := func() int64 {
		info, err := os.Stat(p.Program.Log)
		require.NoError(t, err)
		return info.Size()
	}
	wait(t, "output", func() bool { return size() > 0 })
	require.NoError(t, p.Freeze())
	wait(t, "the process to be stopped", func() bool {
		_, state, err := processEntry(p.PID())
		return err == nil && state == "T"
	})
	before := size()
	require.NoError(t, pause(t.Context(), 50*time.Millisecond))
	require.Equal(t, before, size())
	require.True(t, p.Running())

	require.NoError(t, p.Thaw())
	wait(t, "more output", func() bool { return size() > before })
	require.NoError(t, p.Freeze())
	require.NoError(t, p.Stop(t.Context()))
	require.NoError(t, p.ExitError())
	require.Contains(t, p.Tail(), "bye")
	require.Error(t, p.Freeze(), "it has ended")
}

func TestWaitReadyTellsWhy(t *testing.T) {
	p := start(t, `echo cannot bind; exit 3`)
	err := p.WaitReady(t.Context(), func(context.Context) (bool, string) { return false, "connection refused" })
	require.ErrorContains(t, err, "script ended")
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "connection refused")
	require.ErrorContains(t, err, "cannot bind")
}

func TestBlocksOfAddresses(t *testing.T) {
	first, err := takeBlock(0)
	require.NoError(t, err)
	defer first.release()
	second, err := takeBlock(0)
	require.NoError(t, err)
	require.NotEqual(t, first.number, second.number)
	_, err = takeBlock(first.number)
	require.ErrorIs(t, err, errBlockTaken)

	number := second.number
	second.release()
	second, err = takeBlock(number)
	require.NoError(t, err, "given free")
	second.release()

	stranger, err := net.Listen("tcp", net.JoinHostPort(second.address(hostMiner), nodePort))
	require.NoError(t, err)
	defer stranger.Close()
	_, err = takeBlock(number)
	require.ErrorIs(t, err, errBlockTaken)
}

func TestPlan(t *testing.T) {
	plan, err := Plan{Dir: "x", Binaries: Binaries{"a", "b"}}.complete()
	require.NoError(t, err)
	require.Equal(t, 3, plan.VotingHosts)
	require.True(t, filepath.IsAbs(plan.Dir))
	_, err = Plan{VotingHosts: 300, Tickets: 20}.complete()
	for _, problem := range []string{"no directory", "no daemons", "300 voting hosts", "20 tickets"} {
		require.ErrorContains(t, err, problem)
	}
}
