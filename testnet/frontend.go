package testnet

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"scrutineer/vsp/vspapi"
)

// metricsPort is where a front end and a verifier listen for who runs them alone.
const metricsPort = "8801"

// FrontEnd is one process of a VSP, with an address and a configuration file of its own.
type FrontEnd struct {
	daemon
	URL        string
	MetricsURL string // of its private listener

	ip     string
	config string // its file
	vsp    *VSP
}

// newFrontEnd writes the configuration of the front end with this number, from 0. A VSP's only one is called vsp.
func (v *VSP) newFrontEnd(plan VSPPlan, number int) (*FrontEnd, error) {
	name, ip := "vsp", v.network.block.address(hostFrontEnd)
	if plan.FrontEnds > 1 {
		name = fmt.Sprintf("vsp-%d", number+1)
	}
	if number > 0 {
		ip = v.network.block.address(hostMoreFrontEnds + number)
	}
	file := filepath.Join(v.dir, name+".toml")
	f := &FrontEnd{
		daemon: daemon{name: name, binary: plan.Program, args: []string{"serve", "--config", file}, dir: v.dir,
			log: filepath.Join(v.network.Plan.Dir, "logs", name+".log")},
		ip: ip, config: file, vsp: v,
	}
	f.URL, f.MetricsURL = "http://"+f.address(vspPort), "http://"+f.address(metricsPort)
	if err := os.WriteFile(file, []byte(v.config(plan, f)), 0o600); err != nil {
		return nil, fmt.Errorf("write the configuration of %s: %w", name, err)
	}
	return f, nil
}

func (f *FrontEnd) address(port string) string { return net.JoinHostPort(f.ip, port) }

// Start runs the front end, again after Kill or Stop, and returns when it answers. On error it does not run.
func (f *FrontEnd) Start(ctx context.Context) error {
	err := f.start(ctx, func(ctx context.Context) (bool, string) {
		_, err := f.info(ctx)
		return err == nil, fmt.Sprintf("error: %v", err)
	})
	if err != nil {
		f.Kill()
	}
	return err
}

// takes reports whether the front end takes new tickets: it has seen its node and its wallets.
func (f *FrontEnd) takes(ctx context.Context) (bool, string) {
	info, err := f.info(ctx)
	return err == nil && !info.VspClosed, fmt.Sprintf("closed: %t %s, error: %v", info.VspClosed, info.VspClosedMsg, err)
}

// info returns what the VSP says of itself, through this front end.
func (f *FrontEnd) info(ctx context.Context) (vspapi.Info, error) {
	key, err := f.vsp.key()
	if err != nil {
		return vspapi.Info{}, err
	}
	info, _, err := (&vspapi.Client{URL: f.URL, PubKey: key}).Info(ctx)
	return info, err
}
