package vspapi

import (
	"crypto/ed25519"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var listKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

func listPublic() ed25519.PublicKey { return listKey.Public().(ed25519.PublicKey) }

// someList has a ticket of each kind.
func someList() TicketList {
	at := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	return TicketList{Network: "testnet3", Key: listPublic(), Time: at, Height: 1043215, Tickets: []ListedTicket{
		{Hash: chainhash.Hash{31: 0x0e}, PurchaseHeight: 1041100, Registered: at, FeeStatus: "confirmed", Outcome: "voted", SpentHeight: 1042002},
		{Hash: chainhash.Hash{31: 0x51}, FeeStatus: "received"},
		{Hash: chainhash.Hash{31: 0x90}, PurchaseHeight: 7, FeeStatus: "confirmed", Outcome: "missed"},
	}}
}

func TestTicketListComesBack(t *testing.T) {
	list := someList()
	list.Tickets[0], list.Tickets[2] = list.Tickets[2], list.Tickets[0]
	signed, err := SignTicketList(listKey, list)
	require.NoError(t, err)
	back, err := ReadTicketList(signed, listPublic())
	require.NoError(t, err)
	require.Equal(t, someList(), back, "sorted, and otherwise as it was")
	require.Contains(t, string(signed), "\n"+list.Tickets[2].Hash.String()+" # 1041100 2026-11-23T06:00:00Z confirmed voted 1042002\n")
}

func TestFlippedBitInTicketListNeverVerifies(t *testing.T) {
	signed, err := SignTicketList(listKey, someList())
	require.NoError(t, err)
	for i := range 8 * len(signed) {
		flipped := append([]byte{}, signed...)
		flipped[i/8] ^= 1 << (i % 8)
		_, err := ReadTicketList(flipped, listPublic())
		require.Error(t, err, "bit %d of %q", i%8, flipped[i/8])
	}
}

func TestTicketListOfAnotherKey(t *testing.T) {
	signed, err := SignTicketList(listKey, someList())
	require.NoError(t, err)
	other := ed25519.NewKeyFromSeed([]byte(strings.Repeat("x", ed25519.SeedSize)))
	_, err = ReadTicketList(signed, other.Public().(ed25519.PublicKey))
	require.ErrorIs(t, err, ErrSignature)
	_, err = ReadTicketList(signed, nil)
	require.ErrorIs(t, err, ErrSignature)

	// A list that names another key than it is signed by is nobody's.
	list := someList()
	list.Key = other.Public().(ed25519.PublicKey)
	text, err := list.MarshalText()
	require.NoError(t, err)
	_, err = ReadTicketList(signedText(text), listPublic())
	require.ErrorContains(t, err, "another key")
}

// signedText signs any text as a list is.
func signedText(text []byte) []byte {
	return append(text, listSignature+Sign(listKey, text)+"\n"...)
}

func TestTicketListIsNoAnswer(t *testing.T) {
	text, err := someList().MarshalText()
	require.NoError(t, err)
	require.False(t, json.Valid(text), "a wallet would take it for an answer")
	var answer any
	require.Error(t, json.Unmarshal(text, &answer))
	body := []byte(`{"timestamp":1}`)
	_, err = ReadTicketList(append(body, "\n"+listSignature+Sign(listKey, append(body, '\n'))+"\n"...), listPublic())
	require.ErrorContains(t, err, "head", "an answer is no list, even if it is signed as one")
}

func TestOnlyOneSpelling(t *testing.T) {
	good, err := someList().MarshalText()
	require.NoError(t, err)
	_, err = ReadTicketList(signedText(good), listPublic())
	require.NoError(t, err)
	tests := []struct{ old, new string }{
		{"v1", "v2"},
		{"# time: 2026-11-23T06:00:00Z", "# time: 2026-11-23T07:00:00+01:00"},
		{"# time: 2026-11-23T06:00:00Z", "# time: 2026-11-23T06:00:00.5Z"},
		{"# height: 1043215", "# height: 01043215"},
		{"# height: 1043215", "# height: -1"},
		{"# tickets: 3", "# tickets: 2"},
		{"# network: testnet3", "# network: "},
		{"# network: testnet3", "# network: test\x7fnet"},
		{"# network: testnet3\n", ""},
		{"# network: testnet3\n", "# network: testnet3\n# colour: blue\n"},
		{"confirmed voted", "confirmed  voted"},
		{"confirmed voted", "confirmed voted lost"},
		{"confirmed voted", "confirmed won"},
		{"confirmed voted", "paid voted"},
		{"voted 1042002", "- 1042002"},
		{"voted 1042002", "voted 0"},
		{"# 7 -", "# +7 -"},
		{"0e" + strings.Repeat("0", 62), "0E" + strings.Repeat("0", 62)},
		{"0e" + strings.Repeat("0", 62), "e" + strings.Repeat("0", 62)},
		{"0e" + strings.Repeat("0", 62), "51" + strings.Repeat("0", 62)}, // twice
		{"0e" + strings.Repeat("0", 62), "99" + strings.Repeat("0", 62)}, // out of order
	}
	for _, test := range tests {
		require.Contains(t, string(good), test.old)
		bad := strings.Replace(string(good), test.old, test.new, 1)
		_, err := ReadTicketList(signedText([]byte(bad)), listPublic())
		require.Error(t, err, "%q for %q", test.new, test.old)
	}
}

func TestWhatCannotBeReadIsNotWritten(t *testing.T) {
	for _, spoil := range []func(*TicketList){
		func(l *TicketList) { l.Network = "a b" },
		func(l *TicketList) { l.Height = -1 },
		func(l *TicketList) { l.Time = l.Time.In(time.FixedZone("", 3600)) },
		func(l *TicketList) { l.Tickets[0].FeeStatus = "" },
		func(l *TicketList) { l.Tickets[0].Outcome = "-" },
		func(l *TicketList) { l.Tickets[0].PurchaseHeight = -4 },
		func(l *TicketList) { l.Tickets[0].Hash = l.Tickets[1].Hash },
	} {
		list := someList()
		spoil(&list)
		_, err := SignTicketList(listKey, list)
		require.Error(t, err, "%+v", list)
	}
}

func TestAnyTicketListComesBack(t *testing.T) {
	moment := rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(0, 1<<36).Draw(t, "seconds"), 0).UTC()
	})
	rapid.Check(t, func(t *rapid.T) {
		list := TicketList{Network: "simnet", Time: moment.Draw(t, "time"), Height: rapid.Int64Min(0).Draw(t, "height")}
		hashes := rapid.SliceOfNDistinct(rapid.Uint64(), 0, 20, rapid.ID).Draw(t, "hashes")
		for _, h := range hashes {
			ticket := ListedTicket{
				PurchaseHeight: rapid.Int64Min(0).Draw(t, "purchase"),
				Registered:     rapid.OneOf(moment, rapid.Just(time.Time{})).Draw(t, "registered"),
				FeeStatus:      rapid.SampledFrom(listedFees).Draw(t, "fee"),
				Outcome:        rapid.SampledFrom([]string{"", "voted", "missed", "expired"}).Draw(t, "outcome"),
			}
			for i := range 8 {
				ticket.Hash[i] = byte(h >> (8 * i))
			}
			if ticket.Outcome != "" {
				ticket.SpentHeight = rapid.Int64Min(0).Draw(t, "spent")
			}
			list.Tickets = append(list.Tickets, ticket)
		}
		signed, err := SignTicketList(listKey, list)
		require.NoError(t, err)
		back, err := ReadTicketList(signed, listPublic())
		require.NoError(t, err)
		require.ElementsMatch(t, list.Tickets, back.Tickets)
		require.Equal(t, list.Height, back.Height)
	})
}

// FuzzTicketList reads any signed text. What is read is written again in the same way.
func FuzzTicketList(f *testing.F) {
	text, err := someList().MarshalText()
	require.NoError(f, err)
	f.Add(string(text))
	f.Add(listTitle + "\n" + listColumns + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ReadTicketList(signedText([]byte(text)), listPublic())
		if err != nil {
			return
		}
		again, err := SignTicketList(listKey, list)
		require.NoError(t, err)
		require.Equal(t, string(signedText([]byte(text))), string(again))
		_, err = ReadTicketList([]byte(text), listPublic())
		require.ErrorIs(t, err, ErrSignature)
	})
}
