package main

import (
	"debug/buildinfo"
	"debug/elf"
	"fmt"
	"path"
	"strings"

	"github.com/go-delve/delve/pkg/version"
)

func delveVersion() string {
	return version.DelveVersion.Major + "." + version.DelveVersion.Minor + "." + version.DelveVersion.Patch
}

// program is what the file of a process says of itself.
type program struct {
	Go      string `json:"go"`      // empty where it is a Go program that does not say which
	Module  string `json:"module"`  // path of the main module
	Package string `json:"package"` // path of the main package
	Dwarf   bool   `json:"dwarf"`   // whether variables and types can be told
	Plain   bool   `json:"plain"`   // compiled without optimisations
	Trimmed bool   `json:"trimmed"` // -trimpath
}

// inspect reads the file of the process; false where it is no Go program.
func inspect(pid string) (program, bool, error) {
	exe := "/proc/" + pid + "/exe"
	file, err := elf.Open(exe)
	if err != nil {
		return program{}, false, err
	}
	defer file.Close()
	has := func(names ...string) bool {
		for _, name := range names {
			if section := file.Section(name); section != nil && section.Type != elf.SHT_NOBITS {
				return true
			}
		}
		return false
	}
	if !has(".gopclntab", ".note.go.buildid", ".go.buildinfo", ".data.rel.ro.gopclntab") {
		return program{}, false, nil
	}
	told := program{Dwarf: has(".debug_info", ".zdebug_info")}
	info, err := buildinfo.ReadFile(exe)
	if err != nil {
		return told, true, nil // built without modules, say
	}
	told.Go, told.Module, told.Package = info.GoVersion, info.Main.Path, info.Path
	for _, setting := range info.Settings {
		switch setting.Key {
		case "-trimpath":
			told.Trimmed = setting.Value == "true"
		case "-gcflags":
			told.Plain = strings.Contains(setting.Value, "-N")
		}
	}
	return told, true, nil
}

func tell(pid string) error {
	told, isGo, err := inspect(pid)
	if err != nil || !isGo {
		return nil // it may be gone, or not be ours to look at
	}
	version := told.Go
	if version == "" {
		version = "unknown"
	}
	fmt.Printf("go %s\n", oneLine(version))
	fmt.Printf("go-dwarf %t\ngo-plain %t\n", told.Dwarf, told.Plain)
	return nil
}

func oneLine(text string) string {
	return strings.Join(strings.Fields(text), " ")
}

// root is the folder of the main module as the program's line table has it, from the file of main.main.
func (told program) root(file string) string {
	below, found := strings.CutPrefix(told.Package, told.Module)
	folder := path.Dir(file)
	if !found {
		return folder
	}
	return strings.TrimSuffix(folder, below)
}
