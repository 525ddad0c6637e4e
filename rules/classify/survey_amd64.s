#include "textflag.h"

// The class of a byte is looked up by its two halves: in Y7 by the low one and in Y8 by the high one for
// characters of base64, in Y9 and Y10 for all other classes.

// HALF surveys 32 bytes at offset off: the complements of the bits of base64's characters, of escapes and of
// characters that may be folded. All classes that it meets are gathered in Y3.
#define HALF(off, base64, escapes, folds) \
	VMOVDQU   off(SI), Y0   \
	VPAND     Y15, Y0, Y1   \
	VPSRLW    $4, Y0, Y2    \
	VPAND     Y15, Y2, Y2   \
	VPSHUFB   Y1, Y7, Y11   \
	VPSHUFB   Y2, Y8, Y12   \
	VPAND     Y11, Y12, Y11 \
	VPCMPEQB  Y6, Y11, Y11  \
	VPMOVMSKB Y11, base64   \
	VPSHUFB   Y1, Y9, Y1    \
	VPSHUFB   Y2, Y10, Y2   \
	VPAND     Y1, Y2, Y1    \
	VPOR      Y1, Y3, Y3    \
	VPAND     Y5, Y1, Y2    \
	VPCMPEQB  Y6, Y2, Y2    \
	VPMOVMSKB Y2, escapes   \
	VPAND     Y4, Y1, Y1    \
	VPCMPEQB  Y6, Y1, Y1    \
	VPMOVMSKB Y1, folds

#define JOIN(low, high) \
	SHLQ $32, high \
	ORQ  high, low \
	NOTQ low

// NOTE shifts into the top of summary whether mask has any bit.
#define NOTE(mask, summary) \
	NEGQ mask        \
	RCRQ $1, summary

// func surveyAVX2(masks *uint64, p *byte, blocks int, tables *surveyTables) (escaped, folded uint64, controls uint32)
TEXT ·surveyAVX2(SB), NOSPLIT, $0-52
	MOVQ masks+0(FP), DI
	MOVQ p+8(FP), SI
	MOVQ blocks+16(FP), R12
	MOVQ tables+24(FP), R13

	VMOVDQU 0(R13), Y7
	VMOVDQU 32(R13), Y8
	VMOVDQU 64(R13), Y9
	VMOVDQU 96(R13), Y10
	MOVQ    $0x0f0f0f0f0f0f0f0f, AX
	VMOVQ   AX, X15
	VPBROADCASTQ X15, Y15
	MOVQ    $0x0c0c0c0c0c0c0c0c, AX // escapeClasses
	VMOVQ   AX, X5
	VPBROADCASTQ X5, Y5
	MOVQ    $0x0303030303030303, AX // foldClasses
	VMOVQ   AX, X4
	VPBROADCASTQ X4, Y4
	VPXOR   Y6, Y6, Y6
	VPXOR   Y3, Y3, Y3
	XORQ    DX, DX
	XORQ    R11, R11

// The masks of one class stand 8*surveyBlocks bytes from those of the next.
block:
	TESTQ R12, R12
	JEQ   done
	HALF(0, AX, BX, CX)
	HALF(32, R8, R9, R10)
	JOIN(AX, R8)
	JOIN(BX, R9)
	JOIN(CX, R10)
	MOVQ AX, 0(DI)
	MOVQ BX, 256(DI)
	MOVQ CX, 512(DI)
	NOTE(BX, DX)
	NOTE(CX, R11)
	ADDQ $64, SI
	ADDQ $8, DI
	DECQ R12
	JMP  block

done:
	// The first block's bits are down by as many places as there were blocks.
	MOVQ $64, CX
	SUBQ blocks+16(FP), CX
	SHRQ CX, DX
	SHRQ CX, R11
	MOVQ DX, escaped+32(FP)
	MOVQ R11, folded+40(FP)
	VPSLLW    $1, Y3, Y0 // controlClasses are bits 4 to 6
	VPSLLW    $2, Y3, Y1
	VPSLLW    $3, Y3, Y2
	VPOR      Y0, Y1, Y0
	VPOR      Y0, Y2, Y0
	VPMOVMSKB Y0, AX
	MOVL      AX, controls+48(FP)
	VZEROUPPER
	RET
