package vspd

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
)

const answered = 1_800_000_000

func TestRequestsTellWhatATicketLacks(t *testing.T) {
	day := int64(24 * 60 * 60)
	tests := []struct {
		name     string
		requests []string
		setAt    int64
		received bool
	}{
		{"none", nil, 0, false},
		{"paid", []string{payRequest(3, 17)}, 17, true},
		{"chosen later", []string{payRequest(3, 17), choiceRequest(3, 19)}, 19, true},
		{"a payment with an earlier time", []string{choiceRequest(3, 19), payRequest(3, 17)}, 19, true},
		{"another payment before", []string{payRequest(4, 17), choiceRequest(3, 19)}, 19, false},
		{"a time before all times", []string{payRequest(3, -5)}, 0, true},
		{"the end of time", []string{choiceRequest(3, 1<<62)}, answered + day, false},
		{"bytes behind the message", []string{choiceRequest(3, 19) + ` {"timestamp":99}`}, 19, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFile()
			name := f.add(paidFields(3, "confirmed", "", nil), test.requests...)
			d := f.open(t)
			r, err := d.read(name, d.decoder())
			require.NoError(t, err)
			require.Equal(t, test.setAt, r.Ticket.ChoicesSetAt)
			if test.received {
				i := int64(0)
				for !strings.Contains(test.requests[i], "feetx") {
					i++
				}
				require.Equal(t, time.Unix(answered+i, 0).UTC(), r.Ticket.Fee.Received)
				require.EqualValues(t, feeAmount+3, r.Ticket.Fee.Paid, "the first output to the address counts")
			} else {
				require.Zero(t, r.Ticket.Fee.Received)
				require.Zero(t, r.Ticket.Fee.Paid)
			}
			require.Len(t, r.Changes, len(test.requests))
			for i, c := range r.Changes {
				want := vsp.Change{Request: []byte(test.requests[i]), Signature: signature(test.requests[i]), Answered: answered + int64(i)}
				require.Equal(t, want, c)
			}
		})
	}
}

// TestRequestsAreInTheOrderOfTheirNumbers: bbolt sorts 256 before 1.
func TestRequestsAreInTheOrderOfTheirNumbers(t *testing.T) {
	f := newFile()
	name := f.add(paidFields(3, "confirmed", "", nil))
	f.changes[name] = make(bucketOf)
	for n := uint32(250); n < 260; n++ {
		f.changes[name][string(u32(n))] = changeRecord(choiceRequest(3, int64(n)), int64(n))
	}
	d := f.open(t)
	r, err := d.read(name, d.decoder())
	require.NoError(t, err)
	require.Len(t, r.Changes, 10)
	for i, c := range r.Changes {
		require.EqualValues(t, 250+i, c.Answered)
	}
}

func TestStrangeRequests(t *testing.T) {
	tests := []struct {
		name, record string
		refused      bool
		want         string
	}{
		{"no JSON", "hunter2", true, "no JSON object"},
		{"no answer", fmt.Sprintf(`{"req":%q}`, choiceRequest(3, 1)), true, "its answer"},
		{"no request", fmt.Sprintf(`{"req":"hunter2","rsp":%q}`, answerTo("hunter2", 1)), true, "its request is no JSON"},
		{"no text", fmt.Sprintf(`{"req":"{\"timestamp\":\"hunter2\"}","rsp":%q}`, answerTo("", 1)), true, "its request is no JSON"},
		{"another answer", fmt.Sprintf(`{"req":%q,"rsp":%q}`, choiceRequest(3, 1), answerTo(choiceRequest(3, 1), 1)+" "), false, "cannot be made again"},
		{"surplus", string(changeRecord(choiceRequest(3, 1)+"x", 1)), false, "bytes behind its message"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFile()
			name := f.add(paidFields(3, "confirmed", "", nil), payRequest(3, 1))
			f.changes[name][string(u32(1))] = []byte(test.record)
			c := look(t, f.open(t))
			require.Len(t, c.Notes, 1)
			note := c.Notes[0]
			require.Equal(t, "request 1 of ticket "+name, note.About)
			require.Contains(t, note.What+": "+note.Detail, test.want)
			require.NotContains(t, note.Detail, "hunter2")
			require.Equal(t, test.refused, note.Refused)
			want := Tally{Read: 2}
			if test.refused {
				want.Refused = 1
			}
			require.Equal(t, want, c.Requests)
		})
	}
}

// FuzzChange decodes any record. One that is taken is a request and an answer that follow from each other, or is doubted.
func FuzzChange(f *testing.F) {
	f.Add(changeRecord(payRequest(3, 1), 2))
	f.Add(changeRecord(choiceRequest(3, 1<<62), 2))
	f.Add([]byte(`{"req":"{} x","rsp":"{}"}`))
	f.Fuzz(func(t *testing.T, record []byte) {
		c, e, doubts, err := decodeChange(record)
		if err != nil {
			return
		}
		ticket, _, err := decode(paidFields(3, "confirmed", "", nil))
		require.NoError(t, err)
		testDecoder().apply(&ticket, c, e)
		require.GreaterOrEqual(t, ticket.ChoicesSetAt, int64(0))
		again, _, more, err := decodeChange(changeRecord(string(c.Request), c.Answered))
		require.NoError(t, err)
		require.Equal(t, c.Request, again.Request)
		require.Equal(t, c.Answered, again.Answered)
		require.LessOrEqual(t, len(more), len(doubts))
	})
}

// FuzzXPub decodes any record of an extended public key.
func FuzzXPub(f *testing.F) {
	f.Add(u32(1), newFile().xpubs.get(string(u32(1))))
	f.Fuzz(func(t *testing.T, id, value []byte) {
		x, err := decodeXPub(id, value)
		if err == nil {
			require.Equal(t, id, u32(x.ID))
		}
	})
}
