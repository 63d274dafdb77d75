// Judges objects as Flux, kpt and others do: with kstatus. It reads JSON objects from stdin, one a line, and prints a
// line of JSON for each: {"status", "message"}.
package main

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type verdict struct {
	Status  status.Status `json:"status"`
	Message string        `json:"message"`
}

func main() {
	log.SetFlags(0)
	in := json.NewDecoder(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for n := 1; ; n++ {
		var text json.RawMessage
		err := in.Decode(&text)
		if errors.Is(err, io.EOF) {
			return
		}
		var judged verdict
		if err == nil {
			judged, err = judge(text)
		}
		if err == nil {
			err = out.Encode(judged)
		}
		if err != nil {
			log.Fatalf("object %d: %v", n, err)
		}
	}
}

func judge(text []byte) (verdict, error) {
	var object unstructured.Unstructured
	// Not json.Unmarshal: kstatus expects whole numbers as int64.
	if err := object.UnmarshalJSON(text); err != nil {
		return verdict{}, err
	}
	result, err := status.Compute(&object)
	if err != nil {
		return verdict{}, err
	}
	return verdict{result.Status, result.Message}, nil
}
