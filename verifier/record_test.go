package verifier

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp/vspapi"
)

var (
	recordKey   = ed25519.NewKeyFromSeed([]byte("the key of a VSP, for tests only"))
	recordStart = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
)

func somePlan() Plan {
	return Plan{Name: "v", URL: "https://vsp.example.org", PubKey: recordKey.Public().(ed25519.PublicKey), Network: "simnet", Slot: Duration(time.Minute),
		Duration: Duration(time.Hour), Controls: []string{}, Policy: DefaultPolicy(), Begins: recordStart}
}

// teller gives a record entries, a minute apart.
type teller struct {
	*Record
	number int64
}

func (r *teller) tell(kind string, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	r.number++
	return r.Take(r.number, recordStart.Add(time.Duration(r.number)*time.Minute), kind, raw)
}

func (r *teller) file(t *testing.T, name, text string) {
	changes, err := r.File(name).Changes(name, text)
	require.NoError(t, err)
	require.NotEmpty(t, changes)
	for _, c := range changes {
		require.NoError(t, r.tell(EntryFile, c))
	}
}

func begun(t *testing.T) *teller {
	r := &teller{Record: new(Record)}
	require.NoError(t, r.tell(EntryStart, somePlan()))
	return r
}

// TestPlanSaysAll: no field of a plan or its policy is lost on the way into the journal, so that each change of one is seen.
func TestPlanSaysAll(t *testing.T) {
	var fill func(v reflect.Value)
	n := 0
	fill = func(v reflect.Value) {
		n++
		switch v.Kind() {
		case reflect.Struct:
			if _, isTime := v.Interface().(time.Time); isTime {
				v.Set(reflect.ValueOf(recordStart))
				return
			}
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		case reflect.String:
			v.SetString(fmt.Sprint(n))
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Float64:
			v.SetFloat(1 / float64(n+1))
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem())
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0))
		case reflect.Uint8:
			v.SetUint(uint64(n))
		default:
			v.SetInt(int64(n))
		}
	}
	var p, read Plan
	fill(reflect.ValueOf(&p).Elem())
	raw, err := json.Marshal(p)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &read))
	require.Equal(t, p, read)
	differences, err := Compare(p, Plan{Controls: []string{""}})
	require.NoError(t, err)
	require.Len(t, differences, reflect.TypeFor[Plan]().NumField()-1+reflect.TypeFor[Policy]().NumField())
}

func TestThresholdsThatWereChosenLateAreSeen(t *testing.T) {
	r := begun(t)
	require.NoError(t, r.tell(EntryBeat, Beat{}))
	lax := somePlan()
	lax.Policy.Uptime, lax.Duration = 0.5, Duration(2*time.Hour)
	require.NoError(t, r.tell(EntryPlan, lax))
	require.NoError(t, r.tell(EntryPlan, somePlan()))
	require.Equal(t, somePlan().Policy, r.Evidence().Policy)
	at := recordStart.Add(3 * time.Minute)
	require.Equal(t, []PlanChange{
		{Entry: 3, At: at, Slots: 3, What: "duration", Was: "1h0m0s", Now: "2h0m0s"},
		{Entry: 3, At: at, Slots: 3, What: "policy.uptime", Was: "0.99", Now: "0.5"},
		{Entry: 4, At: at.Add(time.Minute), Slots: 4, What: "duration", Was: "2h0m0s", Now: "1h0m0s"},
		{Entry: 4, At: at.Add(time.Minute), Slots: 4, What: "policy.uptime", Was: "0.5", Now: "0.99"},
	}, r.Evidence().Changes)
}

func TestJournalOfOneTrialOnly(t *testing.T) {
	require.ErrorContains(t, begun(t).tell(EntryStart, somePlan()), "entry 2: read start: the trial has begun before")
	for name, change := range map[string]func(*Plan){
		"url": func(p *Plan) { p.URL += "x" }, "key": func(p *Plan) { p.PubKey = p.PubKey[1:] }, "network": func(p *Plan) { p.Network = "testnet3" },
		"slot": func(p *Plan) { p.Slot++ }, "name": func(p *Plan) { p.Name += "x" },
	} {
		other := somePlan()
		change(&other)
		require.ErrorContains(t, begun(t).tell(EntryPlan, other), "another trial", name)
	}
	for name, change := range map[string]func(*Plan){
		"network": func(p *Plan) { p.Network = "paradise" }, "policy": func(p *Plan) { p.Policy.Uptime = 99 }, "slot": func(p *Plan) { p.Slot = 0 },
		"begins": func(p *Plan) { p.Begins = time.Time{} },
	} {
		wrong := somePlan()
		change(&wrong)
		require.Error(t, (&teller{Record: new(Record)}).tell(EntryStart, wrong), name)
	}
	require.Error(t, (&teller{Record: new(Record)}).tell(EntryFile, FileChange{File: FileTickets}), "a file before the plan")
	require.Error(t, begun(t).tell(EntryFile, FileChange{File: "passwords"}))
}

func ticketNo(n int) chainhash.Hash { return chainhash.HashH([]byte{byte(n)}) }

func plainList(numbers ...int) string {
	var b strings.Builder
	for _, n := range numbers {
		fmt.Fprintln(&b, ticketNo(n))
	}
	return b.String()
}

// TestTicketsDoNotVanish: what was listed once is counted, and that it was taken out is told.
func TestTicketsDoNotVanish(t *testing.T) {
	r := begun(t)
	r.file(t, FileTickets, plainList(1, 2))
	require.Empty(t, r.Listing.Removed())
	r.file(t, FileTickets, plainList(3, 1))
	r.file(t, FileTickets, "")
	r.file(t, FileTickets, plainList(3))
	require.Equal(t, []chainhash.Hash{ticketNo(1), ticketNo(2), ticketNo(3)}, r.Listing.Tickets)
	require.Equal(t, []Removal{{ticketNo(1), 4}, {ticketNo(2), 3}}, r.Listing.Removed())
	require.Equal(t, []int64{2, 3, 4, 5}, r.Listing.Entries)
	f := r.Listing.told(Finding{Says: []string{"All is well."}})
	require.Equal(t, []string{"All is well.", "Tickets taken out of the list again: 2, last by entry 4; they count all the same."}, f.Says)
}

func signedTickets(t *testing.T, network string, height int64, status map[int]string) string {
	list := vspapi.TicketList{Network: network, Time: recordStart, Height: height}
	for n, s := range status {
		list.Tickets = append(list.Tickets, vspapi.ListedTicket{Hash: ticketNo(n), FeeStatus: s})
	}
	text, err := vspapi.SignTicketList(recordKey, list)
	require.NoError(t, err)
	return string(text)
}

// TestListThatTheVSPSigned: it is complete by the VSP's word, of tickets whose fee it confirmed, and one that it leaves out
// afterwards stays.
func TestListThatTheVSPSigned(t *testing.T) {
	r := begun(t)
	r.file(t, FileTickets, plainList(9))
	require.False(t, r.Evidence().Complete)
	first := signedTickets(t, "simnet", 100, map[int]string{1: "confirmed", 2: "received", 9: "confirmed"})
	r.file(t, FileTickets, first)
	require.Equal(t, TicketFile{Tickets: r.Listing.File.Tickets, Pending: 1, Signed: true, Height: 100}, r.Listing.File)
	require.Equal(t, first, r.File(FileTickets).Text(), "what was signed is kept to the byte")
	require.True(t, r.Evidence().Complete)
	require.Equal(t, []chainhash.Hash{ticketNo(9), ticketNo(1)}, r.Listing.Tickets)
	r.file(t, FileTickets, signedTickets(t, "simnet", 110, map[int]string{2: "confirmed", 9: "confirmed"}))
	require.Equal(t, []chainhash.Hash{ticketNo(9), ticketNo(1), ticketNo(2)}, r.Listing.Tickets)
	require.Equal(t, []Removal{{ticketNo(1), 4}}, r.Listing.Removed())

	target := Target{PubKey: somePlan().PubKey, Network: r.target.Network}
	for _, wrong := range []string{strings.Replace(first, ticketNo(1).String(), ticketNo(3).String(), 1), signedTickets(t, "testnet3", 100, nil)} {
		_, err := ReadTicketFile(wrong, target)
		require.Error(t, err)
		changes, err := r.File(FileTickets).Changes(FileTickets, wrong)
		require.NoError(t, err)
		refused := begun(t)
		refused.files = map[string]*History{FileTickets: {lines: splitLines(r.File(FileTickets).Text())}}
		require.Error(t, refused.tell(EntryFile, changes[0]), "nor does it count in a journal")
	}
}

func TestDrillLogIsFollowed(t *testing.T) {
	drill := func(from int, note string) string {
		return fmt.Sprintf(`{"kind":"wallets-down","count":1,"from":%d,"to":99,"note":%q}`+"\n", from, note)
	}
	r := begun(t)
	r.file(t, FileDrills, drill(1, "a")+drill(2, "b"))
	r.file(t, FileDrills, drill(2, "b")+drill(3, "c")+drill(2, "b"))
	entries := func(drills []Drill) (all []string) {
		for _, d := range drills {
			all = append(all, fmt.Sprintf("%s %d", d.Note, d.Entry))
		}
		return all
	}
	require.Equal(t, []string{"b 2", "c 3", "b 3"}, entries(r.Evidence().Drills))
	require.Equal(t, []string{"a 3"}, entries(r.Evidence().Withdrawn))
}
