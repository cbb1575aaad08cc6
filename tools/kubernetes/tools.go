//go:build tools

// Package tools pins the kube-apiserver that tests and local use build where the official download cannot be reached.
package tools

import _ "k8s.io/kubernetes/cmd/kube-apiserver"
