// Package upstream reaches origins: it works out what a client's destination really is, pins it to one
// address, and opens connections to exactly that address.
//
// Two ideas carry it. First, a destination has one canonical form: ParseAuthority turns every spelling of a
// host (upper case, Unicode, a trailing dot, decimal, octal or hexadecimal IPv4, IPv6 that embeds IPv4) into
// the one that policy, records and the dialer share, so that no spelling is judged differently from another.
// Second, a name is resolved once. Pinner.Resolve checks every address of the answer against the Guard, then
// fixes one; the policy decides on that address and the Dialer connects to it and to nothing else, checking
// once more on the socket. A name server that changes its answer between check and use changes nothing.
//
// By default only public addresses are reachable. Guard permits others through named exemptions, which are
// reported with the target so that they can be recorded.
//
// The package leaves to others whether a destination is wanted (package rules), where it lies (package
// jurisdiction), and what the client is told beyond ProxyErrorType and ClientMessage.
//
//	guard, err := upstream.NewGuard(upstream.GuardOptions{Own: listeners})
//	resolver, err := upstream.NewResolver(upstream.ResolverOptions{})
//	defer resolver.Close()
//	pinner := &upstream.Pinner{Resolver: resolver, Guard: guard}
//	authority, err := upstream.ParseAuthority("api.example.com:443", 0)
//	target, err := pinner.Resolve(ctx, authority)
//	conn, err := (&upstream.Dialer{Guard: guard}).Dial(ctx, target)
package upstream
