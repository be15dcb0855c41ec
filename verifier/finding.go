package verifier

// Verdict is what a finding comes to.
type Verdict string

// The verdicts. Unproven is never green, and Attested is never merged into Pass.
const (
	Pass     Verdict = "PASS"     // the evidence shows the requirement held, to the policy's threshold
	Fail     Verdict = "FAIL"     // the evidence shows it did not hold
	Refuted  Verdict = "REFUTED"  // the evidence contradicts what the operator or the VSP claimed
	Unproven Verdict = "UNPROVEN" // not enough evidence
	Blocked  Verdict = "BLOCKED"  // the network or its daemon makes the row impossible
	Attested Verdict = "ATTESTED" // a human said so
)

// Verdicts lists them all, as a report counts them.
var Verdicts = [...]Verdict{Pass, Fail, Refuted, Unproven, Blocked, Attested}

// Class is the kind of evidence that a verdict rests on; of several, the weakest.
type Class string

// The classes, the strongest first.
const (
	Chain   Class = "A" // public facts of the chain that anyone can compute again
	Outside Class = "B" // seen by probing from outside
	Stated  Class = "C" // read on the host, or a statement the VSP signed
	Word    Class = "D" // a person's word
)

// Finding is the verdict on one row and what it rests on.
type Finding struct {
	Row         string   `json:"row"`
	Requirement string   `json:"requirement"`
	Verdict     Verdict  `json:"verdict"`
	Class       Class    `json:"class,omitempty"` // empty where nothing was examined
	Says        []string `json:"says"`            // sentences for people, the most important first
	Numbers     []Number `json:"numbers"`
	Cites       []Cite   `json:"cites"` // entries of the journals, ascending
}

// Number is a figure that a verdict rests on.
type Number struct {
	Name  string   `json:"name"`
	Value float64  `json:"value"`
	Limit *float64 `json:"limit,omitempty"` // the policy's threshold
}

// number returns a figure that has no threshold.
func number[T int | int64 | float64](name string, value T) Number {
	return Number{Name: name, Value: float64(value)}
}

// against returns a figure with its threshold.
func against(name string, value, limit float64) Number {
	return Number{Name: name, Value: value, Limit: &limit}
}

// NotExamined is all that is said of a row that nothing looks at yet.
const NotExamined = "not examined yet"

// lacking is the finding on a row about which there is nothing to go by.
func lacking(why string) Finding { return Finding{Verdict: Unproven, Says: []string{why}} }
