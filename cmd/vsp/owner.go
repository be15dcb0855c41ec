package main

import (
	"os"
	"syscall"
)

// chownLike gives a file the owner that another has. Only root can; for everybody else the new file is their own, as the old
// one mostly is.
func chownLike(path string, model os.FileInfo) error {
	of, ok := model.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(path, int(of.Uid), int(of.Gid))
}
