package intercept

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// quietFor asks the kernel how long ago the last byte was sent or received on connection.
func quietFor(connection *net.TCPConn) (time.Duration, bool) {
	raw, err := connection.SyscallConn()
	if err != nil {
		return 0, false
	}
	var info *unix.TCPInfo
	controlErr := raw.Control(func(fd uintptr) {
		info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if controlErr != nil || err != nil {
		return 0, false
	}
	return time.Duration(min(info.Last_data_sent, info.Last_data_recv)) * time.Millisecond, true
}
