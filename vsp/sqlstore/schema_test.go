package sqlstore

import (
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
)

// TestMigrationKeepsTickets brings a database of the first schema forward.
func TestMigrationKeepsTickets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vsp.db")
	db, err := openWriter(path)
	require.NoError(t, err)
	files, err := fs.Sub(migrations, "migrations/sqlite")
	require.NoError(t, err)
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	require.NoError(t, err)
	_, err = provider.UpTo(t.Context(), 1)
	require.NoError(t, err)
	want := ticket(1)
	want.VotingKey = ""
	_, err = db.Exec(`INSERT INTO tickets (hash, commitment, confirmed, purchase_height,
		fee_xpub, fee_index, fee_address, fee_amount, fee_expires, fee_status, fee_tx_hash, fee_tx,
		agendas, tspends, treasury, choices_set_at, outcome, spent_height, spent_by)
		VALUES (?, ?, 0, 0, ?, 1, ?, ?, ?, 'received', ?, ?, '{"maxtreasuryspend":"yes"}', '{}', '{}', 0, '', 0, ?)`,
		want.Hash[:], want.Commitment, want.Fee.XPub, want.Fee.Address, int64(want.Fee.Amount), want.Fee.Expires.Unix(),
		want.Fee.TxHash[:], want.Fee.Tx, want.SpentBy[:])
	require.NoError(t, err)
	require.NoError(t, db.Close())

	s := database(t, path)
	got, err := s.Ticket(t.Context(), want.Hash)
	require.NoError(t, err)
	require.Equal(t, want, got)
	want.Registered = time.Unix(1_800_000_000, 0).UTC()
	got, err = s.Update(t.Context(), want.Hash, func(t *vsp.Ticket) (*vsp.Change, error) {
		t.Registered = want.Registered
		return nil, nil
	})
	require.NoError(t, err)
	require.Equal(t, want, got)
}
