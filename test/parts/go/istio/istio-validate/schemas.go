package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"istio.io/istio/manifests"
)

// schemas does to an object what the API server does with the CRDs of an Istio version. (Istio's own validator for
// its tests does the same, but it stops at the first layer with a finding, and importing it writes to stdout.)
type schemas struct {
	sources  map[schema.GroupVersionKind]*apiextensions.JSONSchemaProps
	compiled map[schema.GroupVersionKind]*compiled
}

type compiled struct {
	values     validation.SchemaCreateValidator
	structural *structuralschema.Structural
	rules      *cel.Validator
}

// newSchemas reads the CRDs of a file, or those of the Istio version that this program is built from.
func newSchemas(crds string) (*schemas, error) {
	read := func() ([]byte, error) { return os.ReadFile(crds) }
	if crds == "" {
		read = func() ([]byte, error) { return manifests.FS.ReadFile("charts/base/files/crd-all.gen.yaml") }
	}
	text, err := read()
	if err != nil {
		return nil, err
	}
	all := &schemas{
		sources:  map[schema.GroupVersionKind]*apiextensions.JSONSchemaProps{},
		compiled: map[schema.GroupVersionKind]*compiled{},
	}
	documents := kubeyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := documents.Read()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(document, &crd); err != nil {
			return nil, err
		}
		for _, version := range crd.Spec.Versions {
			props := &apiextensions.JSONSchemaProps{}
			if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
				version.Schema.OpenAPIV3Schema, props, nil); err != nil {
				return nil, err
			}
			gvk := schema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind}
			all.sources[gvk] = props
		}
	}
}

// compile is done on first use: most runs hold three of the fifteen kinds.
func (s *schemas) compile(gvk schema.GroupVersionKind) (*compiled, error) {
	if known := s.compiled[gvk]; known != nil {
		return known, nil
	}
	props := s.sources[gvk]
	if props == nil {
		return nil, fmt.Errorf("no CRD of this Istio version has %v", gvk)
	}
	values, _, err := validation.NewSchemaValidator(props)
	if err != nil {
		return nil, err
	}
	structural, err := structuralschema.NewStructural(props)
	if err != nil {
		return nil, err
	}
	made := &compiled{values, structural, cel.NewValidator(structural, true, celconfig.PerCallLimit)}
	s.compiled[gvk] = made
	return made, nil
}

// check changes the object: unknown fields are removed and defaults filled in, as on the way into the API server.
func (s *schemas) check(object *unstructured.Unstructured) []string {
	c, err := s.compile(object.GroupVersionKind())
	if err != nil {
		return []string{"schema: " + err.Error()}
	}
	var found []string
	options := structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	for _, path := range pruning.PruneWithOptions(object.Object, c.structural, true, options) {
		if !strings.HasPrefix(path, "metadata.") {
			found = append(found, fmt.Sprintf("schema: unknown field %q", path))
		}
	}
	defaulting.Default(object.Object, c.structural)
	errs := validation.ValidateCustomResource(nil, object.Object, c.values)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, c.structural, object.Object)...)
	if !blocking(errs) {
		byRules, _ := c.rules.Validate(
			context.Background(), nil, c.structural, object.Object, nil, celconfig.RuntimeCELCostBudget)
		errs = append(errs, byRules...)
	}
	for _, each := range errs {
		found = append(found, "schema: "+each.Error())
	}
	return found
}

// blocking errors are those after which the API server does not evaluate CEL rules either.
func blocking(errs field.ErrorList) bool {
	for _, each := range errs {
		switch each.Type {
		case field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
			return true
		}
	}
	return false
}
