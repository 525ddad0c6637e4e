package proxy_test

import (
	"net/http"
	"strings"
	"testing"
)

const projectDetector = `---
apiVersion: borderflow/v1
kind: Detector
id: custom/projects
description: names of projects
categories: [important]
keywords: [NAME]
`

func TestDetectorsOfThePolicyDirectoryAreReloadedWithIt(t *testing.T) {
	w := newWorld(t)
	w.serve("shop.us.test", http.HandlerFunc(echo))
	policy := rulesPolicy("  - id: no-projects\n    description: x\n    when: data.found(\"custom/projects\") > 0\n    verdict: block\n")
	looksFor := func(name string) { w.policy(policy + strings.Replace(projectDetector, "NAME", name, 1)) }
	looksFor("Falcon")
	w.start()
	status := func(body string) int {
		response, err := w.client().Post("https://shop.us.test/", "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		must(t, response.Body.Close())
		return response.StatusCode
	}
	if got := status("about the falcon"); got != http.StatusForbidden {
		t.Errorf("the name of a project: %d", got)
	}
	if got := status("about the eagle"); got != http.StatusOK {
		t.Errorf("another word: %d", got)
	}
	looksFor("Eagle")
	w.eventually("the new detector is in force", func() bool { return status("about the eagle") == http.StatusForbidden })
	if got := status("about the falcon"); got != http.StatusOK {
		t.Errorf("the name that is looked for no more: %d", got)
	}
}
