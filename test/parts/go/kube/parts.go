//go:build parts

// Package parts keeps istio.io/api in go.mod: its module folder holds the CRD yaml that the tests apply.
package parts

import _ "istio.io/api/networking/v1"
