package classify

import "golang.org/x/sys/cpu"

//go:noescape
func masksAVX2(out *masks, p *byte, blocks int, tables *kernelTables)

//go:noescape
func controlsAVX2(p *byte, blocks int, tables *controlTables) int

// hasVectors says whether this processor runs the vector kernel.
var hasVectors = cpu.X86.HasAVX2 && cpu.X86.HasPOPCNT

func vectorMasks(out []masks, p []byte, tables *kernelTables) {
	masksAVX2(&out[0], &p[0], len(out), tables)
}

func vectorControls(p []byte) int { return controlsAVX2(&p[0], len(p)/vectorStep, &controls) }
