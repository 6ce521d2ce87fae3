package buildtest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// readFile reads a file: of the repository, if its path is relative.
func readFile(t *testing.T, name string) string {
	t.Helper()
	if !filepath.IsAbs(name) {
		name = filepath.Join(moduleRoot(t), name)
	}
	text, err := os.ReadFile(name)
	must(t, err)
	return string(text)
}

// writeFile makes a file that can be run, and the directories above it.
func writeFile(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(text), 0o755))
}

// filesOf are the text of the repository's files that end in ext, the provider's
// too, by their names.
func filesOf(t *testing.T, ext string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, name := range filesIn(t, moduleRoot(t)) {
		if strings.HasSuffix(name, ext) {
			found[name] = readFile(t, name)
		}
	}
	return found
}

// filesIn lists the files below a directory but those of git and Terraform.
func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	must(t, fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !entry.IsDir():
			names = append(names, name)
		case entry.Name() == ".git" || entry.Name() == ".terraform":
			return fs.SkipDir
		}
		return nil
	}))
	return names
}

// gitFiles are the repository's files that git would have in a commit of all.
func gitFiles(t *testing.T) []string {
	t.Helper()
	out, err := output(t, moduleRoot(t), nil, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		t.Skipf("git cannot list the files; run this in a clone: %v", err)
	}
	return strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
}

// copyFiles copies files, and links as links. What is deleted in the working tree
// is left out.
func copyFiles(t *testing.T, from, to string, names []string) {
	t.Helper()
	for _, name := range names {
		source, target := filepath.Join(from, name), filepath.Join(to, name)
		info, err := os.Lstat(source)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		must(t, err)
		must(t, os.MkdirAll(filepath.Dir(target), 0o755))
		if info.Mode()&fs.ModeSymlink != 0 {
			link, err := os.Readlink(source)
			must(t, err)
			must(t, os.Symlink(link, target))
			continue
		}
		must(t, os.WriteFile(target, []byte(readFile(t, source)), info.Mode().Perm()))
	}
}

// linkTree makes hard links: Terraform does not follow links to directories
// there, and the stand-ins are large.
func linkTree(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range filesIn(t, from) {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755))
		if os.Link(filepath.Join(from, name), filepath.Join(to, name)) != nil {
			copyFiles(t, from, to, []string{name}) // another file system
		}
	}
}
