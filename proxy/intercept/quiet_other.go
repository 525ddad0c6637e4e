//go:build !linux

package intercept

import (
	"net"
	"time"
)

// quietFor cannot be asked of this kernel: tunnels have no idle limit here.
func quietFor(*net.TCPConn) (time.Duration, bool) { return 0, false }
