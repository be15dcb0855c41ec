package alerting

import "syscall"

// How much room a disk must have, in bytes. What our programs write is small: this lasts for days, or minutes if a log runs wild.
const (
	LittleRoom = 1 << 30
	NoRoom     = 200 << 20
)

// Free returns how many bytes we may still write where a folder is. It reports false where that cannot be asked.
func Free(folder string) (uint64, bool) {
	var on syscall.Statfs_t
	if syscall.Statfs(folder, &on) != nil {
		return 0, false
	}
	return uint64(on.Bavail) * uint64(on.Bsize), true
}
