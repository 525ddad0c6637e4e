package rules

import (
	"fmt"
	"net/netip"
	"reflect"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"

	"github.com/borderflow/borderflow/rules/flow"
)

// Unknown values name what an evaluation lacks, so that one look at its result tells what the rule
// waits for, or can never have. Facts that cannot be had are unknown too, rather than errors: an
// error would hide behind `||` and `&&` which of the two an outcome depends on.
const (
	waitsForRequest int64 = iota + 1
	waitsForData
	waitsForConnection
	lacksRequest
	lacksData
	awaitsFindingOnly // true if it is found in the rest of the payload, else uninspectable
)

var (
	requestPending     = types.NewUnknown(waitsForRequest, nil)
	dataPending        = types.NewUnknown(waitsForData, nil)
	connectionPending  = types.NewUnknown(waitsForConnection, nil)
	requestUnavailable = types.NewUnknown(lacksRequest, nil)
	dataUnavailable    = types.NewUnknown(lacksData, nil)
	findingPending     = types.NewUnknown(awaitsFindingOnly, nil)
)

// scope is what one decision sees of a flow. Scopes are pooled, and keep the boxed CEL values of
// their last decision: a value that is the same again, as most are, costs no allocation.
type scope struct {
	flow   *flow.Flow
	final  bool // no later phase will establish what is still pending; the rest of an open payload may
	now    time.Time
	groups [len(groupNames)]group
	slots  []slot // by attribute.slot
	lists  map[string]*list
	named  map[string]*GroupInfo // groups of countries of the policy directory
	search search                // of the index
	frame  *interpreter.ExecutionFrame
}

// scopeName is how planned calls find their scope. No condition can spell it.
const scopeName = "@scope"

// slot is the boxed value that an attribute had last.
type slot struct {
	value   ref.Val
	address netip.Addr // what value was made from, where that is an address
}

// longestKept bounds the texts that a pooled scope holds on to.
const longestKept = 512

func newScope(lists map[string]*list, named map[string]*GroupInfo, ix *index) *scope {
	s := &scope{slots: make([]slot, len(attributes)+1), lists: lists, named: named, search: ix.newSearch()}
	for i := range s.groups {
		s.groups[i] = group{scope: s, kind: groupTypes[i]}
	}
	// Without a pool behind it, a frame is only what makes a scope an activation.
	s.frame = interpreter.AsFrame(s)
	return s
}

// forget drops what a pooled scope is not to hold on to.
func (s *scope) forget() {
	s.flow = nil
	for i := range s.slots {
		if text, ok := s.slots[i].value.(types.String); ok && len(text) > longestKept {
			s.slots[i] = slot{}
		}
	}
}

// ResolveName makes a scope a cel.Activation.
func (s *scope) ResolveName(name string) (any, bool) {
	for i, known := range groupNames {
		if name == known {
			return &s.groups[i], true
		}
	}
	if name == scopeName {
		return s, true
	}
	if name == nowName {
		kept := &s.slots[len(attributes)]
		if before, ok := kept.value.(types.Timestamp); !ok || !before.Time.Equal(s.now) {
			kept.value = types.Timestamp{Time: s.now}
		}
		return kept.value, true
	}
	return nil, false
}

// Parent makes a scope a cel.Activation.
func (*scope) Parent() interpreter.Activation { return nil }

// attribute returns the value of a, whatever its state.
func (s *scope) attribute(a *attribute) ref.Val {
	if a.state != nil {
		if v, settled := s.settle(a.state(s.flow), a.awaits, a.unavailable); !settled {
			return v
		}
	}
	return a.read(s, &s.slots[a.slot])
}

// settle returns true when facts in this state can be read. Otherwise it returns what stands in
// their place. Absent facts are read: they are empty.
func (s *scope) settle(state flow.State, group int, unavailable *types.Err) (ref.Val, bool) {
	if state == flow.Pending && s.final && !s.flow.Data.Open {
		state = flow.Unavailable
	}
	switch state {
	case flow.Known, flow.Absent:
		return nil, true
	case flow.Pending:
		switch group {
		case requestGroup:
			return requestPending, false
		case dataGroup:
			return dataPending, false
		}
		return connectionPending, false
	}
	switch group {
	case requestGroup:
		return requestUnavailable, false
	case dataGroup:
		return dataUnavailable, false
	}
	return unavailable, false
}

// unavailableError is the error for one attribute whose lookup failed. It names the attribute.
type unavailableError string

func (e unavailableError) Error() string { return string(e) + " is unavailable" }

// newUnavailable returns the CEL error for an attribute. It carries a node already, because cel-go
// writes one into every error that has none, and this one is shared by all evaluations.
func newUnavailable(name string) *types.Err {
	return types.NewErrWithNodeID(1, "%w", unavailableError(name)).(*types.Err)
}

func (k *slot) text(text string) ref.Val {
	if before, ok := k.value.(types.String); !ok || string(before) != text {
		k.value = types.String(text)
	}
	return k.value
}

func (k *slot) integer(number int64) ref.Val {
	if before, ok := k.value.(types.Int); !ok || int64(before) != number {
		k.value = types.Int(number)
	}
	return k.value
}

func (k *slot) double(number float64) ref.Val {
	if before, ok := k.value.(types.Double); !ok || float64(before) != number {
		k.value = types.Double(number)
	}
	return k.value
}

func (k *slot) addressText(address netip.Addr) ref.Val {
	if k.value == nil || k.address != address {
		k.address, k.value = address, types.String("")
		if address.IsValid() {
			k.value = types.String(address.Unmap().String())
		}
	}
	return k.value
}

// group is one of source, destination, request and data as a CEL value. It has fields and member
// functions and is otherwise of no use to a condition.
type group struct {
	scope *scope
	kind  *types.Type
}

func (g *group) Type() ref.Type { return g.kind }
func (g *group) Value() any     { return g }

func (g *group) Equal(other ref.Val) ref.Val {
	same, ok := other.(*group)
	return types.Bool(ok && same == g)
}

func (g *group) ConvertToNative(to reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s has no value of its own", g.kind.TypeName())
}

func (g *group) ConvertToType(to ref.Type) ref.Val {
	return types.NewErr("%s has no value of its own", g.kind.TypeName())
}

// claim is one element of destination.jurisdictions as a CEL value.
type claim struct{ flow.Claim }

func (c *claim) Type() ref.Type { return claimType }
func (c *claim) Value() any     { return c }

func (c *claim) Equal(other ref.Val) ref.Val {
	same, ok := other.(*claim)
	return types.Bool(ok && same.Claim == c.Claim)
}

func (c *claim) ConvertToNative(to reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s has no value of its own", claimType.TypeName())
}

func (c *claim) ConvertToType(to ref.Type) ref.Val {
	return types.NewErr("%s has no value of its own", claimType.TypeName())
}
