package formula

// Answer says whether formulas can be true together.
type Answer uint8

const (
	No    Answer = iota // proved: no flow makes them true
	Maybe               // what is not analysed, or takes too long, may contradict it
	Yes
)

// maxSteps bounds the branches that one question may open.
const maxSteps = 5_000

// Satisfy looks for a flow of which all the formulas are true. The model says what the flow is like;
// for Maybe it may be nil.
func Satisfy(formulas ...*Node) (*Model, Answer) {
	s := &solver{demands: map[string][]demand{}}
	model, answer := s.solve(formulas, nil)
	if answer == No && s.steps > maxSteps {
		return nil, Maybe
	}
	return model, answer
}

// Implies reports whether it is proved that consequence holds of every flow of which premise holds.
func Implies(premise, consequence *Node) bool {
	_, answer := Satisfy(premise, Not(consequence))
	return answer == No
}

// demand is what a branch demands of a fact: an atom, or its opposite.
type demand struct {
	atom    *Atom
	negated bool
}

type solver struct {
	demands map[string][]demand // by fact, of the branch that is open
	steps   int
}

// solve opens one formula after the other; alternatives wait until everything that leaves no choice
// has been demanded.
func (s *solver) solve(todo, alternatives []*Node) (*Model, Answer) {
	if s.steps++; s.steps > maxSteps {
		return nil, No
	}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[: len(todo)-1 : len(todo)-1]
		switch n.Op {
		case Constant:
			if !n.Value {
				return nil, No
			}
		case All:
			todo = append(todo, n.Parts...)
		case Any:
			alternatives = append(alternatives[:len(alternatives):len(alternatives)], n)
		case Statement:
			before := s.demands[n.Atom.Fact]
			s.demands[n.Atom.Fact] = append(before[:len(before):len(before)], demand{n.Atom, n.Negated})
			defer func() { s.demands[n.Atom.Fact] = before }()
			if _, answer := settle(n.Atom.Fact, s.demands[n.Atom.Fact]); answer == No {
				return nil, No
			}
		}
	}
	if len(alternatives) == 0 {
		return s.model()
	}
	next, rest := alternatives[0], alternatives[1:]
	var perhaps *Model
	best := No
	for _, part := range next.Parts {
		switch model, answer := s.solve([]*Node{part}, rest); {
		case answer == Yes:
			return model, Yes
		case answer == Maybe && best == No:
			perhaps, best = model, Maybe
		}
	}
	return perhaps, best
}

// model reads a flow off a branch that is not closed.
func (s *solver) model() (*Model, Answer) {
	m, answer := &Model{values: map[string]value{}}, Yes
	for fact, demands := range s.demands {
		if len(demands) == 0 {
			continue
		}
		v, sure := settle(fact, demands)
		if sure == No {
			return nil, No
		}
		answer = min(answer, sure)
		m.values[fact] = v
		if d := demands[0]; len(d.atom.Texts) > 0 && d.atom.Test == Opaque && !d.negated && len(s.demands["destination.country"]) == 0 {
			m.values["destination.country"] = value{test: OneOf, text: d.atom.Texts[0]}
		}
	}
	return m, answer
}
