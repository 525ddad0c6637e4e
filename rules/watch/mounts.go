package watch

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// fixedMounts returns which of the files are mount points themselves, and which of the directories
// are mounted from a part of a volume (Kubernetes subPath). Neither follows what the volume holds
// later. The mount table is in the form of proc_pid_mountinfo(5); where there is none, as on
// systems other than Linux, nothing is known and nothing returned.
func fixedMounts(table string, files, directories []string) []string {
	f, err := os.Open(table)
	if err != nil {
		return nil
	}
	defer f.Close()
	roots := map[string]string{} // by mount point
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 4 {
			roots[unescape.Replace(fields[4])] = fields[3]
		}
	}
	var fixed []string
	for _, path := range files {
		if absolute, err := filepath.Abs(path); err == nil && roots[absolute] != "" {
			fixed = append(fixed, path)
		}
	}
	for _, path := range directories {
		if absolute, err := filepath.Abs(path); err == nil && strings.Contains(roots[absolute], "/volume-subpaths/") {
			fixed = append(fixed, path)
		}
	}
	slices.Sort(fixed)
	return slices.Compact(fixed)
}

// unescape undoes the octal escapes of the mount table.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
