//go:build tools

// Package tools pins the nats-server that tests and local use build where the official download cannot be reached.
package tools

import _ "github.com/nats-io/nats-server/v2"
