// Package dashboards tests the files next to it: Prometheus' rules, with the stories in which they must fire and in which they
// must not, an example configuration for Alertmanager, and Grafana's dashboards, for who runs a VSP and for who reviews one.
package dashboards
