#include "textflag.h"

// The class of a byte is looked up by its two halves: in Y7 by the low one and in Y8 by the high one, of
// which the bits that both have are the classes. In the same way Y9 to Y14 hold the groups of
// literals that may begin with the byte, have the next one second, and the one after it third. What there is
// no register for is read from memory: the second eight groups of literals, a second pair of classes, for bytes by
// which literals differ from plain words, and the classes that make up words and marks.

// NIBBLES takes the bytes in Y0 apart into Y1 (low halves) and Y2 (high halves).
#define NIBBLES \
	VPAND   Y15, Y0, Y1 \
	VPSRLW  $4, Y0, Y2  \
	VPAND   Y15, Y2, Y2

// LITERAL leaves in Y3 and Y4 the groups of literals that go on with the bytes whose halves are in Y1 and Y2.
#define LITERAL(low, high, lowOfMore, highOfMore) \
	VPSHUFB Y1, low, Y5         \
	VPAND   Y5, Y3, Y3          \
	VPSHUFB Y2, high, Y5        \
	VPAND   Y5, Y3, Y3          \
	VMOVDQU lowOfMore(R13), Y5  \
	VPSHUFB Y1, Y5, Y5          \
	VPAND   Y5, Y4, Y4          \
	VMOVDQU highOfMore(R13), Y5 \
	VPSHUFB Y2, Y5, Y5          \
	VPAND   Y5, Y4, Y4

// HALF classifies 32 bytes at offset off: the bits of digits and, in memory, of quotes, small letters and
// plain bytes, and the complements of those of words, marks and literals.
#define HALF(off, digits, words, marks, literals, out) \
	VMOVDQU   off(SI), Y0   \
	NIBBLES                 \
	VMOVDQU   256(R13), Y0  \
	VPSHUFB   Y1, Y0, Y3    \
	VMOVDQU   288(R13), Y0  \
	VPSHUFB   Y2, Y0, Y0    \
	VPAND     Y0, Y3, Y0    \
	VPSLLW    $7, Y0, Y3    \
	VPMOVMSKB Y3, literals  \
	MOVL      literals, out+8(DI) \
	VPCMPEQB  Y6, Y0, Y0    \
	VPMOVMSKB Y0, literals  \
	NOTL      literals      \
	MOVL      literals, out+16(DI) \
	VPSHUFB   Y1, Y7, Y3    \
	VPSHUFB   Y2, Y8, Y0    \
	VPAND     Y0, Y3, Y0    \
	VPSHUFB   Y1, Y9, Y3    \
	VPSHUFB   Y2, Y10, Y5   \
	VPAND     Y5, Y3, Y3    \
	VMOVDQU   320(R13), Y4  \
	VPSHUFB   Y1, Y4, Y4    \
	VMOVDQU   352(R13), Y5  \
	VPSHUFB   Y2, Y5, Y5    \
	VPAND     Y5, Y4, Y4    \
	VPSLLW    $7, Y0, Y1    \
	VPMOVMSKB Y1, digits    \
	VPSLLW    $1, Y0, Y1    \
	VPMOVMSKB Y1, literals  \
	MOVL      literals, out(DI) \
	VPAND     512(R13), Y0, Y1 \
	VPCMPEQB  Y6, Y1, Y1    \
	VPMOVMSKB Y1, words     \
	VPAND     544(R13), Y0, Y1 \
	VPCMPEQB  Y6, Y1, Y1    \
	VPMOVMSKB Y1, marks     \
	VMOVDQU   off+1(SI), Y0 \
	NIBBLES                 \
	LITERAL(Y11, Y12, 384, 416) \
	VMOVDQU   off+2(SI), Y0 \
	NIBBLES                 \
	LITERAL(Y13, Y14, 448, 480) \
	VPOR      Y4, Y3, Y3    \
	VPCMPEQB  Y6, Y3, Y3    \
	VPMOVMSKB Y3, literals

#define JOIN(low, high) \
	SHLQ $32, high \
	ORQ  high, low

// func masksAVX2(out *masks, p *byte, blocks int, tables *kernelTables)
TEXT ·masksAVX2(SB), NOSPLIT, $0-32
	MOVQ out+0(FP), DI
	MOVQ p+8(FP), SI
	MOVQ blocks+16(FP), R12
	MOVQ tables+24(FP), R13

	VMOVDQU 0(R13), Y7
	VMOVDQU 32(R13), Y8
	VMOVDQU 64(R13), Y9
	VMOVDQU 96(R13), Y10
	VMOVDQU 128(R13), Y11
	VMOVDQU 160(R13), Y12
	VMOVDQU 192(R13), Y13
	VMOVDQU 224(R13), Y14
	MOVQ    $0x0f0f0f0f0f0f0f0f, AX
	VMOVQ   AX, X15
	VPBROADCASTQ X15, Y15
	VPXOR   Y6, Y6, Y6

block:
	TESTQ R12, R12
	JEQ   done
	HALF(0, AX, BX, CX, DX, 32)
	HALF(32, R8, R9, R10, R11, 36)
	JOIN(AX, R8)
	JOIN(BX, R9)
	JOIN(CX, R10)
	JOIN(DX, R11)
	NOTQ BX
	NOTQ CX
	NOTQ DX
	MOVQ AX, 0(DI)
	MOVQ BX, 8(DI)
	MOVQ CX, 16(DI)
	MOVQ DX, 24(DI)
	ADDQ $64, SI
	ADDQ $56, DI
	DECQ R12
	JMP  block

done:
	VZEROUPPER
	RET

// func controlsAVX2(p *byte, blocks int, tables *controlTables) int
TEXT ·controlsAVX2(SB), NOSPLIT, $0-32
	MOVQ p+0(FP), SI
	MOVQ blocks+8(FP), R12
	MOVQ tables+16(FP), R13
	VMOVDQU 0(R13), Y7
	VMOVDQU 32(R13), Y8
	MOVQ    $0x0f0f0f0f0f0f0f0f, AX
	VMOVQ   AX, X15
	VPBROADCASTQ X15, Y15
	VPXOR   Y6, Y6, Y6
	XORQ    DX, DX

count:
	TESTQ R12, R12
	JEQ   counted
	VMOVDQU (SI), Y0
	NIBBLES
	VPSHUFB   Y1, Y7, Y3
	VPSHUFB   Y2, Y8, Y0
	VPAND     Y0, Y3, Y0
	VPCMPEQB  Y6, Y0, Y0
	VPMOVMSKB Y0, AX
	NOTL    AX
	POPCNTL AX, AX
	ADDQ    AX, DX
	ADDQ    $32, SI
	DECQ    R12
	JMP     count

counted:
	VZEROUPPER
	MOVQ DX, ret+24(FP)
	RET
