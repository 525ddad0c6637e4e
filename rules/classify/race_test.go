//go:build race

package classify

// raceEnabled says that pools drop what they hold at random.
const raceEnabled = true
