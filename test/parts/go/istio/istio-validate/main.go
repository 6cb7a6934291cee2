// istio-validate answers what a cluster with Istio would say to each document of a YAML stream: metadata rules of the
// API server, CRD schema and CEL, then istiod's validation webhook. One JSON line per document, in order.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	multierror "github.com/hashicorp/go-multierror"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"istio.io/istio/manifests"
	kubecrd "istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pkg/config/crd"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/resource"
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
	in := io.Reader(os.Stdin)
	if len(os.Args) > 2 {
		exit(errors.New("usage: istio-validate [FILE]"))
	}
	if len(os.Args) == 2 && os.Args[1] != "-" {
		file, err := os.Open(os.Args[1])
		exit(err)
		in = file
	}
	crds, err := istioCRDs()
	exit(err)
	validator, err := crd.NewValidatorFromCRDsWithOptions(crds, crd.WithoutCRDValidation())
	exit(err)

	out := bufio.NewWriter(os.Stdout)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	documents := kubeyaml.NewYAMLReader(bufio.NewReader(in))
	for index := 0; ; {
		document, err := documents.Read()
		if err == io.EOF {
			break
		}
		exit(err)
		res, present := validate(validator, document)
		if !present {
			continue
		}
		res.Index = index
		index++
		exit(lines.Encode(res))
	}
	exit(out.Flush())
}

// istioCRDs come from the same module as the webhook's code, so that both speak of one version.
func istioCRDs() ([]apiextensions.CustomResourceDefinition, error) {
	text, err := manifests.FS.ReadFile("charts/base/files/crd-all.gen.yaml")
	if err != nil {
		return nil, err
	}
	var all []apiextensions.CustomResourceDefinition
	documents := kubeyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(string(text))))
	for {
		document, err := documents.Read()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		var v1 apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(document, &v1); err != nil {
			return nil, err
		}
		if v1.Kind != "CustomResourceDefinition" {
			continue
		}
		var internal apiextensions.CustomResourceDefinition
		if err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(
			&v1, &internal, nil); err != nil {
			return nil, err
		}
		all = append(all, internal)
	}
}

// validate is false for a document that holds nothing (only comments), which kubectl skips as well.
func validate(validator *crd.Validator, document []byte) (result, bool) {
	res := result{Errors: []string{}, Warnings: []string{}}
	raw, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return res.add("", err), true
	}
	if string(raw) == "null" {
		return res, false
	}
	// Through Unstructured's own decoder: it keeps integers as int64, without which CEL rules fail.
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(raw); err != nil {
		return res.add("", err), true
	}
	res.Kind, res.Namespace, res.Name = object.GetKind(), object.GetNamespace(), object.GetName()

	gvk := object.GroupVersionKind()
	schema, found := collections.Pilot.FindByGroupKind(resource.FromKubernetesGVK(&gvk))
	if !found || !strings.HasSuffix(gvk.Group, ".istio.io") {
		res.Ok = true
		return res, true
	}
	res.Checked = true
	res = res.checkMetadata(raw)
	res = res.add("schema", validator.ValidateCustomResource(object.DeepCopy()))
	res = res.checkWebhook(schema, raw)
	res.Ok = len(res.Errors) == 0
	return res, true
}

func (r result) checkMetadata(raw []byte) result {
	var kind kubecrd.IstioKind
	if err := json.Unmarshal(raw, &kind); err != nil {
		return r.add("metadata", err)
	}
	if kind.Namespace == "" {
		kind.Namespace = "default"
	}
	found := apivalidation.ValidateObjectMeta(
		&kind.ObjectMeta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	for _, err := range found {
		r = r.add("metadata", err)
	}
	return r
}

// checkWebhook does what the webhook of istiod does with an object that the API server has let through.
func (r result) checkWebhook(schema resource.Schema, raw []byte) result {
	var kind kubecrd.IstioKind
	if err := json.Unmarshal(raw, &kind); err != nil {
		return r
	}
	if kind.Namespace == "" {
		kind.Namespace = "default"
	}
	config, err := kubecrd.ConvertObject(schema, &kind, "cluster.local")
	if err != nil {
		return r.add("istio", err)
	}
	warnings, err := schema.ValidateConfig(*config)
	for _, warning := range split(warnings) {
		r.Warnings = append(r.Warnings, warning.Error())
	}
	return r.add("istio", err)
}

func (r result) add(layer string, err error) result {
	for _, each := range split(err) {
		text := each.Error()
		if layer != "" {
			text = layer + ": " + text
		}
		r.Errors = append(r.Errors, text)
	}
	return r
}

func split(err error) []error {
	if err == nil {
		return nil
	}
	var many *multierror.Error
	if errors.As(err, &many) {
		return many.Errors
	}
	return []error{err}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "istio-validate:", err)
		os.Exit(1)
	}
}
