// Asks Argo CD's own code about objects. It reads lines of JSON from stdin, and prints one for each.
//
//	argocd health HEALTH.lua   objects; prints {"status", "message"} as the health check in Lua has it
//	argocd diff                {"config", "live", "predicted"}; prints {"modified", "live", "predicted"}: whether the
//	                           application is OutOfSync. With predicted, what a server-side dry run gave, it compares as
//	                           with ServerSideApply=true, else as it does by default.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"

	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/diff"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/health"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func main() {
	log.SetFlags(0)
	answer := compare
	if os.Args[1] == "health" {
		script, err := os.ReadFile(os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		answer = func(text []byte) (any, error) { return judge(text, string(script)) }
	}
	in := json.NewDecoder(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for n := 1; ; n++ {
		var text json.RawMessage
		err := in.Decode(&text)
		if errors.Is(err, io.EOF) {
			return
		}
		var said any
		if err == nil {
			said, err = answer(text)
		}
		if err == nil {
			err = out.Encode(said)
		}
		if err != nil {
			log.Fatalf("line %d: %v", n, err)
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

// dryRun stands for the API server's answer to a server-side dry run.
type dryRun string

func (answer dryRun) Run(context.Context, *unstructured.Unstructured, string) (string, error) {
	return string(answer), nil
}

func compare(text []byte) (any, error) {
	var given struct {
		Config, Live unstructured.Unstructured
		Predicted    json.RawMessage
	}
	if err := json.Unmarshal(text, &given); err != nil {
		return nil, err
	}
	options := []diff.Option{}
	if given.Predicted != nil {
		options = append(options,
			diff.WithServerSideDiff(true),
			diff.WithServerSideDryRunner(dryRun(given.Predicted)),
			// Nothing is forgiven: what others write counts too.
			diff.WithIgnoreMutationWebhook(false),
			diff.WithManager("argocd-controller"))
	}
	result, err := diff.Diff(context.Background(), &given.Config, &given.Live, options...)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"modified":  result.Modified,
		"live":      json.RawMessage(result.NormalizedLive),
		"predicted": json.RawMessage(result.PredictedLive),
	}, nil
}
