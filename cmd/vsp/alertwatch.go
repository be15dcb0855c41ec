package main

import (
	"context"
	"log/slog"
	"time"

	"scrutineer/alerts"
	"scrutineer/cmd/alerting"
	"scrutineer/vsp"
)

// watched is what is looked at of a running service. Its methods answer at once, but for Position of the Store.
type watched interface {
	counted
	Health() vsp.Health
	Progress() vsp.Progress
}

// watch looks at all that may go wrong beside the wallets' own problems, and tells the desk. What could not be looked at is
// neither bad nor good.
type watch struct {
	settings *settings
	desk     *alerts.Desk
	service  watched
	database func(ctx context.Context) error // asks it for one row
	expected *expected
	log      *slog.Logger

	lasting  lasting // of what the looks at memory see
	examined time.Time
	tended   time.Time
	votes    voteWatch

	databaseLasting lasting // of the look at the database
}

func newWatch(s *settings, desk *alerts.Desk, service *vsp.Service, expected *expected, log *slog.Logger) *watch {
	return &watch{settings: s, desk: desk, service: service, expected: expected, log: log, lasting: lasting{}, databaseLasting: lasting{},
		database: func(ctx context.Context) error {
			_, err := service.Store.Position(ctx)
			return err
		}}
}

// How often the slow looks are taken. None waits for another.
const (
	hostEvery        = time.Minute
	certificateEvery = time.Hour
)

// run starts the looks.
func (w *watch) run(start func(loop func(context.Context))) {
	loop := func(pause time.Duration, look func(context.Context, time.Time)) {
		start(func(ctx context.Context) { alerting.Every(ctx, pause, look) })
	}
	check := time.Duration(w.settings.CheckEvery)
	loop(check, func(_ context.Context, now time.Time) { w.look(now) })
	loop(check, w.lookAtDatabase)
	loop(hostEvery, func(_ context.Context, now time.Time) { w.lookAtDisks(now); w.lookAtBackups(now) })
	loop(certificateEvery, w.lookAtCertificates)
}

// look is at what is in memory.
func (w *watch) look(now time.Time) {
	w.lookAtNode(now)
	w.lookAtWork(now)
	w.lookAtVotes(now)
	w.expected.look(w.desk, now)
}

// lasting is since when conditions are bad that count only once they have been for some time.
type lasting map[alerts.Key]time.Time

// tell tells the desk how a condition was seen.
func (l lasting) tell(desk *alerts.Desk, key alerts.Key, now time.Time, bad bool, patience time.Duration, alert alerts.Alert) {
	if !bad {
		delete(l, key)
		desk.Good(key, now, "")
		return
	}
	if _, known := l[key]; !known {
		l[key] = now
	}
	if now.Sub(l[key]) >= patience {
		desk.Bad(key, now, alert)
	}
}
