package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
)

const prSetDumpable = 4

// private keeps others of the same user from reading our memory and using our files: whoever may exec into the container has that user.
func private() error {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, 0, 0); errno != 0 {
		return fmt.Errorf("prctl: %w", errno)
	}
	return nil
}

// last says who goes first when memory is short: we, unless a breakpoint may be set. Then our end would be the end of the process.
type last struct {
	file  *os.File
	armed string
}

// openLast has to come before private, after which the file is root's.
func openLast(pid int) (*last, error) {
	file, err := os.OpenFile("/proc/self/oom_score_adj", os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	target, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid))
	return &last{file, strings.TrimSpace(string(target))}, err
}

// arm gives us the score of the process itself, or the lowest that we may have.
func (l *last) arm(armed bool) {
	scores := []string{"1000"}
	if armed {
		scores = []string{l.armed, "0", "500"}
	}
	for _, score := range scores {
		if _, err := l.file.WriteAt([]byte(score), 0); err == nil {
			return
		}
	}
}

// hurry puts our own housekeeping off for as long as the process stands still because of us; what it gives ends that.
func hurry() func() {
	before := debug.SetGCPercent(-1)
	debug.SetMemoryLimit(1 << 30)
	return func() { debug.SetGCPercent(before) }
}
