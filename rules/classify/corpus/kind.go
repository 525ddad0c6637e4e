package corpus

// kind is one kind of value: how it is made and written, and what people call it.
type kind struct {
	detector string
	// keys are names of fields that hold it, in words, separated by "|". Documents write them in the manner of
	// their format (snake_case, camelCase, and so on); those that are not in ASCII stay as they are.
	keys string
	make func(*source) sample
	// also names detectors that may report the value too, and are neither right nor wrong: a child's date of
	// birth is one of both, and a few numbers of one Nordic country are valid in another.
	also string
	// field says that the value means something under its key only: it is not written into sentences.
	field bool
}

// sample is a value as somebody writes it.
type sample struct {
	text  string
	alone bool // tells what it is without a key or word beside it
}

// alone is a sample that needs nothing beside it.
func alone(text string) sample { return sample{text, true} }

// keyed is a sample that needs a key or word beside it.
func keyed(text string) sample { return sample{text, false} }

// plainOr writes digits together, when they need evidence, or in groups, when they need none.
func plainOr(s *source, digits, separator string, lengths ...int) sample {
	if s.chance(40) {
		return keyed(digits)
	}
	return alone(grouped(digits, separator, lengths...))
}

// either writes digits together or in groups, and needs evidence for both.
func either(s *source, digits, separator string, lengths ...int) sample {
	if s.chance(60) {
		return keyed(digits)
	}
	return keyed(grouped(digits, separator, lengths...))
}

// kinds are all kinds of values that stand in a field or a sentence.
func kinds() []kind {
	var all []kind
	for _, group := range [][]kind{europeanKinds(), easternKinds(), asianKinds(), americanKinds(), southernKinds(), documentKinds(),
		financialKinds(), cryptocurrencyKinds(), contactKinds(), personalKinds(), healthKinds(), deviceKinds(), placeKinds(), specialKinds(),
		secretKinds(), vendorKinds(), organisationKinds()} {
		all = append(all, group...)
	}
	return all
}

func (k *kind) key(s *source) string {
	if more := synonyms[k.detector]; more != "" && s.chance(30) {
		return s.one(more)
	}
	return s.one(k.keys)
}
