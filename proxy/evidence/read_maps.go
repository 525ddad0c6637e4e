package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/borderflow/borderflow/rules/flow"
)

// Categories is written as an object by name, in the order of the list.
type Categories []flow.Category

// Findings is written as an object from detector to count, in the order of the list. The strength
// is not kept: it is a property of the detector.
type Findings []flow.Finding

// UnmarshalJSON keeps the order of the object's keys.
func (c *Categories) UnmarshalJSON(text []byte) error {
	return members(text, func(name string, decoder *json.Decoder) error {
		var value struct {
			Count    int      `json:"count"`
			Strength strength `json:"strength"`
		}
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		*c = append(*c, flow.Category{Name: name, Count: value.Count, Strength: flow.Strength(value.Strength)})
		return nil
	})
}

// UnmarshalJSON keeps the order of the object's keys.
func (f *Findings) UnmarshalJSON(text []byte) error {
	return members(text, func(name string, decoder *json.Decoder) error {
		finding := flow.Finding{Detector: name}
		if err := decoder.Decode(&finding.Count); err != nil {
			return err
		}
		*f = append(*f, finding)
		return nil
	})
}

type strength flow.Strength

func (s *strength) UnmarshalText(text []byte) error {
	for known := flow.Weak; known <= flow.Strong; known++ {
		if known.String() == string(text) {
			*s = strength(known)
			return nil
		}
	}
	return fmt.Errorf("unknown strength %q", bounded(string(text), maxToken))
}

// members calls each with every key of an object, to decode its value, and refuses a key that
// stands twice.
func members(text []byte, each func(string, *json.Decoder) error) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return fmt.Errorf("not an object")
	}
	seen := make(map[string]bool)
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return err
		}
		name := key.(string)
		if seen[name] {
			return fmt.Errorf("%q stands twice", bounded(name, maxName))
		}
		seen[name] = true
		if err := each(name, decoder); err != nil {
			return fmt.Errorf("%q: %w", bounded(name, maxName), err)
		}
	}
	return nil
}
