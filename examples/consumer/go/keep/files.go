package keep

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
)

// Files is a Store: a directory that has a file for each outcome. It is for one machine.
type Files string

// Put implements Store. An id is good for a file's name: outcomes.Decode has seen to it.
func (dir Files) Put(_ context.Context, id string, data []byte) (isNew bool, err error) {
	temp, err := os.CreateTemp(string(dir), ".new-*")
	if err != nil {
		return false, err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(data)
	if err := errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return false, err
	}
	// A name is linked once, and then to all of the data.
	err = os.Link(temp.Name(), filepath.Join(string(dir), id+".json"))
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, errors.Join(err, dir.sync())
}

// sync makes the names in the directory outlive a crash.
func (dir Files) sync() error {
	d, err := os.Open(string(dir))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// All implements Store.
func (dir Files) All(context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		names, err := filepath.Glob(filepath.Join(string(dir), "*.json"))
		if err != nil {
			yield(nil, err)
			return
		}
		for _, name := range names {
			if data, err := os.ReadFile(name); !yield(data, err) || err != nil {
				return
			}
		}
	}
}
