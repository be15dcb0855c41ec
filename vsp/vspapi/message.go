// Package vspapi is the v3 wire protocol between wallets and a VSP: messages, signatures, error codes, a client.
//
// It holds what both sides must agree on, byte for byte, and no rules. The protocol is that of decred/vspd 1.5 (its
// types/v3 and docs/api.md, and what it was seen to answer). Amounts are in atoms, times in seconds of UTC. Field order is the order
// on the wire, and byte slices are standard base64.
package vspapi

// Paths of the endpoints. Nothing may follow them, not even a slash.
const (
	PathInfo           = "/api/v3/vspinfo"
	PathFeeAddress     = "/api/v3/feeaddress"
	PathPayFee         = "/api/v3/payfee"
	PathTicketStatus   = "/api/v3/ticketstatus"
	PathSetVoteChoices = "/api/v3/setvotechoices"
	PathSetAltSignAddr = "/api/v3/setaltsignaddr"
)

// MaxPolicies is how many entries a request's tspend or treasury policy may have.
const MaxPolicies = 3

// Info is the answer to GET vspinfo. Counts are of tickets whose fee is confirmed.
type Info struct {
	APIVersions                []int64 `json:"apiversions"`
	Timestamp                  int64   `json:"timestamp"`
	PubKey                     []byte  `json:"pubkey"`
	FeePercentage              float64 `json:"feepercentage"`
	VspClosed                  bool    `json:"vspclosed"`
	VspClosedMsg               string  `json:"vspclosedmsg"`
	Network                    string  `json:"network"`
	VspdVersion                string  `json:"vspdversion"`
	Voting                     int64   `json:"voting"`
	Voted                      int64   `json:"voted"`
	TotalVotingWallets         int64   `json:"totalvotingwallets"`
	VotingWalletsOnline        int64   `json:"votingwalletsonline"`
	Expired                    int64   `json:"expired"`
	Missed                     int64   `json:"missed"`
	BlockHeight                uint32  `json:"blockheight"`
	EstimatedNetworkProportion float32 `json:"estimatednetworkproportion"`

	// Ours; other VSPs leave them out.
	Health *Health `json:"health,omitempty"`
}

// Health is what a VSP of ours has seen of itself when it decided whether to take new tickets.
type Health struct {
	Accepting          bool     `json:"accepting"`          // new tickets: the opposite of VspClosed
	Reasons            []string `json:"reasons"`            // what keeps it from that beside its operator: node_away, node_behind, ...; may be empty
	VotingWalletsReady int64    `json:"votingwalletsready"` // online and at the tip
	NodeHeight         int64    `json:"nodeheight"`         // of the front end's node, when it was last seen
	NodePeers          int64    `json:"nodepeers"`
	SeenAt             int64    `json:"seenat"` // when all that was seen, seconds of UTC
}

// FeeAddressRequest asks where to pay the fee of a ticket, and how much.
type FeeAddressRequest struct {
	Timestamp  int64  `json:"timestamp"`
	TicketHash string `json:"tickethash"`
	TicketHex  string `json:"tickethex"`
	ParentHex  string `json:"parenthex"`
}

// FeeAddressResponse answers FeeAddressRequest. FeeAmount is in atoms, Expiration in seconds of UTC.
type FeeAddressResponse struct {
	Timestamp  int64  `json:"timestamp"`
	FeeAddress string `json:"feeaddress"`
	FeeAmount  int64  `json:"feeamount"`
	Expiration int64  `json:"expiration"`
	Request    []byte `json:"request"`
}

// PayFeeRequest pays the fee of a ticket and hands over its voting key. VoteChoices must be there, and may be empty.
type PayFeeRequest struct {
	Timestamp      int64             `json:"timestamp"`
	TicketHash     string            `json:"tickethash"`
	FeeTx          string            `json:"feetx"`
	VotingKey      string            `json:"votingkey"`
	VoteChoices    map[string]string `json:"votechoices"`
	TSpendPolicy   map[string]string `json:"tspendpolicy"`
	TreasuryPolicy map[string]string `json:"treasurypolicy"`
}

// PayFeeResponse acknowledges PayFeeRequest.
type PayFeeResponse struct {
	Timestamp int64  `json:"timestamp"`
	Request   []byte `json:"request"`
}

// TicketStatusRequest asks where a ticket stands.
type TicketStatusRequest struct {
	TicketHash string `json:"tickethash"`
}

// TicketStatusResponse answers TicketStatusRequest.
type TicketStatusResponse struct {
	Timestamp       int64             `json:"timestamp"`
	TicketConfirmed bool              `json:"ticketconfirmed"`
	FeeTxStatus     string            `json:"feetxstatus"` // "none", "received", "broadcast", "confirmed", "error"
	FeeTxHash       string            `json:"feetxhash"`
	AltSignAddress  string            `json:"altsignaddress"`
	VoteChoices     map[string]string `json:"votechoices"`
	TSpendPolicy    map[string]string `json:"tspendpolicy"`
	TreasuryPolicy  map[string]string `json:"treasurypolicy"`
	Request         []byte            `json:"request"`
}

// SetVoteChoicesRequest changes how a ticket votes. Its timestamp must be later than that of every earlier one.
type SetVoteChoicesRequest struct {
	Timestamp      int64             `json:"timestamp"`
	TicketHash     string            `json:"tickethash"`
	VoteChoices    map[string]string `json:"votechoices"`
	TSpendPolicy   map[string]string `json:"tspendpolicy"`
	TreasuryPolicy map[string]string `json:"treasurypolicy"`
}

// SetVoteChoicesResponse acknowledges SetVoteChoicesRequest.
type SetVoteChoicesResponse struct {
	Timestamp int64  `json:"timestamp"`
	Request   []byte `json:"request"`
}

// SetAltSignAddrRequest names an address that signs a ticket's requests beside its commitment address.
type SetAltSignAddrRequest struct {
	Timestamp      int64  `json:"timestamp"`
	TicketHash     string `json:"tickethash"`
	TicketHex      string `json:"tickethex"`
	ParentHex      string `json:"parenthex"`
	AltSignAddress string `json:"altsignaddress"`
}

// SetAltSignAddrResponse acknowledges SetAltSignAddrRequest.
type SetAltSignAddrResponse struct {
	Timestamp int64  `json:"timestamp"`
	Request   []byte `json:"request"`
}
