// Judges objects with Argo CD's own health evaluation and a health check in Lua. It reads JSON objects from stdin, one a
// line, and prints a line of JSON for each: {"status", "message"}. The argument is the file of the health check.
package main

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"

	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/health"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func main() {
	log.SetFlags(0)
	script, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	in := json.NewDecoder(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for n := 1; ; n++ {
		var text json.RawMessage
		if err = in.Decode(&text); errors.Is(err, io.EOF) {
			return
		}
		var judged *health.HealthStatus
		if err == nil {
			judged, err = judge(text, string(script))
		}
		if err == nil {
			err = out.Encode(judged)
		}
		if err != nil {
			log.Fatalf("object %d: %v", n, err)
		}
	}
}

func judge(text []byte, script string) (*health.HealthStatus, error) {
	var object unstructured.Unstructured
	if err := object.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	kind := lua.GetConfigMapKey(object.GroupVersionKind())
	checks := lua.ResourceHealthOverrides{kind: v1alpha1.ResourceOverride{HealthLua: script}}
	return health.GetResourceHealth(&object, checks)
}
