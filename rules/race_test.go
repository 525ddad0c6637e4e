//go:build race

package rules

// raceEnabled says that pools drop what they hold at random.
const raceEnabled = true
