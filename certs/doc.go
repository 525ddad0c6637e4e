// Package certs makes borderflow's own certificates: the certificate authority that clients of an
// intercepted connection trust, and the short-lived certificate for each host they ask for. It also
// reads the roots that borderflow itself trusts towards origins.
//
// Two ideas carry it. An Authority is an immutable snapshot of a certificate chain and its key, swapped
// as a whole by Reload and kept when the files on disk are bad; everything minted under the previous
// snapshot is forgotten with it. And a leaf costs one signature, not one key: each process has a single
// P-256 leaf key, and a Minter keeps what it signed, so that the usual handshake finds its certificate
// ready and parsed.
//
// Storage needs Unix file modes and hard links. The private key is written before the certificate, so
// a crash can leave a key without a certificate (the next start completes it, under the same name and
// key) but never a certificate without its key. No key appears in an error, in formatted output or in a
// log: keys are wrapped in a type that only signs.
//
// It leaves to others: watching files (call Reload), deciding whether a connection is intercepted, and
// choosing the application protocols offered to the client (see ServerConfig).
//
//	authority, created, err := certs.LoadOrCreate("/var/lib/borderflow/ca")
//	...
//	if created {
//		fmt.Print(certs.TrustInstructions("/var/lib/borderflow/ca/ca.pem"))
//	}
//	minter, err := certs.NewMinter(authority, certs.Options{})
//	config := certs.ServerConfig(minter, "h2", "http/1.1")
package certs
