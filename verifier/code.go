package verifier

// State is what an observation says about an endpoint in its slot.
type State byte

// The states. Unknown is the zero value: what nobody looked at is unknown.
const (
	Unknown State = iota
	Up
	Down
)

func (s State) String() string { return [...]string{"unknown", "up", "down"}[s] }

// Code says how an observation ended. The names are part of the journal's format.
type Code string

// The codes.
const (
	OK           Code = "ok"
	Slow         Code = "slow"
	Refused      Code = "refused"
	NoAnswer     Code = "no-answer"
	NoName       Code = "no-such-name"
	BadTLS       Code = "tls"
	BadStatus    Code = "http-status"
	Garbage      Code = "garbage"
	NoPage       Code = "no-page"
	BadSignature Code = "signature"
	WrongKey     Code = "wrong-key"
	WrongNetwork Code = "wrong-network"
	NoVersion3   Code = "api-version"
	StaleHeight  Code = "stale-height"
	StaleAnswer  Code = "stale-answer"
	Declined     Code = "declined"
	WrongAnswer  Code = "wrong-answer"
	Overcharged  Code = "overcharged"

	AheadOfUs    Code = "ahead-of-us"
	NoResolver   Code = "no-resolver"
	NoRoute      Code = "no-route"
	NodeAway     Code = "node-away"
	NodeAlone    Code = "node-alone"
	NodeSlow     Code = "node-slow"
	NodeMisfit   Code = "node-misfit"
	Interrupted  Code = "interrupted"
	NodeNotKnown Code = "node-not-known"
	OurClock     Code = "our-clock"
	Starved      Code = "starved"
	WaySlow      Code = "way-slow"
	Closed       Code = "closed"
	CannotTell   Code = "cannot-tell"
	OverBudget   Code = "over-budget"
	WalletAway   Code = "wallet-away"
	GivenUp      Code = "given-up"
)

// codes says for each code which way it counts, and in a few words why.
var codes = map[Code]struct {
	state State
	text  string
}{
	OK:           {Up, "answered as it should"},
	Slow:         {Down, "answered too slowly"},
	Refused:      {Down, "refused the connection"},
	NoAnswer:     {Down, "gave no answer"},
	NoName:       {Down, "had a name that does not exist"},
	BadTLS:       {Down, "spoke TLS that cannot be accepted"},
	BadStatus:    {Down, "answered with an HTTP error"},
	Garbage:      {Down, "answered what is no vspinfo"},
	NoPage:       {Down, "answered with what is no page"},
	BadSignature: {Down, "answered without the pinned key's signature"},
	WrongKey:     {Down, "named another key than the pinned one"},
	WrongNetwork: {Down, "is on another network"},
	NoVersion3:   {Down, "does not speak version 3 of the API"},
	StaleHeight:  {Down, "was behind the chain"},
	StaleAnswer:  {Down, "answered with an old or postdated statement"},
	Declined:     {Down, "declined, while it said that it takes tickets"},
	WrongAnswer:  {Down, "answered what does not fit the request"},
	Overcharged:  {Down, "asked for more than its percentage gives"},

	AheadOfUs:    {Unknown, "named a height that our own node had not reached"},
	NoResolver:   {Unknown, "our resolver of names gave no answer"},
	NoRoute:      {Unknown, "our machine had no route"},
	NodeAway:     {Unknown, "our own node gave no answer"},
	NodeAlone:    {Unknown, "our own node had no peers"},
	NodeSlow:     {Unknown, "our own node answered too slowly, so that slowness says nothing"},
	NodeMisfit:   {Unknown, "our own node is on another network"},
	Interrupted:  {Unknown, "we were stopped while looking"},
	NodeNotKnown: {Unknown, "our own node could not be compared with"},
	Starved:      {Unknown, "our machine was too busy to look in time"},
	WaySlow:      {Unknown, "was slow, and so was every other site to us"},
	OurClock:     {Unknown, "told another time than our clock, which may be what is wrong"},
	Closed:       {Unknown, "said that it takes no new tickets"},
	CannotTell:   {Unknown, "declined for a reason that may be ours"},
	OverBudget:   {Unknown, "it would have cost more than our shopper may spend"},
	WalletAway:   {Unknown, "our shopper's wallet could not do its part"},
	GivenUp:      {Unknown, "our shopper gave the ticket up"},
}

// State returns which way the code counts. A code nobody knows counts as unknown.
func (c Code) State() State { return codes[c].state }

// Text says in a few words what the code means.
func (c Code) Text() string {
	if known, ok := codes[c]; ok {
		return known.text
	}
	return "ended in a way that is not known: " + string(c)
}

// Codes lists every code there is, in no order.
func Codes() []Code {
	all := make([]Code, 0, len(codes))
	for c := range codes {
		all = append(all, c)
	}
	return all
}
