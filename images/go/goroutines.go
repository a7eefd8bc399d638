package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/go-delve/delve/pkg/proc"
	"github.com/go-delve/delve/pkg/proc/native"
	"golang.org/x/sys/unix"
)

// deepest is as many frames as Go itself prints of a goroutine.
const deepest = 100

// stacks is what a process was seen to do.
type stacks struct {
	goroutines []seen
	reasons    []string
	total      int
	at         int64 // nanoseconds of the monotonic clock, which is the one of the runtime
	pause      time.Duration
}

type seen struct {
	*proc.G
	frames []proc.Stackframe
	err    error
}

func goroutines(word, started, most string) error {
	pid, err := process(word, started)
	if err != nil {
		return err
	}
	limit, err := strconv.Atoi(most)
	if err != nil {
		return err
	}
	told, isGo, err := inspect(word)
	if err != nil {
		return err
	} else if !isGo || !told.Dwarf {
		return fmt.Errorf("process %d has no debug information, which tells where its goroutines are", pid)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGHUP)
	warm(pid)
	if takes := loading(pid); takes > time.Duration(limit)*time.Millisecond {
		return fmt.Errorf("to read the debug information takes %d ms, for which the process would stand still", takes.Milliseconds())
	}
	hurry()
	found, err := look(pid, time.Duration(limit)*time.Millisecond, stop)
	if err != nil {
		if startTime(pid) != started {
			return errGone
		}
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	found.print(out)
	return out.Flush()
}

// loading is how long Delve takes to read the program, which it does while the process stands still; here it does not yet.
func loading(pid int) time.Duration {
	began := time.Now()
	info := proc.NewBinaryInfo("linux", runtime.GOARCH, false)
	// Where it was loaded to makes no difference to how long that takes.
	_ = info.LoadBinaryInfo(fmt.Sprintf("/proc/%d/exe", pid), 1, nil)
	_ = info.Close()
	return time.Since(began)
}

// look pauses the process, for about as long as it is allowed to.
func look(pid int, limit time.Duration, stop <-chan os.Signal) (found stacks, err error) {
	began := time.Now()
	group, err := native.Attach(pid, nil, nil)
	if err != nil {
		return found, err
	}
	defer func() {
		detaching := group.Detach(false)
		found.pause = time.Since(began)
		if err == nil {
			err = detaching
		}
	}()
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	found.at = now.Nano()
	target := group.Selected
	all, _, err := proc.GoroutinesInfo(target, 0, 0)
	if err != nil {
		return found, err
	}
	found.total = len(all)
	found.reasons = reasons(target)
	for _, each := range all {
		select {
		case <-stop:
			return found, errors.New("stopped")
		default:
		}
		if time.Since(began) > limit {
			break
		}
		if each.Unreadable != nil {
			found.goroutines = append(found.goroutines, seen{G: each, err: each.Unreadable})
			continue
		}
		frames, err := proc.GoroutineStacktrace(target, each, deepest, proc.StacktraceSimple)
		found.goroutines = append(found.goroutines, seen{each, frames, err})
	}
	return found, nil
}

// reasons are the words that the runtime itself has for why a goroutine waits.
func reasons(target *proc.Target) (words []string) {
	scope, err := proc.ThreadScope(target, target.CurrentThread())
	if err != nil {
		return nil
	}
	value, err := scope.EvalExpression("runtime.waitReasonStrings", proc.LoadConfig{MaxStringLen: 64, MaxArrayValues: 128})
	if err != nil {
		return nil
	}
	for _, each := range value.Children {
		words = append(words, unquote(each.Value.ExactString()))
	}
	return words
}

func unquote(word string) string {
	if plain, err := strconv.Unquote(word); err == nil {
		return plain
	}
	return word
}

// print writes it as Go's own runtime does (goroutine?debug=2 of net/http/pprof), behind a line about how it was had.
func (found stacks) print(out io.Writer) {
	fmt.Fprintf(out, "# %d of %d goroutines, of a process paused for %.1f ms by Delve %s\n", len(found.goroutines), found.total,
		float64(found.pause.Microseconds())/1000, delveVersion())
	for _, each := range found.goroutines {
		fmt.Fprintf(out, "\ngoroutine %d [%s]:\n", each.ID, found.state(each.G))
		if each.err != nil {
			fmt.Fprintf(out, "# its stack can't be read: %s\n", oneLine(each.err.Error()))
		}
		for _, frame := range each.frames {
			place := frame.Call
			if place.Fn == nil || place.Fn.Name == "runtime.goexit" {
				continue
			}
			fmt.Fprintf(out, "%s(...)\n\t%s:%d +0x%x\n", place.Fn.Name, place.File, place.Line, place.PC-place.Fn.Entry)
		}
		if place := each.Go(); each.err == nil && place.Fn != nil && each.GoPC != 0 {
			fmt.Fprintf(out, "created by %s\n\t%s:%d +0x%x\n", place.Fn.Name, place.File, place.Line, place.PC-place.Fn.Entry)
		}
	}
}

func (found stacks) state(g *proc.G) string {
	words := map[uint64]string{proc.Gidle: "idle", proc.Grunnable: "runnable", proc.Grunning: "running", proc.Gsyscall: "syscall", proc.Gcopystack: "copystack"}
	state, known := words[g.Status&^0x1000]
	if !known {
		state = "waiting"
		if int(g.WaitReason) < len(found.reasons) && found.reasons[g.WaitReason] != "" {
			state = found.reasons[g.WaitReason]
		}
	}
	if minutes := (found.at - g.WaitSince) / int64(time.Minute); g.WaitSince > 0 && minutes >= 1 {
		state += fmt.Sprintf(", %d minutes", minutes)
	}
	return state
}
