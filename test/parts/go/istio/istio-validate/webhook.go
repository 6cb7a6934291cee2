package main

import (
	"encoding/json"
	"errors"
	"strings"

	multierror "github.com/hashicorp/go-multierror"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/resource"
)

// The collection that istiod gives to its webhook; it also holds kinds of Kubernetes, which the webhook never sees.
var collection = collections.PilotGatewayAPI()

func isIstio(object *unstructured.Unstructured) bool {
	return strings.HasSuffix(object.GroupVersionKind().Group, ".istio.io")
}

// webhook does what istiod's webhook does, after the metadata rules that the API server applies before calling it.
func webhook(raw []byte) (errs, warnings []string) {
	var object crd.IstioKind
	if err := json.Unmarshal(raw, &object); err != nil {
		return []string{"metadata: " + err.Error()}, nil
	}
	if object.Namespace == "" {
		object.Namespace = "default"
	}
	path := field.NewPath("metadata")
	for _, err := range apivalidation.ValidateObjectMeta(&object.ObjectMeta, true, apivalidation.NameIsDNSSubdomain, path) {
		errs = append(errs, "metadata: "+err.Error())
	}
	gvk := object.GroupVersionKind()
	schema, known := collection.FindByGroupKind(resource.FromKubernetesGVK(&gvk))
	if !known {
		return append(errs, "istio: unrecognized type "+gvk.String()), nil
	}
	config, err := crd.ConvertObject(schema, &object, "cluster.local")
	if err != nil {
		return append(errs, "istio: "+err.Error()), nil
	}
	found, err := schema.ValidateConfig(*config)
	for _, each := range split(err) {
		errs = append(errs, "istio: "+each)
	}
	return errs, split(found)
}

func split(err error) []string {
	if err == nil {
		return nil
	}
	var many *multierror.Error
	if !errors.As(err, &many) {
		return []string{err.Error()}
	}
	var each []string
	for _, one := range many.Errors {
		each = append(each, one.Error())
	}
	return each
}
