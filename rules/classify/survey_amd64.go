package classify

//go:noescape
func surveyAVX2(masks *uint64, p *byte, blocks int, tables *surveyTables) (escaped, folded uint64, controls uint32)

func vectorSurvey(masks *surveyMasks, at int, p []byte) (escaped, folded uint64, controls bool) {
	escaped, folded, control := surveyAVX2(&masks.base64[at], &p[0], len(p)/64, &surveyed)
	return escaped, folded, control != 0
}
