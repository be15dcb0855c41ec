# make help lists what there is. Everything that is built goes to bin/, everything that a trial leaves to out/.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help trial up build test lint race drill drills healthy week mails bench fuzz needs clean silence

GO ?= go
FUZZTIME ?= 60s

## help: list the targets
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST) | sed 's/^\([a-z]*\): /  make \1\t/'

## trial: a private network of real daemons votes, breaks and is judged; the report is printed (needs only Go)
trial: bin/vsptestnet
	bin/vsptestnet trial --out out/trial

## up: the same network, to play with until Ctrl-C
up: bin/vsptestnet
	bin/vsptestnet up

# It builds the rest itself, and shows how far it is.
.PHONY: bin/vsptestnet
bin/vsptestnet:
	@echo "building vsptestnet (the first time this takes a minute)"
	@$(GO) build -trimpath -o bin/vsptestnet ./cmd/vsptestnet

## build: vsp, vspverify and vsptestnet into bin/
build:
	$(GO) build -trimpath -o bin/ ./cmd/...

## test: everything: formatting, vet, staticcheck, race tests, the real daemons
test: needs lint race

# Race tests need cgo and so a C compiler; the tests of storage start a MariaDB server of their own, those of places an sshd,
# those of dashboards a Prometheus and an Alertmanager, those of mail a postfix,
# those of deployments a monit.
needs:
	@.ci/needs gcc libc6-dev git mariadb-server openssh-server prometheus prometheus-alertmanager postfix monit

## lint: formatting, vet, staticcheck
lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted (run gofmt -w):"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

## race: every test, with the race detector; the private networks last, when nothing else wants the machine
race:
	@GO=$(GO) .ci/race $$($(GO) list ./... | grep -v '/testnet$$')
	@GO=$(GO) .ci/race ./testnet

## drills: the scenarios of testnet/testdata in their long forms
drills: needs
	$(GO) test -count=1 -timeout 90m -v -run 'TestScenarios$$' ./testnet -long

## drill: a VSP shows that its alerts arrive, of each kind of fault, and then with a mail path that loses them
drill: needs
	$(GO) test -count=1 -timeout 40m -v -run 'TestDrill$$' ./testnet -drill

## healthy: twenty trials of a healthy VSP in a row, none of which may accuse it
healthy: needs
	$(GO) test -count=1 -timeout 60m -v -run 'TestHealthyTrials$$' ./testnet -healthy 20

## week: a trial of a testnet week's 5,040 blocks in twenty minutes, its verifier killed ten times (SEED=N for the same again)
week: needs
	rm -rf out/week
	$(GO) test -count=1 -timeout 40m -v -run 'TestWeek$$' ./testnet -week 5040 -week-seed $(or $(SEED),0) -week-out $(CURDIR)/out/week

## mails: a thousand incidents through mail servers in trouble, and through a real postfix, by a sender that is killed again and again
mails: needs
	$(GO) test -count=1 -timeout 30m -v -run 'SenderIsKilled$$|ThroughPostfix$$' ./alerts/email -mails 1000

## silence: a healthy network for ten minutes, from which nothing may be mailed but the heartbeat
silence: needs
	$(GO) test -count=1 -timeout 30m -v -run 'TestSilence$$' ./testnet -silence 10m

## bench: API requests, the ledger, 10,000 probed VSPs, the network's start, from fault to mail beside monit and Prometheus
bench: needs
	$(GO) test -run '^$$' -bench . -benchmem -timeout 20m ./...

## fuzz: every fuzz test for FUZZTIME (60s) each
fuzz:
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done

## clean: remove what was built and what trials left
clean:
	rm -rf bin out
