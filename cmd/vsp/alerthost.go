package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"scrutineer/alerts"
	"scrutineer/cmd/alerting"
)

// How much room a disk must have, in bytes.
const (
	littleRoom = alerting.LittleRoom
	noRoom     = alerting.NoRoom
)

// folders is where the service writes.
func (s *settings) folders() []string {
	folders := []string{filepath.Dir(s.alerting.Path)}
	if s.database != "" {
		folders = append(folders, filepath.Dir(s.database))
	}
	if s.Alerts.BackupDir != "" {
		folders = append(folders, s.Alerts.BackupDir)
	}
	for i, folder := range folders {
		if absolute, err := filepath.Abs(folder); err == nil {
			folders[i] = absolute
		}
	}
	return folders
}

// room is what is left of one disk.
type room struct {
	folder string
	free   uint64 // bytes that we may use
}

// rooms returns what is left where the service writes, each disk once; not those that cannot be asked.
func rooms(folders []string) []room {
	var all []room
	seen := map[uint64]bool{}
	for _, folder := range folders {
		var of syscall.Stat_t
		free, known := alerting.Free(folder)
		if syscall.Stat(folder, &of) != nil || !known || seen[uint64(of.Dev)] {
			continue
		}
		seen[uint64(of.Dev)] = true
		all = append(all, room{folder, free})
	}
	return all
}

func (w *watch) lookAtDisks(now time.Time) {
	for _, r := range rooms(w.settings.folders()) {
		w.tellRoom(now, r)
	}
}

func (w *watch) tellRoom(now time.Time, r room) {
	key := alerts.Key("disk/" + r.folder)
	if r.free >= littleRoom {
		w.desk.Good(key, now, "")
		return
	}
	a := alerts.Alert{Subject: "The disk", Problem: "is nearly full", Severity: alerts.Warn,
		What:   fmt.Sprintf("Where %s is, %d MiB are free.", r.folder, r.free>>20),
		Impact: "When it is full, no ticket can be registered and no fee is taken. Wallets vote on.",
		Action: "make room: `df -h`, `journalctl --disk-usage`, old logs, old backups.",
		Seen:   "the front end of " + w.settings.Site,
	}
	if r.free < noRoom {
		a.Severity = alerts.Crit
	}
	w.desk.Bad(key, now, a)
}

// newest returns when the newest file in a folder was written; the zero time if there is none. Names that begin with a dot
// are of files under way.
func newest(folder string) (at time.Time, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return time.Time{}, err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		if info.ModTime().After(at) {
			at = info.ModTime()
		}
	}
	return at, nil
}

func (w *watch) lookAtBackups(now time.Time) {
	folder, allowed := w.settings.Alerts.BackupDir, time.Duration(w.settings.Alerts.BackupMaxAge)
	if folder == "" {
		return
	}
	at, err := newest(folder)
	if err != nil {
		w.log.Warn("backups cannot be looked at", "err", err)
		return
	}
	if now.Sub(at) <= allowed {
		w.desk.Good("backup/stale", now, "")
		return
	}
	what := fmt.Sprintf("The newest file in %s is of %s UTC. It should be no older than %s.", folder, second(at), shortly(allowed))
	if at.IsZero() {
		what = fmt.Sprintf("There is no file in %s.", folder)
	}
	w.desk.Bad("backup/stale", now, alerts.Alert{
		Subject: "The backup", Problem: "is too old", Severity: alerts.Warn, What: what,
		Impact: "If the database were lost now, so would be the tickets that came since.",
		Action: "see why the job has not run, and run it: `vsp backup FILE`.",
		Seen:   "the front end of " + w.settings.Site,
	})
}
