package delivery

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// unsent returns how many bytes of the connection the peer's kernel has not confirmed, -1 when that
// cannot be known.
func unsent(conn net.Conn) int {
	tcp, ok := conn.(syscall.Conn)
	if !ok {
		return -1
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return -1
	}
	bytes := -1
	if err := raw.Control(func(fd uintptr) {
		if n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil {
			bytes = n
		}
	}); err != nil {
		return -1
	}
	return bytes
}
