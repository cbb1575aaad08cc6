//go:build tools

// Package tools pins helm, which tests of the chart build.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
