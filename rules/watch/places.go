package watch

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"
)

// places keeps notifications on a changing set of directories. A directory that was replaced by
// another of the same name is a different directory, so they are told apart by identity.
type places struct {
	notify  *fsnotify.Watcher
	log     *zap.Logger
	watched map[string]os.FileInfo
	warned  map[string]bool // directories that could not be watched, said once each
}

func newPlaces(notify *fsnotify.Watcher, log *zap.Logger) *places {
	return &places{notify: notify, log: log, watched: map[string]os.FileInfo{}, warned: map[string]bool{}}
}

// follow watches exactly the given directories, as far as they exist.
func (p *places) follow(directories []string) {
	wanted := make(map[string]bool, len(directories))
	alive := p.notify.WatchList()
	for _, directory := range directories {
		wanted[directory] = true
		info, err := os.Stat(directory)
		if before, ok := p.watched[directory]; ok {
			// A directory that was removed and made again can have the identity of the old one, whose
			// watch is gone.
			if err == nil && os.SameFile(before, info) && slices.Contains(alive, directory) {
				continue
			}
			p.forget(directory)
		}
		if err != nil || !info.IsDir() {
			continue
		}
		if err := p.notify.Add(directory); err != nil {
			p.warn(directory, err)
			continue
		}
		p.watched[directory] = info
		delete(p.warned, directory)
	}
	for directory := range p.watched {
		if !wanted[directory] {
			p.forget(directory)
		}
	}
}

func (p *places) forget(directory string) {
	// An error means that the system has forgotten the directory already.
	_ = p.notify.Remove(directory)
	delete(p.watched, directory)
}

func (p *places) warn(directory string, err error) {
	if p.warned[directory] || errors.Is(err, fs.ErrNotExist) {
		return
	}
	p.warned[directory] = true
	p.log.Warn("changes in this directory are noticed by polling alone", zap.String("directory", directory), zap.Error(err))
}
