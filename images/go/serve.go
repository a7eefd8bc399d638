package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/go-delve/delve/service"
	"github.com/go-delve/delve/service/api"
	"github.com/go-delve/delve/service/debugger"
	"github.com/go-delve/delve/service/rpc2"
	"github.com/go-delve/delve/service/rpccommon"
)

// again is how long a client that left, or whose line broke, may take to come back.
const again = 10 * time.Second

// session is a process under a debugger, and who controls it.
type session struct {
	server  *rpccommon.ServerImpl
	gate    *gate
	control *rpc2.RPCClient
	last    *last
	key     ed25519.PublicKey

	mutex   sync.Mutex // of what follows; nobody comes in while the process is made to run on
	over    bool       // nobody comes in any more, and nothing is to run on but by detaching
	came    bool       // somebody did, if only for a moment
	clients map[net.Conn]bool
	idle    *time.Timer
}

// known is what `ready` prints.
type known struct {
	program
	Delve string  `json:"delve"`
	Pause float64 `json:"pauseMs"`
	Root  string  `json:"root"`
}

func serve(folder, word, started, key, first string) error {
	pid, err := process(word, started)
	if err != nil {
		return err
	}
	public, err := hex.DecodeString(key)
	if err != nil || len(public) != ed25519.PublicKeySize {
		return errors.New("the key is none")
	}
	seconds, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	told, isGo, err := inspect(word)
	if err != nil {
		return err
	} else if !isGo {
		return fmt.Errorf("process %d is not a Go program", pid)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	s := &session{key: public, clients: map[net.Conn]bool{}}
	if s.last, err = openLast(pid); err != nil {
		return err
	}
	if err := private(); err != nil {
		return err
	}
	listener, err := listen(folder)
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	detached := make(chan struct{})
	s.gate = newGate(listener.Addr())
	s.server = rpccommon.NewServer(&service.Config{
		Listener: s.gate, AcceptMulti: true, APIVersion: 2, DisconnectChan: detached,
		Debugger: debugger.Config{AttachPid: pid, Backend: "native"},
	})
	warm(pid)
	calm := hurry()
	began := time.Now()
	if err := s.server.Run(); err != nil {
		if startTime(pid) != started {
			return errGone
		}
		return err
	}
	s.idle = time.NewTimer(time.Duration(seconds) * time.Second)
	root := s.begin(told)
	pause := float64(time.Since(began).Microseconds()) / 1000
	calm()
	go s.accept(listener)
	if err := publish(folder, known{told, delveVersion(), pause, root}); err != nil {
		fmt.Fprintf(os.Stderr, "keeper: %v\n", err)
	}
	why := s.attend(stop, detached, pid, started)
	listener.Close()
	if err := s.finish(); err != nil && why != "exited" {
		return err
	}
	fmt.Println(why)
	return nil
}

func listen(folder string) (net.Listener, error) {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(folder+"/pid", fmt.Appendf(nil, "%d %s\n", os.Getpid(), startTime(os.Getpid())), 0o600); err != nil {
		return nil, err
	}
	return net.Listen("unix", folder+"/s")
}

// warm reads the program, so that the process does not wait for a disk while Delve reads it.
func warm(pid int) {
	if file, err := os.Open(fmt.Sprintf("/proc/%d/exe", pid)); err == nil {
		_, _ = io.Copy(io.Discard, file)
		file.Close()
	}
}

// begin connects us as a client like others, looks up what has to be looked up while the process stands, and lets it run.
func (s *session) begin(told program) (root string) {
	ours, theirs := net.Pipe()
	s.gate.pass(theirs)
	s.control = rpc2.NewClientFromConn(ours)
	if places, _, err := s.control.FindLocation(api.EvalScope{GoroutineID: -1}, "main.main", false, nil); err == nil && len(places) > 0 {
		root = told.root(places[0].File)
	}
	s.proceed()
	return root
}

// proceed lets the process run, and again when it stops while no client is there to see it: at a fatal panic, say.
func (s *session) proceed() {
	go func() {
		for state := range s.control.Continue() {
			if state.Exited || state.Err != nil {
				return
			}
		}
		s.mutex.Lock()
		defer s.mutex.Unlock()
		if len(s.clients) == 0 && !s.over {
			s.proceed()
		}
	}()
}

func (s *session) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go s.take(conn)
	}
}

// take is one client, from its connection to its end.
func (s *session) take(conn net.Conn) {
	defer conn.Close()
	if err := authentic(conn, s.key); err != nil {
		return
	}
	requests, checked := io.Pipe()
	err := guard(conn, checked, func() error {
		if err := s.come(conn); err != nil {
			return err
		}
		s.gate.pass(guarded{conn, requests})
		return nil
	})
	if err != nil {
		fmt.Fprintf(os.Stderr, "keeper: a client: %v\n", err)
	}
	checked.Close()
	s.leave(conn)
}

func (s *session) come(conn net.Conn) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.over {
		return net.ErrClosed
	}
	s.clients[conn], s.came = true, true
	s.last.arm(true)
	s.idle.Stop()
	return nil
}

// leave has the process run on without breakpoints as soon as nobody is there who could let it.
func (s *session) leave(conn net.Conn) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.clients[conn] {
		return // never asked anything
	}
	delete(s.clients, conn)
	if len(s.clients) > 0 || s.over {
		return
	}
	s.calm()
	s.last.arm(false)
	s.idle.Reset(again)
}

func (s *session) calm() {
	if state, err := s.control.GetStateNonBlocking(); err != nil || state.Exited {
		return
	} else if state.Running {
		if _, err := s.control.Halt(); err != nil {
			return
		}
	}
	_ = s.control.CancelNext()
	breakpoints, _ := s.control.ListBreakpoints(true)
	for _, each := range breakpoints {
		if each.ID > 0 {
			_, _ = s.control.ClearBreakpoint(each.ID)
		}
	}
	s.proceed()
}

// attend waits for the end, and tells why it came.
func (s *session) attend(stop <-chan os.Signal, detached <-chan struct{}, pid int, started string) string {
	tick := time.NewTicker(time.Second)
	for {
		select {
		case <-stop:
			return "asked"
		case <-detached:
			return "left"
		case <-s.idle.C:
			s.mutex.Lock()
			came := s.came
			s.mutex.Unlock()
			if came {
				return "left"
			}
			return "idle"
		case <-tick.C:
			if startTime(pid) != started {
				return "exited"
			}
		}
	}
}

// finish has Delve clear what it set and detach. It takes as long as it takes: a debugger that is killed takes the process with it.
func (s *session) finish() error {
	s.mutex.Lock()
	s.over = true
	for conn := range s.clients {
		conn.Close()
	}
	s.mutex.Unlock()
	return s.server.Stop()
}

func publish(folder string, what known) error {
	content, err := json.Marshal(what)
	if err != nil {
		return err
	}
	name := filepath.Join(folder, "ready")
	if err := os.WriteFile(name+".new", append(content, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
