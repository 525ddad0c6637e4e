//go:build !amd64

package classify

func vectorSurvey(*surveyMasks, int, []byte) (escaped, folded uint64, controls bool) {
	panic("no vector kernel for this processor")
}
