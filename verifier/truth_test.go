package verifier

import (
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp/vspapi"
)

// TestTruthAgainstAListTheVSPSigned: the list is complete up to its block, and says nothing of what was taken on after it.
func TestTruthAgainstAListTheVSPSigned(t *testing.T) {
	tests := []struct {
		name   string
		list   TicketFile
		before []int64 // voted, as said up to the list's block
		after  int64   // as said three times at the end
		want   Verdict
		class  Class
		says   string
	}{
		{"honest", TicketFile{Height: 400}, []int64{100, 100, 100}, 200, Unproven, Outside, "no drill shows"},
		{"boasts", TicketFile{Height: 400}, []int64{104, 104, 104}, 200, Refuted, Stated, "that 104 tickets voted; of all its tickets it is 101"},
		{"boasted twice", TicketFile{Height: 400}, []int64{104, 100, 104}, 200, Unproven, Outside, "no drill shows"},
		{"has fees that are not confirmed", TicketFile{Height: 400, Pending: 3}, []int64{104, 104, 104}, 200, Unproven, Outside, "no drill shows"},
		{"took on more since", TicketFile{Height: 400}, []int64{100, 100, 100}, 230, Unproven, Outside, "no drill shows"},
		{"has a list of long ago", TicketFile{Height: 300}, []int64{100, 100, 100}, 230, Unproven, Outside, "of block 300"},
		{"said little by then", TicketFile{Height: 400}, []int64{100, 100}, 230, Unproven, Outside, "fewer than 3 statements"},
		{"forgets votes", TicketFile{Height: 400}, []int64{100, 100, 100}, 150, Refuted, Outside, "of the listed ones alone it is"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t)
			test.list.Signed = true
			s.Complete, s.Listing.File = true, test.list
			for _, voted := range test.before {
				s.state(400, vspapi.Info{Voted: voted})
			}
			for range 3 {
				s.state(600, vspapi.Info{Voted: test.after})
			}
			f := s.finding(t, "TR-5")
			require.Equal(t, test.want, f.Verdict, "%v", f.Says)
			require.Equal(t, test.class, f.Class)
			require.Contains(t, f.Says[0], test.says)
		})
	}
}

// TestTheReviewersWordIsWeaker: that a VSP boasts is no better known than that the list is complete.
func TestTheReviewersWordIsWeaker(t *testing.T) {
	s := newScene(t)
	s.Complete = true
	for range 3 {
		s.state(600, vspapi.Info{Voted: 201})
	}
	f := s.finding(t, "TR-5")
	require.Equal(t, [2]string{"REFUTED", "D"}, [2]string{string(f.Verdict), string(f.Class)})
}

// TestTheShoppersTicketsMayBeCounted: one whose fee the VSP was not heard to confirm is not in the ledger, and the VSP may count
// it all the same. One that is there is counted once.
func TestTheShoppersTicketsMayBeCounted(t *testing.T) {
	for _, test := range []struct {
		name   string
		paid   bool
		ticket int
		want   Verdict
	}{
		{"not heard to be confirmed", true, 9000, Unproven},
		{"not paid for", false, 9000, Refuted},
		{"in the ledger", true, 0, Refuted},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t)
			s.Complete = true
			ticket := Hash(hashNo(test.ticket))
			s.observe(Observation{Kind: KindShopper, Code: OK, Errand: &Errand{Step: StepBuy, Ticket: ticket}})
			if test.paid {
				s.observe(Observation{Kind: KindShopper, Code: OK, Errand: &Errand{Step: StepFee, Ticket: ticket, Tx: "00"}})
			}
			for range 3 {
				s.state(600, vspapi.Info{Voted: 201})
			}
			f := s.finding(t, "TR-5")
			require.Equal(t, test.want, f.Verdict, "%v", f.Says)
		})
	}
}
