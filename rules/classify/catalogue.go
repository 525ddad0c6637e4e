package classify

import "slices"

// catalogue is every rule. year is the last one in which somebody can have been born.
func catalogue(options Options, year int) []*rule {
	return slices.Concat(
		// people, as authorities know them
		chinaRules(year), eastAsiaRules(), southAsiaRules(), southEastAsiaRules(), unitedStatesRules(), northAmericaRules(), brazilRules(),
		unitedKingdomRules(), germanyRules(), franceRules(), spainRules(), italyRules(), lowCountriesRules(), nordicRules(),
		easternEuropeRules(), southernHemisphereRules(), passportRules(),
		// people, as others know them
		contactRules(), phoneRules(), personRules(year), specialCategoryRules(), healthRules(), geneticRules(), biometricRules(),
		locationRules(), deviceRules(), addressRules(),
		// money, keys, companies, documents
		paymentRules(options), trackRules(), accountRules(), bankRules(), cryptocurrencyRules(), secretRules(), organisationRules(), markingRules(),
	)
}
