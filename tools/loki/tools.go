//go:build tools

// Package tools pins the Loki that tests of sinks build.
package tools

import _ "github.com/grafana/loki/v3/cmd/loki"
