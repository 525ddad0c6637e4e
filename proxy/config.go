package proxy

import (
	"time"

	"github.com/borderflow/borderflow/proxy/evidence/delivery"
	"github.com/borderflow/borderflow/proxy/listen"
	"github.com/borderflow/borderflow/proxy/upstream"
	"github.com/borderflow/borderflow/rules/jurisdiction"
)

// Config is the process's configuration, as borderflow.yaml spells it. The zero value of a field
// means its default; Defaults returns them all.
type Config struct {
	// Listen are the addresses of the explicit proxy. Default: 127.0.0.1:3128 without TLS.
	Listen []ListenerConfig `yaml:"listen"`
	Admin  AdminConfig      `yaml:"admin"`
	// StateDir holds the CA and the records. Default: .borderflow in the working directory.
	StateDir     string             `yaml:"stateDir"`
	Policy       PolicyConfig       `yaml:"policy"`
	Certificates CertificatesConfig `yaml:"certificates"`
	Source       SourceConfig       `yaml:"source"`
	Destination  DestinationConfig  `yaml:"destination"`
	Jurisdiction JurisdictionConfig `yaml:"jurisdiction"`
	Upstream     UpstreamConfig     `yaml:"upstream"`
	// Resolver says how names are resolved.
	Resolver upstream.ResolverOptions `yaml:"resolver"`
	// Hosts is a static table of names and the addresses they stand for; it wins over the resolver.
	Hosts    upstream.Hosts `yaml:"hosts"`
	Inspect  InspectConfig  `yaml:"inspect"`
	Labels   LabelsConfig   `yaml:"labels"`
	Evidence EvidenceConfig `yaml:"evidence"`
	Limits   LimitsConfig   `yaml:"limits"`
	// DrainDeadline is how long open flows may take to end when the process is told to stop.
	// Default 30 s.
	DrainDeadline time.Duration `yaml:"drainDeadline"`
	// BlockedBy is the URL of the party that has flows blocked, for the Link field of 451 answers
	// (RFC 7725 section 4). Default: none.
	BlockedBy string `yaml:"blockedBy"`
}

// ListenerConfig is one address that clients connect to.
type ListenerConfig struct {
	Address string `yaml:"address"`
	// TLS, when set, has clients reach the proxy over TLS (HTTP/1.1 and HTTP/2).
	TLS *ListenerTLSConfig `yaml:"tls"`
}

// ListenerTLSConfig is the proxy's own TLS towards its clients.
type ListenerTLSConfig struct {
	Certificate string `yaml:"certificate"` // PEM file with the chain
	Key         string `yaml:"key"`         // PEM file
	// ClientCA is a PEM file; clients that show a certificate of it are known by its name.
	ClientCA string `yaml:"clientCA"`
	// RequireClientCertificate turns clients without one away. Default false.
	RequireClientCertificate bool `yaml:"requireClientCertificate"`
}

// AdminConfig is the listener for health, metrics and reload.
type AdminConfig struct {
	Listen string `yaml:"listen"` // default 127.0.0.1:9128
	// ReloadTokenFile holds the token that POST /-/reload asks for. Default: reload over HTTP is off.
	ReloadTokenFile string `yaml:"reloadTokenFile"`
}

// PolicyConfig says where policies are.
type PolicyConfig struct {
	// Dir is a directory of policy files, watched for changes. Default: the built-in policy, which
	// observes and blocks nothing.
	Dir string `yaml:"dir"`
	// OnBrokenStart says what happens when the directory is broken as the process starts: refuse
	// (default) to start, or lastGood: start with the policy that was in force before, which is kept
	// in the state directory. The log, /readyz and the metrics say so until the directory is repaired.
	OnBrokenStart string `yaml:"onBrokenStart"`
}

// CertificatesConfig is the CA that signs for intercepted hosts.
type CertificatesConfig struct {
	// Certificate and Key are PEM files, e.g. of a mounted secret, watched for changes. Default: a CA
	// that is created in <stateDir>/ca on the first run.
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
}

// DestinationConfig says which destinations are refused or permitted whatever the policy says.
type DestinationConfig struct {
	// Exempt permits addresses that are refused by default: private, loopback, link-local, reserved.
	Exempt []upstream.Exemption `yaml:"exempt"`
	// Deny wins over Exempt.
	Deny upstream.Deny `yaml:"deny"`
}

// JurisdictionConfig is the data behind destination.country.
type JurisdictionConfig struct {
	// Catalogue declares where hosts process and who runs them.
	Catalogue []jurisdiction.Entry `yaml:"catalogue"`
	// Databases are MMDB files, and range tables that `borderflow data import` made, asked before the
	// built-in tables; watched for changes.
	Databases []string `yaml:"databases"`
	// MaxAge is how old address data may be before it is stale, which lowers its confidence and shows
	// as destination.stale, in /readyz and in the metrics. Default 1080h, 45 days.
	MaxAge time.Duration `yaml:"maxAge"`
	// MinimumConfidence below which a place is unknown. Default 0.5.
	MinimumConfidence float64 `yaml:"minimumConfidence"`
	// DisableEmbedded leaves the built-in address table out. Default false.
	DisableEmbedded bool `yaml:"disableEmbedded"`
}

// UpstreamConfig is how origins are talked to.
type UpstreamConfig struct {
	// Trust are PEM files of certificate authorities that origins may be certified by, beside the
	// system's.
	Trust []string `yaml:"trust"`
	// WithoutSystemRoots trusts those of Trust alone. Default false.
	WithoutSystemRoots bool          `yaml:"withoutSystemRoots"`
	ConnectTimeout     time.Duration `yaml:"connectTimeout"`   // default 10 s
	HandshakeTimeout   time.Duration `yaml:"handshakeTimeout"` // default 10 s
	HeaderTimeout      time.Duration `yaml:"headerTimeout"`    // from request to response headers; default 5 min
	IdleTimeout        time.Duration `yaml:"idleTimeout"`      // of unused connections; default 90 s
}

// InspectConfig bounds what is held of payloads until they are decided.
type InspectConfig struct {
	// HoldUntilDecided is how much of a body, or of a gRPC or WebSocket message, is held in memory for a
	// rule that depends on it: so many bytes never leave before the verdict. What happens to a larger
	// body is the policies' onLargeBody; a larger WebSocket message is uninspectable. Default 1MiB.
	HoldUntilDecided ByteSize `yaml:"holdUntilDecided"`
	// Memory is what all held bodies may take together. Default 256MiB.
	Memory ByteSize `yaml:"memory"`
	// Spool bounds the bodies that are kept on disk, in <stateDir>/spool (onLargeBody: hold).
	Spool SpoolConfig `yaml:"spool"`
	// Timeout is how long a held body may take to arrive, and each further holdUntilDecided bytes of one
	// that is kept on disk. Default 60 s.
	Timeout time.Duration `yaml:"timeout"`
	// MaxDecoded is how much of a payload is decompressed at most; past the first MiB, 100 times its size is
	// the limit too. It bounds time, not memory: what is decompressed is not kept. Default 1GiB.
	MaxDecoded ByteSize `yaml:"maxDecoded"`
}

// SpoolConfig bounds the bodies that are kept on disk until they are decided.
type SpoolConfig struct {
	// Body is the largest one; a larger one is refused. Default 1GiB.
	Body ByteSize `yaml:"body"`
	// Total is what all of them may take together; beyond it requests are to be tried again. Default 4GiB.
	Total ByteSize `yaml:"total"`
}

// EvidenceConfig is how flows are recorded.
type EvidenceConfig struct {
	// OnFailure says what happens to flows while records cannot be written: block (default) or allow.
	OnFailure string `yaml:"onFailure"`
	// Durability is what a power cut may take; the end of the process takes nothing in any mode.
	// strict: no record, as each flow waits for stable storage. batched (default): at most the records
	// of the last 100 ms and of the sync under way. relaxed: what the operating system had not written
	// back yet, typically the last 30 s.
	Durability string `yaml:"durability"`
	// Identifiers says how records keep the source's address and identity: hashed (default), with a key
	// for each month, or clear. Rules about them can be replayed and explained from clear records only.
	Identifiers string `yaml:"identifiers"`
	// Origin names the log in its signed checkpoints; it cannot change later. Default: borderflow/ and
	// the name of this machine.
	Origin string `yaml:"origin"`
	// CheckpointCopy is a file, best on another machine's disk, that each checkpoint is copied to: a log
	// that was set back to an older state is found out by it. Default: none.
	CheckpointCopy string `yaml:"checkpointCopy"`
	// SegmentSize is when a new file is begun. Default 256MiB.
	SegmentSize ByteSize `yaml:"segmentSize"`
	// Delivery are the places to which every record is copied, each from where it left off. Default: none.
	Delivery []delivery.Sink `yaml:"delivery"`
	// Retention is how long records are kept. Default: for ever.
	Retention RetentionConfig `yaml:"retention"`
}

func (c EvidenceConfig) allowsLoss() bool { return c.OnFailure == "allow" }

// LimitsConfig bounds what clients can hold.
type LimitsConfig struct {
	Connections      int           `yaml:"connections"`      // open client connections; default 10000
	HeaderSize       ByteSize      `yaml:"headerSize"`       // request line and headers; default 64KiB
	Streams          int           `yaml:"streams"`          // HTTP/2 streams of a connection; default 250
	HeaderTimeout    time.Duration `yaml:"headerTimeout"`    // for a request's headers; default 10 s
	HandshakeTimeout time.Duration `yaml:"handshakeTimeout"` // TLS with clients; default 10 s
	IdleTimeout      time.Duration `yaml:"idleTimeout"`      // between requests; default 2 min
	BodyIdle         time.Duration `yaml:"bodyIdle"`         // a client that sends no byte of a body; default 60 s
	WriteStall       time.Duration `yaml:"writeStall"`       // a client that takes no byte of a response; default 60 s
	TunnelIdle       time.Duration `yaml:"tunnelIdle"`       // a tunnel without a byte; default 15 min
}

// Defaults returns the configuration that an empty file means.
func Defaults() Config {
	limits := listen.Limits{}.WithDefaults()
	return Config{
		Listen:       []ListenerConfig{{Address: "127.0.0.1:3128"}},
		Admin:        AdminConfig{Listen: "127.0.0.1:9128"},
		StateDir:     ".borderflow",
		Policy:       PolicyConfig{OnBrokenStart: "refuse"},
		Source:       SourceConfig{RegionLabel: "topology.kubernetes.io/region"},
		Jurisdiction: JurisdictionConfig{MinimumConfidence: 0.5, MaxAge: jurisdiction.DefaultMaxAge},
		Upstream: UpstreamConfig{ConnectTimeout: 10 * time.Second, HandshakeTimeout: 10 * time.Second,
			HeaderTimeout: 5 * time.Minute, IdleTimeout: 90 * time.Second},
		Resolver: upstream.ResolverOptions{Timeout: upstream.DefaultResolveTimeout, MinTTL: upstream.DefaultMinTTL,
			MaxTTL: upstream.DefaultMaxTTL, NegativeTTL: upstream.DefaultNegativeTTL,
			CacheSize: upstream.DefaultCacheSize, Prefer: upstream.FamilyAuto},
		Inspect: InspectConfig{HoldUntilDecided: 1 << 20, Memory: 256 << 20, Timeout: time.Minute, MaxDecoded: 1 << 30,
			Spool: SpoolConfig{Body: 1 << 30, Total: 4 << 30}},
		Labels:   LabelsConfig{Header: "X-Data-Class"},
		Evidence: EvidenceConfig{OnFailure: "block", Durability: "batched", Identifiers: "hashed", SegmentSize: 256 << 20},
		Limits: LimitsConfig{Connections: limits.Connections, HeaderSize: ByteSize(limits.HeaderBytes),
			Streams: limits.Streams, HeaderTimeout: limits.HeaderTimeout, HandshakeTimeout: limits.HandshakeTimeout,
			IdleTimeout: limits.IdleTimeout, BodyIdle: time.Minute, WriteStall: limits.WriteStall,
			TunnelIdle: 15 * time.Minute},
		DrainDeadline: 30 * time.Second,
	}
}

// listenLimits is what package listen is told.
func (c LimitsConfig) listenLimits() listen.Limits {
	return listen.Limits{Connections: c.Connections, HeaderBytes: int(c.HeaderSize), Streams: c.Streams,
		HeaderTimeout: c.HeaderTimeout, HandshakeTimeout: c.HandshakeTimeout, IdleTimeout: c.IdleTimeout,
		WriteStall: c.WriteStall}
}
