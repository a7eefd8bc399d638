package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func ready(folder, word string) error {
	seconds, err := strconv.Atoi(word)
	if err != nil {
		return err
	}
	for until := time.Now().Add(time.Duration(seconds) * time.Second); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		content, err := os.ReadFile(folder + "/ready")
		if err == nil {
			_, err = os.Stdout.Write(content)
			return err
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return fmt.Errorf("not ready within %d s", seconds)
}

// end asks again and again, and never by force; for as long as an undo may take.
func end(folder string) error {
	content, err := os.ReadFile(folder + "/pid")
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it never began, or it is over
	} else if err != nil {
		return err
	}
	var pid int
	var started string
	if _, err := fmt.Sscan(strings.TrimSpace(string(content)), &pid, &started); err != nil {
		return err
	}
	for tries := 0; tries < 110; tries++ {
		if startTime(pid) != started {
			return os.RemoveAll(folder)
		}
		if tries%20 == 0 {
			_ = syscall.Kill(pid, syscall.SIGTERM)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("the debugger with pid %d has not ended", pid)
}
