//go:build !amd64

package classify

const hasVectors = false

func vectorMasks([]masks, []byte, *kernelTables) { panic("no vector kernel for this processor") }
func vectorControls([]byte) int                  { panic("no vector kernel for this processor") }
