package verifier

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/verifier/votes"
	"scrutineer/vsp/network"
	"scrutineer/vsp/vspapi"
)

func hashNo(n int) chainhash.Hash { return chainhash.HashH(fmt.Append(nil, n)) }

func blockHash(height int64) chainhash.Hash { return hashNo(1e6 + int(height)) }

// scene is evidence of a chain of 400 blocks that began at 201, on which every second block from 201 on has the vote of one
// listed ticket and those of four others, and which our node heard all.
type scene struct {
	Evidence
	tips map[int64]*TipVotes
}

func newScene(t testing.TB) *scene {
	profile, err := network.Lookup("simnet")
	require.NoError(t, err)
	s := &scene{tips: make(map[int64]*TipVotes), Evidence: Evidence{Target: Target{Name: "vsp.example.org", URL: "https://vsp.example.org", Network: profile}, Policy: DefaultPolicy(),
		Window: Window{Start: t0, Slot: time.Minute}}}
	s.Ledger = votes.Ledger{From: 201, To: 600, Tip: 640, Checked: 400}
	s.Census = &Census{blocks: make(map[int64]counted)}
	for height := int64(200); height <= 600; height++ {
		s.Census.blocks[height] = counted{hash: blockHash(height), versions: map[uint32]int{12: 4}, voted: others(height)}
		s.tips[height] = &TipVotes{Height: height, Hash: Hash(blockHash(height)), Whole: true}
		s.observe(Observation{Kind: KindMempool, Code: OK, Took: time.Minute, Tip: s.tips[height]})
		s.hear(height-1, others(height)...)
	}
	for i := range 200 {
		s.vote(hashNo(i), int64(201+2*i))
	}
	return s
}

func others(height int64) []chainhash.Hash {
	var all []chainhash.Hash
	for i := range 4 {
		all = append(all, hashNo(int(height)*10+1e7+i))
	}
	return all
}

func (s *scene) observe(o Observation) int64 {
	o.Number = int64(len(s.Seen) + 1)
	s.Seen = append(s.Seen, o)
	return o.Number
}

// tip returns what was heard at a height.
func (s *scene) tip(height int64) *TipVotes {
	if tip := s.tips[height]; tip != nil {
		return tip
	}
	return &TipVotes{}
}

// hear adds votes on a block that came while it was the tip, at once.
func (s *scene) hear(height int64, tickets ...chainhash.Hash) {
	s.hearOn(height, height, 0, tickets...)
}

// hearOn adds votes on a block that came some time after the tip had.
func (s *scene) hearOn(block, height int64, after time.Duration, tickets ...chainhash.Hash) {
	tip := s.tip(height)
	for _, ticket := range tickets {
		tip.Votes = append(tip.Votes, SeenVote{Ticket: Hash(ticket), Block: Hash(blockHash(block)), After: after})
	}
}

func (s *scene) unhear(ticket chainhash.Hash) {
	for _, o := range s.Seen {
		if o.Tip == nil {
			continue
		}
		var kept []SeenVote
		for _, v := range o.Tip.Votes {
			if v.Ticket != Hash(ticket) {
				kept = append(kept, v)
			}
		}
		o.Tip.Votes = kept
	}
}

func (s *scene) vote(ticket chainhash.Hash, height int64) {
	s.Ledger.Entries = append(s.Ledger.Entries, votes.Entry{Ticket: ticket, Outcome: votes.Voted, Bought: 100, Live: 116, Won: height - 1,
		Decided: height, Voters: 5, Vote: &votes.Vote{Version: 12, Bits: 1}})
	block := s.Census.blocks[height]
	block.versions[12]++
	block.voted = append(block.voted, ticket)
	s.Census.blocks[height] = block
	s.hear(height-1, ticket)
}

// miss turns the vote of the n-th listed ticket into a miss of which nothing was heard.
func (s *scene) miss(n int) *votes.Entry {
	entry := &s.Ledger.Entries[n]
	entry.Outcome, entry.Vote, entry.Voters = votes.Missed, nil, 4
	s.unhear(entry.Ticket)
	block := s.Census.blocks[entry.Decided]
	block.versions[12]--
	block.voted = others(entry.Decided)
	s.Census.blocks[entry.Decided] = block
	return entry
}

// state adds a statement of the VSP, made at a height.
func (s *scene) state(height int64, info vspapi.Info) {
	info.BlockHeight = uint32(height)
	body, err := json.Marshal(info)
	if err != nil {
		panic(err)
	}
	s.observe(Observation{Kind: KindInfo, Code: OK, Raw: &Raw{Status: 200, Body: body}, Node: &NodeState{Height: height}})
}

func (s *scene) finding(t testing.TB, row string) Finding {
	findings := Judge(s.Evidence)
	require.Len(t, findings, len(Rows))
	for i, f := range findings {
		require.Equal(t, Rows[i].ID, f.Row)
		require.NotEmpty(t, f.Says, f.Row)
	}
	for _, f := range findings {
		if f.Row == row {
			return f
		}
	}
	t.Fatalf("no row %s", row)
	return Finding{}
}

func TestRows(t *testing.T) {
	seen := make(map[string]bool)
	for _, row := range Rows {
		require.Regexp(t, `^(OP|PL|SV|TR|AL|LA)-[1-9]$`, row.ID)
		require.False(t, seen[row.ID], row.ID)
		require.NotEmpty(t, row.Requirement)
		seen[row.ID] = true
	}
	require.Len(t, seen, 29)
}

func TestNoEvidenceProvesNothing(t *testing.T) {
	profile, err := network.Lookup("simnet")
	require.NoError(t, err)
	for _, f := range Judge(Evidence{Target: Target{Network: profile}, Policy: DefaultPolicy(), Window: Window{Slot: time.Minute}}) {
		require.Equal(t, Unproven, f.Verdict, f.Row)
	}
}

func TestCodesAreComplete(t *testing.T) {
	require.NotEmpty(t, Codes())
	for _, code := range Codes() {
		require.NotEmpty(t, code.Text())
		require.NotContains(t, code.Text(), "not known:")
	}
	require.Equal(t, Unknown, Code("from a later version").State())
	require.Contains(t, Code("from a later version").Text(), "from a later version")
}

func TestHealthyVSPIsNotAccused(t *testing.T) {
	s := newScene(t)
	for range 3 {
		s.state(600, vspapi.Info{Voted: 200})
	}
	for _, f := range Judge(s.Evidence) {
		require.NotContains(t, []Verdict{Fail, Refuted}, f.Verdict, f.Row)
	}
	require.Empty(t, Misses(s.Evidence))
	f := s.finding(t, "TR-2")
	require.Equal(t, Unproven, f.Verdict, "200 votes without a miss do not prove 1 %%")
	require.Contains(t, strings.Join(f.Says, " "), "101 more votes", "198 are final, 299 are needed")
	s.Policy.MissRate = 0.02
	require.Equal(t, Pass, s.finding(t, "TR-2").Verdict)
}

func TestTwoOwnMissesInOneBlockDoNotExcuseEachOther(t *testing.T) {
	s := newScene(t)
	first, second := s.miss(50), s.miss(51)
	second.Won, second.Decided = first.Won, first.Decided
	first.Voters, second.Voters = 3, 3
	for _, m := range Misses(s.Evidence) {
		require.Equal(t, ByOperator, m.Blame, m.Why)
	}
}

func TestProvisionalMissesDoNotCount(t *testing.T) {
	s := newScene(t)
	entry := s.miss(199)
	require.EqualValues(t, 599, entry.Decided)
	require.Len(t, Misses(s.Evidence), 1)
	require.Equal(t, Unproven, s.finding(t, "TR-2").Verdict)
	require.Equal(t, 2, NewTally(s.Evidence, Misses(s.Evidence)).Provisional, "with block 600, 595 is final; 597 and 599 are not")
}

func TestMissVerdicts(t *testing.T) {
	tests := []struct {
		name                       string
		operator, unknown, network int
		limit                      float64
		want                       Verdict
	}{
		{"one by the operator", 1, 0, 0, 0.01, Fail},
		{"the operator's are few enough", 1, 0, 0, 0.03, Pass},
		{"unknown ones accuse nobody", 0, 5, 0, 0.01, Unproven},
		{"nor do they prove anything", 1, 5, 0, 0.03, Unproven},
		{"the network's do not count", 0, 0, 5, 0.02, Pass},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t)
			s.Policy.MissRate = test.limit
			for i := range test.operator {
				s.miss(10 + i)
			}
			for i := range test.unknown {
				s.tip(s.miss(50+i).Decided - 1).Whole = false
			}
			for i := range test.network {
				entry := s.miss(100 + i)
				s.hear(entry.Won, entry.Ticket)
			}
			f := s.finding(t, "TR-2")
			require.Equal(t, test.want, f.Verdict, "%v", f.Says)
		})
	}
}

// However our node's hearing is broken, a miss that its blindness could explain is never the operator's: where nothing was heard in
// the block before, nobody is accused.
func TestBlindnessNeverAccuses(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newScene(t)
		entry := s.miss(rapid.IntRange(2, 190).Draw(rt, "ticket"))
		switch rapid.IntRange(0, 2).Draw(rt, "how") {
		case 0:
			s.tip(entry.Won).Whole = false
		case 1:
			s.tip(entry.Won - 1).Whole = false
		case 2:
			s.Seen = s.Seen[:entry.Won-200]
		}
		for _, m := range Misses(s.Evidence) {
			require.NotEqual(rt, ByOperator, m.Blame)
		}
	})
}

func TestTruth(t *testing.T) {
	honest := vspapi.Info{Voted: 190, Missed: 10}
	tests := []struct {
		name     string
		complete bool
		info     vspapi.Info
		height   int64
		want     Verdict
	}{
		{"honest", false, honest, 600, Unproven},
		{"honest, complete", true, honest, 600, Unproven},
		{"has other customers", false, vspapi.Info{Voted: 900, Missed: 40, Expired: 7}, 600, Unproven},
		{"hides misses", false, vspapi.Info{Voted: 200, Missed: 9}, 600, Refuted},
		{"boasts of votes", true, vspapi.Info{Voted: 201, Missed: 10}, 600, Refuted},
		{"boasts of votes, but who knows its tickets", false, vspapi.Info{Voted: 201, Missed: 10}, 600, Unproven},
		{"forgets votes", false, vspapi.Info{Voted: 150, Missed: 10}, 600, Refuted},
		{"late by the lag", true, vspapi.Info{Voted: 189, Missed: 10}, 600, Unproven},
		{"said in the middle of the trial", true, vspapi.Info{Voted: 90, Missed: 10}, 400, Unproven},
		{"invents an expired one", true, vspapi.Info{Voted: 190, Missed: 10, Expired: 1}, 600, Refuted},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t)
			s.Complete = test.complete
			for i := range 10 {
				s.miss(10 + i)
			}
			for range 3 {
				s.state(test.height, test.info)
			}
			f := s.finding(t, "TR-5")
			require.Equal(t, test.want, f.Verdict, "%v", f.Says)
			require.Len(t, f.Cites, 3)
			s.state(test.height, honest)
			require.Equal(t, Unproven, s.finding(t, "TR-5").Verdict, "one that was right last is not said to lie")
		})
	}
}

// TestWalletsOnlineAreComparedWithDrills: honest counts pass once a drill has shown that wallets which are down are told of.
func TestWalletsOnlineAreComparedWithDrills(t *testing.T) {
	drill := Drill{Kind: WalletsDown, Count: 2, From: 400, To: 420}
	say := func(s *scene, height, online int64) {
		voted := int64(0)
		for _, entry := range s.Ledger.Entries {
			if entry.Decided <= height {
				voted++
			}
		}
		s.state(height, vspapi.Info{Voted: voted, TotalVotingWallets: 3, VotingWalletsOnline: online})
	}
	tests := []struct {
		name   string
		drills []Drill
		online int64 // as told in the drill
		times  int
		want   Verdict
		says   string
	}{
		{"no drill", nil, 3, 3, Unproven, "no drill shows"},
		{"told as it was", []Drill{drill}, 1, 3, Pass, "in each drill fewer"},
		{"one was told of", []Drill{drill}, 2, 3, Unproven, "One of the two is wrong"},
		{"none was told of", []Drill{drill}, 3, 3, Unproven, "One of the two is wrong"},
		{"too little was said", []Drill{drill}, 3, 2, Unproven, "no drill shows"},
		{"locked wallets are online", []Drill{{Kind: WalletsLocked, Count: 2, From: 400, To: 420}}, 3, 3, Unproven, "no drill shows"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t)
			s.Complete, s.Drills = true, test.drills
			for range test.times {
				say(s, 410, test.online)
			}
			for range 3 {
				say(s, 600, 3)
			}
			f := s.finding(t, "TR-5")
			require.Equal(t, test.want, f.Verdict, "%v", f.Says)
			require.Contains(t, f.Says[0], test.says)
		})
	}
}

func TestTruthWhereTheLedgerBeginsLate(t *testing.T) {
	s := newScene(t)
	s.Complete = true
	s.Ledger.Entries = append(s.Ledger.Entries, votes.Entry{Ticket: hashNo(-5), Outcome: votes.Unknown})
	for range 3 {
		s.state(600, vspapi.Info{Voted: 201})
	}
	require.Equal(t, Unproven, s.finding(t, "TR-5").Verdict, "the ticket may have voted before")
}

func TestReadiness(t *testing.T) {
	one := Drill{Kind: WalletsDown, Count: 1, From: 250, To: 300}
	two := Drill{Kind: WalletsDown, Count: 2, From: 350, To: 400}
	locked := Drill{Kind: WalletsLocked, Count: 2, From: 350, To: 400}
	idle := Drill{Kind: WalletsDown, Count: 2, From: 602, To: 610}
	tests := []struct {
		name   string
		drills []Drill
		stated bool
		want   Verdict
		class  Class
	}{
		{"no drill", nil, true, Unproven, Chain},
		{"one down only", []Drill{one}, true, Unproven, Chain},
		{"two down while nothing won", []Drill{one, idle}, true, Unproven, Chain},
		{"one and two down, and the VSP said so", []Drill{one, two}, true, Pass, Stated},
		{"one and two down, they say", []Drill{one, two}, false, Attested, Word},
		{"locked wallets are still online", []Drill{one, locked}, true, Attested, Word},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t)
			s.Drills = test.drills
			if test.stated {
				s.state(270, vspapi.Info{TotalVotingWallets: 3, VotingWalletsOnline: 2})
				s.state(370, vspapi.Info{TotalVotingWallets: 3, VotingWalletsOnline: 1})
			}
			f := s.finding(t, "TR-3")
			require.Equal(t, test.want, f.Verdict, "%v", f.Says)
			require.Equal(t, test.class, f.Class)
		})
	}
}

func TestReadinessTellsOfTheDrill(t *testing.T) {
	s := newScene(t)
	s.Drills = []Drill{{Kind: WalletsLocked, Count: 3, From: 300, To: 310}}
	for i := 50; i < 53; i++ { // blocks 301, 303, 305
		s.miss(i)
	}
	s.miss(90)
	f := s.finding(t, "TR-3")
	require.Equal(t, Fail, f.Verdict)
	require.Contains(t, f.Says[1], "3 of them in the drill of blocks 300 to 310")
}

func TestVoteVersion(t *testing.T) {
	s := newScene(t)
	require.Equal(t, Unproven, s.finding(t, "OP-3").Verdict)
	entry := &s.Ledger.Entries[7]
	entry.Vote.Version = 11
	s.Census.blocks[entry.Decided].versions[12]--
	s.Census.blocks[entry.Decided].versions[11]++
	f := s.finding(t, "OP-3")
	require.Equal(t, Fail, f.Verdict)
	require.Equal(t, Chain, f.Class)
	s.Census.blocks[entry.Decided].versions[12] = 2 // two against two of the others: no majority
	s.Census.blocks[entry.Decided].versions[11] = 3
	require.Equal(t, Unproven, s.finding(t, "OP-3").Verdict)
	s.Census.blocks[entry.Decided].versions[11] = 2 // two against one
	for range 50 {                                  // versions are counted in no order
		version, ok := s.Census.majority(entry.Decided, 11)
		require.True(t, ok)
		require.EqualValues(t, 12, version, "one's own vote has no say in what the others' majority is")
	}
}

func TestAChainThatDoesNotProveItselfProvesNothing(t *testing.T) {
	s := newScene(t)
	s.miss(3)
	s.Ledger.Mismatch = &votes.Mismatch{Height: 400}
	for _, row := range []string{"OP-3", "TR-2", "TR-3", "TR-5"} {
		require.Equal(t, Unproven, s.finding(t, row).Verdict, row)
	}
}

func TestDrillMistakes(t *testing.T) {
	good := Drill{Kind: WalletsDown, Count: 1, From: 5, To: 5}
	require.Empty(t, good.Mistake())
	for _, bad := range []Drill{{Kind: "fire", Count: 1, From: 5, To: 6}, {Kind: WalletsDown, From: 5, To: 6},
		{Kind: WalletsDown, Count: 1, To: 6}, {Kind: WalletsDown, Count: 1, From: 6, To: 5}} {
		require.NotEmpty(t, bad.Mistake(), "%+v", bad)
	}
}

func TestObservationSurvivesItsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := Observation{At: t0, Kind: KindMempool, Vantage: rapid.String().Draw(t, "vantage"), Code: OK,
			Raw: &Raw{Status: 200, Body: rapid.SliceOf(rapid.Byte()).Draw(t, "body")},
			Tip: &TipVotes{Height: 5, Hash: Hash(hashNo(rapid.Int().Draw(t, "hash"))), Votes: []SeenVote{{Ticket: Hash(hashNo(1))}}}}
		raw, err := json.Marshal(o)
		require.NoError(t, err)
		var back Observation
		require.NoError(t, json.Unmarshal(raw, &back))
		back.Raw.Body = append(o.Raw.Body[:0:0], back.Raw.Body...)
		require.Equal(t, len(o.Raw.Body), len(back.Raw.Body))
		require.Equal(t, o.Tip, back.Tip)
		require.Equal(t, o.Code, back.Code)
	})
}
