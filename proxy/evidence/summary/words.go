package summary

import (
	"fmt"
	"strings"
)

// Language is what the report is written in.
type Language string

// The languages.
const (
	English Language = "en"
	Chinese Language = "zh"
)

// ParseLanguage returns the language of a name, "en" or "zh".
func ParseLanguage(name string) (Language, error) {
	if l := Language(name); l == English || l == Chinese {
		return l, nil
	}
	return "", fmt.Errorf("unknown language %q: en or zh", name)
}

// words are the texts of one language by name. Both languages have the same names.
type words map[string]string

func (l Language) words() words {
	if l == Chinese {
		return chinese
	}
	return english
}

// say returns the text of a name, with values in the place of {}.
func (w words) say(name string, values ...any) string {
	text, found := w[name]
	if !found {
		return name
	}
	parts := strings.SplitN(text, "{}", len(values)+1)
	for i, value := range values[:len(parts)-1] {
		parts[i] += fmt.Sprint(value)
	}
	return strings.Join(parts, "")
}

// list returns the texts name.1, name.2 and so on.
func (w words) list(name string) (texts []string) {
	for i := 1; ; i++ {
		text, found := w[fmt.Sprintf("%s.%d", name, i)]
		if !found {
			return texts
		}
		texts = append(texts, text)
	}
}

// value returns how a value of a column is shown: as it is, but for those that mean something to people.
func (w words) value(column, value string) string {
	if text, found := w["value."+column+"."+value]; found {
		return text
	}
	if value == "" {
		return w["value.empty"]
	}
	return value
}
