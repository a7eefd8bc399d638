// keeper is the debugger of the debug container: Delve as a library, which attaches, serves its clients, and on every way out
// clears breakpoints, lets the process run and detaches.
//
//	keeper tell PID                                    what the program of PID is, a line each: KEY VALUE; nothing of what is no Go program
//	keeper serve FOLDER PID STARTED KEY FIRST          attaches and serves clients at FOLDER/s until it is told to end
//	keeper ready FOLDER SECONDS                        waits until it serves, and prints what it knows of the process
//	keeper relay FOLDER                                stdin (base64 lines) and stdout are a connection to FOLDER/s
//	keeper end FOLDER                                  ends it, and waits for its end
//	keeper goroutines PID STARTED MAX                  the stacks of all goroutines, on stdout; pauses the process for MAX ms at most
//
// A process is its PID and the time at which it STARTED (field 22 of /proc/PID/stat).
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Exit codes; kprof.sh has the same for a process that is gone.
const (
	failed = 1
	usage  = 64
	gone   = 5
)

var errGone = errors.New("the process ended")

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "keeper: %v\n", err)
		if code == 0 {
			code = failed
		}
		if errors.Is(err, errGone) {
			code = gone
		}
	}
	os.Exit(code)
}

func run(args []string) (int, error) {
	switch {
	case len(args) == 2 && args[0] == "tell":
		return 0, tell(args[1])
	case len(args) == 6 && args[0] == "serve":
		return 0, serve(args[1], args[2], args[3], args[4], args[5])
	case len(args) == 3 && args[0] == "ready":
		return 0, ready(args[1], args[2])
	case len(args) == 2 && args[0] == "relay":
		return 0, relay(args[1])
	case len(args) == 2 && args[0] == "end":
		return 0, end(args[1])
	case len(args) == 4 && args[0] == "goroutines":
		return 0, goroutines(args[1], args[2], args[3])
	}
	return usage, fmt.Errorf("no such command: %s", strings.Join(args, " "))
}

// startTime is field 22 of /proc/PID/stat; empty when there is no such process, or when it is a zombie.
func startTime(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return fields[19]
}

// process checks that PID still is the process that STARTED then.
func process(word, started string) (int, error) {
	pid, err := strconv.Atoi(word)
	if err != nil || pid <= 0 {
		return 0, fmt.Errorf("%q is no pid", word)
	}
	if startTime(pid) != started {
		return 0, errGone
	}
	return pid, nil
}
