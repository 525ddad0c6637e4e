package jurisdiction

const sourceAlias = "cname"

// aliases reads the names that a host is an alias of, as the resolver saw them (CNAME, RFC 1034
// section 3.6.2). All of them count: the chains of a host's IPv4 and IPv6 addresses may differ, and
// which one led to the address that is dialled is not known here. So names of several countries leave
// the place open, and one that is served from many places takes the place from the others.
type aliases struct {
	regions   *cloudRegions
	operators *operators
}

func (a aliases) version() string { return "" }

func (a aliases) statements(to []statement, q query) []statement {
	first := len(to)
	var operator *statement
	many := false // a name without a region is served from many places
	for _, name := range q.aliases {
		said, isRegion := a.regions.read(name, "alias "+name)
		if isRegion {
			said.claim.Source = sourceAlias
			said.claim.Confidence = min(said.claim.Confidence, confidenceAlias)
			to = appendRegion(to, first, said)
		}
		_, runs, _ := a.operators.suffixes.longest(name)
		for i := range runs {
			switch {
			case runs[i].kind == operated:
				operator = &runs[i] // the last one is the nearest to the address
			case !isRegion: // a region is said of this name, spread of all below the suffix
				many = true
				to = append(to, ofAlias(runs[i], q.host))
			}
		}
	}
	for i := first; many && i < len(to); i++ {
		if to[i].kind == named {
			to[i].kind, to[i].claim.Country, to[i].claim.Confidence = silent, "", confidenceNone
		}
	}
	if operator != nil {
		to = append(to, ofAlias(*operator, q.host))
	}
	return to
}

// appendRegion adds what is said of a region unless the same was said of it before.
func appendRegion(to []statement, first int, said statement) []statement {
	for _, before := range to[first:] {
		if before.cloud == said.cloud && before.region == said.region {
			return to
		}
	}
	return append(to, said)
}

func ofAlias(said statement, host string) statement {
	said.claim.Detail += ", which " + host + " is an alias of"
	return said
}
