// istio-validate answers what a cluster with Istio would say to each document of a YAML stream (a file or stdin): the
// API server's rules for metadata, the CRD's schema and CEL rules, then istiod's validation webhook.
// With -crds, schema and CEL rules of that file alone: what an older Istio's API server would say.
// It prints one JSON line per document, in order; a bad document is a result, only unreadable input is a failure.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

type result struct {
	Index     int      `json:"index"`
	Kind      string   `json:"kind"`
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	Checked   bool     `json:"checked"`
	Ok        bool     `json:"ok"`
	Errors    []string `json:"errors"`
	Warnings  []string `json:"warnings"`
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "istio-validate:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, stdout io.Writer) error {
	crds := ""
	if len(args) > 1 && args[0] == "-crds" {
		crds, args = args[1], args[2:]
	}
	if len(args) > 1 {
		return errors.New("usage: istio-validate [-crds FILE] [FILE]")
	}
	if len(args) == 1 && args[0] != "-" {
		file, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	schemas, err := newSchemas(crds)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(stdout)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	documents := kubeyaml.NewYAMLReader(bufio.NewReader(in))
	for index := 0; ; {
		document, err := documents.Read()
		if err == io.EOF {
			return out.Flush()
		}
		if err != nil {
			return err
		}
		res, present := validate(schemas, document, crds == "")
		if !present {
			continue
		}
		res.Index = index
		index++
		if err := lines.Encode(res); err != nil {
			return err
		}
	}
}

// validate is false for a document that holds nothing (only comments), which kubectl skips as well.
func validate(schemas *schemas, document []byte, whole bool) (result, bool) {
	res := result{Errors: []string{}, Warnings: []string{}}
	raw, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		res.Errors = append(res.Errors, err.Error())
		return res, true
	}
	if string(raw) == "null" {
		return res, false
	}
	// Through Unstructured's own decoder: it keeps integers as int64, without which CEL rules fail.
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(raw); err != nil {
		res.Errors = append(res.Errors, err.Error())
		return res, true
	}
	res.Kind, res.Namespace, res.Name = object.GetKind(), object.GetNamespace(), object.GetName()
	if object.IsList() {
		res.Errors = append(res.Errors, "a List is not looked into: give its items as documents of their own")
	}
	if isIstio(object) {
		res.Checked = true
		res.Errors = append(res.Errors, schemas.check(object.DeepCopy())...)
		if whole {
			errs, warnings := webhook(raw)
			res.Errors = append(res.Errors, errs...)
			res.Warnings = append(res.Warnings, warnings...)
		}
	}
	res.Ok = len(res.Errors) == 0
	return res, true
}
