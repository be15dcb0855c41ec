package verifier

import (
	"encoding/json"
	"fmt"
	"time"
)

// Policy is the thresholds that verdicts are held against. A report prints them.
type Policy struct {
	Uptime        float64       // least share of slots up, 0 to 1
	Coverage      float64       // least share of slots known, 0 to 1
	MissRate      float64       // most the rate of missed votes may be, 0 to 1
	Confidence    float64       // of the bound on that rate, 0 to 1, one-sided
	TargetLatency time.Duration // of an answer; SlowFactor times as much is down
	MaxLagBlocks  int64         // how far behind our node the VSP's height and counts may be, in blocks
	MaxSkew       time.Duration // how far the VSP's clock and ours may be apart
	MinVantages   int           // how many vantages must have been alive for a slot to be known
}

// SlowFactor times the target latency an answer counts as none (ICANN's registry agreements, specification 10).
const SlowFactor = 5

// DefaultPolicy is what is used where the trial does not say otherwise. The lag allows for blocks that are on their way; that a
// statement is cached for a minute is let pass besides.
func DefaultPolicy() Policy {
	return Policy{
		Uptime: 0.99, Coverage: 0.95, MissRate: 0.01, Confidence: 0.95,
		TargetLatency: 2 * time.Second, MaxLagBlocks: 2, MaxSkew: 5 * time.Minute, MinVantages: 1,
	}
}

// Mistakes says what is wrong with the policy: for each key of the trial's configuration what would be right.
func (p Policy) Mistakes() map[string]string {
	wrong := make(map[string]string)
	for key, share := range map[string]float64{
		"uptime": p.Uptime, "coverage": p.Coverage, "miss_rate": p.MissRate, "confidence": p.Confidence,
	} {
		if !(share > 0 && share < 1) {
			wrong[key] = fmt.Sprintf("is %v: give a share between 0 and 1, such as 0.99", share)
		}
	}
	if p.TargetLatency <= 0 {
		wrong["target_latency"] = "must be longer than nothing, such as \"2s\""
	}
	if p.MaxLagBlocks < 0 {
		wrong["max_lag_blocks"] = "must not be negative"
	}
	if p.MaxSkew <= 0 {
		wrong["max_skew"] = "must be longer than nothing, such as \"5m\""
	}
	if p.MinVantages < 1 {
		wrong["min_vantages"] = "must be at least 1"
	}
	return wrong
}

// policyText is a policy as it stands in a plan.
type policyText struct {
	Uptime        float64  `json:"uptime"`
	Coverage      float64  `json:"coverage"`
	MissRate      float64  `json:"miss_rate"`
	Confidence    float64  `json:"confidence"`
	TargetLatency Duration `json:"target_latency"`
	MaxLagBlocks  int64    `json:"max_lag_blocks"`
	MaxSkew       Duration `json:"max_skew"`
	MinVantages   int      `json:"min_vantages"`
}

// MarshalJSON writes the policy with the names that a trial's configuration has.
func (p Policy) MarshalJSON() ([]byte, error) {
	return json.Marshal(policyText{p.Uptime, p.Coverage, p.MissRate, p.Confidence, Duration(p.TargetLatency), p.MaxLagBlocks,
		Duration(p.MaxSkew), p.MinVantages})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *Policy) UnmarshalJSON(raw []byte) error {
	var t policyText
	if err := json.Unmarshal(raw, &t); err != nil {
		return err
	}
	*p = Policy{t.Uptime, t.Coverage, t.MissRate, t.Confidence, time.Duration(t.TargetLatency), t.MaxLagBlocks, time.Duration(t.MaxSkew), t.MinVantages}
	return nil
}
