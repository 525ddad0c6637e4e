package ranges

import "strings"

// readAWS reads https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html. A network border
// group that is not the region is a Local or Wavelength Zone, which may stand in another country than
// the region that it belongs to: it is a region of its own here.
func (l *list) readAWS(content []byte) {
	type prefix struct {
		IPv4   string `json:"ip_prefix"`
		IPv6   string `json:"ipv6_prefix"`
		Region string `json:"region"`
		Group  string `json:"network_border_group"`
	}
	visit := func(p prefix, line int) {
		if p.Group != "" && p.Region != "GLOBAL" {
			p.Region = p.Group
		}
		l.addRegion("aws", p.IPv4+p.IPv6, p.Region, p.Region == "GLOBAL", line)
	}
	l.readObject(content, map[string]func(*document){
		"createDate": l.date("2006-01-02-15-04-05"), "prefixes": each(visit), "ipv6_prefixes": each(visit),
	})
}

// readGoogle reads https://cloud.google.com/compute/docs/faq#find_ip_range.
func (l *list) readGoogle(content []byte) {
	type prefix struct {
		IPv4  string `json:"ipv4Prefix"`
		IPv6  string `json:"ipv6Prefix"`
		Scope string `json:"scope"`
	}
	l.readObject(content, map[string]func(*document){
		"creationTime": l.date("2006-01-02T15:04:05"),
		"prefixes": each(func(p prefix, line int) {
			l.addRegion("gcp", p.IPv4+p.IPv6, p.Scope, p.Scope == "global", line)
		}),
	})
}

// readOracle reads https://docs.oracle.com/iaas/Content/General/Concepts/addressranges.htm.
func (l *list) readOracle(content []byte) {
	type region struct {
		Region string `json:"region"`
		CIDRs  []struct {
			CIDR string `json:"cidr"`
		} `json:"cidrs"`
	}
	l.readObject(content, map[string]func(*document){
		"last_updated_timestamp": l.date("2006-01-02T15:04:05", "2006-01-02T15:04:05Z07:00"),
		"regions": each(func(r region, line int) {
			for _, cidr := range r.CIDRs {
				l.addRegion("oracle", cidr.CIDR, r.Region, false, line)
			}
		}),
	})
}

// azureRegions are the names that service tags have for regions whose usual name is another one
// (https://learn.microsoft.com/azure/virtual-network/service-tags-overview).
var azureRegions = map[string]string{
	"australiac": "australiacentral", "australiac2": "australiacentral2", "brazilne": "brazilnortheast", "brazilse": "brazilsoutheast",
	"centralfrance": "francecentral", "southfrance": "francesouth", "chilec": "chilecentral", "germanyn": "germanynorth",
	"germanywc": "germanywestcentral", "norwaye": "norwayeast", "norwayw": "norwaywest", "switzerlandn": "switzerlandnorth",
	"switzerlandw": "switzerlandwest",
}

// readAzure reads the service tags that the Microsoft Download Center has week by week. Only tags of
// a region say where a network is; of the others, those of Front Door are announced everywhere.
func (l *list) readAzure(content []byte) {
	type tag struct {
		Name       string `json:"name"`
		Properties struct {
			Region   string   `json:"region"`
			Prefixes []string `json:"addressPrefixes"`
		} `json:"properties"`
	}
	l.readObject(content, map[string]func(*document){
		"values": each(func(t tag, line int) {
			region := strings.ToLower(t.Properties.Region)
			if usual, ok := azureRegions[region]; ok {
				region = usual
			}
			everywhere := strings.HasPrefix(t.Name, "AzureFrontDoor.") && t.Name != "AzureFrontDoor.Backend"
			for _, prefix := range t.Properties.Prefixes {
				l.addRegion("azure", prefix, region, everywhere, line)
			}
		}),
	})
}

// addRegion adds a row for a provider's network, or notes what is wrong with it. Only Azure's file has
// networks without a region.
func (l *list) addRegion(provider, text, region string, everywhere bool, line int) {
	network, ok := l.network(text, line)
	if !ok {
		return
	}
	region, ok = l.region(region, line)
	switch {
	case !ok:
	case everywhere:
		l.addNetwork(network, provider+" "+Everywhere, line)
	case region != "":
		l.addNetwork(network, provider+" "+region, line)
	case provider == "azure":
		l.skipped++
	default:
		l.problem(line, "network %s has no region", network)
	}
}
