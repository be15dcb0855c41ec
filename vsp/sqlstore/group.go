package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// maxTogether bounds how long the first of a batch waits for the last: about 10 ms.
const maxTogether = 100

// group is the writer of SQLite, which has one at a time. Most of a small write's time goes into syncing the disk, so those
// who write at the same time share a transaction and its sync: a batch.
//
// The first to come leads: it begins a batch, carries out its own act, lets those in who are waiting by then, one after
// the other, and commits for all. Each act is done in its caller's goroutine, in a savepoint: an error, or a panic, takes
// back its own doing alone. What an act refuses may rest on what others of its batch have done, so nobody is answered
// before the commit, and if that fails all fail.
type group struct {
	db    *sql.DB
	conn  *sql.Conn     // the only one of db
	tx    *prepared     // on conn
	leads chan struct{} // holds one while somebody leads
	join  chan *batch   // from the one who leads to one who waits
}

func newGroup(ctx context.Context, db *sql.DB) (*group, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &group{db: db, conn: conn, tx: &prepared{on: conn}, leads: make(chan struct{}, 1), join: make(chan *batch)}, nil
}

// write implements writer. Who waits here hears its context.
func (g *group) write(ctx context.Context, do act) error {
	select {
	case g.leads <- struct{}{}:
		defer func() { <-g.leads }()
		return g.lead(ctx, do)
	case b := <-g.join:
		return b.take(ctx, do)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// purge implements writer: it writes the file anew.
func (g *group) purge(ctx context.Context) error {
	select {
	case g.leads <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-g.leads }()
	// What is temporary is a second database here: too much for memory.
	if _, err := g.conn.ExecContext(ctx, "PRAGMA temp_store = FILE; VACUUM"); err != nil {
		return err
	}
	var busy, pages, moved int
	if err := queryRow(ctx, g.conn, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved); err != nil {
		return err
	}
	if busy != 0 {
		return errors.New("another process reads the file: stop it")
	}
	return nil
}

// Close lets the batch that is under way end, and lets go of the database.
func (g *group) Close() error {
	g.leads <- struct{}{}
	defer func() { <-g.leads }()
	g.tx.forget()
	_ = g.conn.Close() // its error is that it is closed
	return g.db.Close()
}

// batch is acts that are committed together. One goroutine at a time has it: the one who leads hands it on, and gets it
// back.
type batch struct {
	tx    *prepared
	back  chan struct{}
	err   error         // why nothing of it is stored
	ended chan struct{} // closed when it was committed, or err says why not
}

func (g *group) lead(ctx context.Context, do act) (err error) {
	if err := begin(ctx, g.tx); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	b := &batch{tx: g.tx, back: make(chan struct{}), ended: make(chan struct{})}
	// Also when act panics: that is its caller's trouble and nobody else's.
	defer func() {
		g.admit(b)
		b.end()
		if b.err != nil {
			err = b.err
		}
	}()
	return b.attempt(ctx, do)
}

// admit lets in who is waiting.
func (g *group) admit(b *batch) {
	for range maxTogether - 1 {
		if b.err != nil {
			return
		}
		select {
		case g.join <- b:
			<-b.back
		default:
			return
		}
	}
}

// take carries out an act in a batch that another leads.
func (b *batch) take(ctx context.Context, do act) error {
	err := b.visit(ctx, do)
	select {
	case <-b.ended:
	case <-ctx.Done():
		return fmt.Errorf("commit: %w: %w", errUnknown, ctx.Err())
	}
	if b.err != nil {
		return b.err
	}
	return err
}

func (b *batch) visit(ctx context.Context, do act) error {
	defer func() { b.back <- struct{}{} }()
	return b.attempt(ctx, do)
}

// attempt carries out an act in a savepoint. One whose context is done is not begun. Once begun it is carried out: to
// interrupt a statement takes back all that was done before it, also by others.
func (b *batch) attempt(ctx context.Context, do act) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if err := b.tx.exec(ctx, "SAVEPOINT act"); err != nil {
		b.err = fmt.Errorf("set savepoint: %w", err)
		return b.err
	}
	done := false
	defer func() {
		if done {
			return
		}
		// Where SQLite has given up the whole transaction, as it does when the disk is full, there is no savepoint left.
		err := b.tx.exec(ctx, "ROLLBACK TO act")
		if err == nil {
			err = b.tx.exec(ctx, "RELEASE act")
		}
		if err != nil {
			b.err = fmt.Errorf("a write has failed, and with it all that were to be committed with it: %w", err)
		}
	}()
	if err := do(ctx, b.tx); err != nil {
		return err
	}
	done = true
	if err := b.tx.exec(ctx, "RELEASE act"); err != nil {
		b.err = fmt.Errorf("release savepoint: %w", err)
	}
	return b.err
}

// end commits, and tells all who wait for it.
func (b *batch) end() {
	ctx := context.Background() // the disk takes as long as it takes
	if b.err == nil {
		if err := b.tx.exec(ctx, "COMMIT"); err != nil {
			b.err = fmt.Errorf("commit: %w", err)
		}
	}
	if b.err != nil {
		_ = b.tx.exec(ctx, "ROLLBACK") // its error is that SQLite has done so already
	}
	close(b.ended)
}
