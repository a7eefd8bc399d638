// A Go program that is there to be profiled: main.hotLoop burns, main.allocate keeps memory, main.contend waits.
//
// Its arguments are servers, `key=value` joined with commas, each one of:
//
//	addr=:6060           where it listens; port 0 is a random one
//	prefix=/internal     what stands before /debug/pprof/
//	auth=user:password   basic authentication
//	tls=1                HTTPS with a certificate for another name
//	write=10s            WriteTimeout
//	serve=none|http|tcp  no pprof endpoint: nothing, another page, another protocol
//
// Its environment: BURN, RATES, GOROUTINES=N that wait, STALL=1 to print each second for how long it stood still, DRAIN=5s to go on for so
// long when it is told to end.
//
// With `twin` as its first argument it starts itself once more, with the arguments behind the word `and`.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	custom "runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	kept [][]byte
	sink uint64
	lock sync.Mutex
	// Profiles that are being taken.
	watchers int32
)

//go:noinline
func hotLoop(n uint64) (x uint64) {
	for i := uint64(0); i < n; i++ {
		x = x*6364136223846793005 + step(i)
	}
	return x
}

// Inlined into hotLoop.
func step(i uint64) uint64 { return i ^ i>>7 }

//go:noinline
func allocate() {
	kept = append(kept, make([]byte, 1<<20))
	if len(kept) > 32 {
		kept = kept[1:]
	}
}

//go:noinline
func contend() {
	for {
		lock.Lock()
		time.Sleep(20 * time.Millisecond)
		lock.Unlock()
	}
}

//go:noinline
func waitForWork(work chan int) {
	for range work {
	}
}

// While it is watched, burns some 25 ms four times a second, or BURN times as much; else once in 10 s, since there are many
// of it. It is work that is measured, not time, which a busy machine gives to others; on one thread and in few pieces,
// since the kernel counts a thread's time in ticks.
func work(jobs chan int) {
	runtime.LockOSThread()
	burn, _ := strconv.Atoi(os.Getenv("BURN"))
	if burn == 0 {
		burn = 1
	}
	for i := 0; ; i++ {
		pause := 475 * time.Millisecond
		if atomic.LoadInt32(&watchers) > 0 {
			pause = 225 * time.Millisecond
		}
		if i%20 == 0 || atomic.LoadInt32(&watchers) > 0 {
			sink += hotLoop(uint64(burn) * 20e6)
		}
		allocate()
		jobs <- i
		time.Sleep(pause)
	}
}

func watched(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		atomic.AddInt32(&watchers, 1)
		defer atomic.AddInt32(&watchers, -1)
		next(w, r)
	}
}

func handler(prefix string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", watched(pprof.Profile))
	mux.HandleFunc("/debug/pprof/trace", watched(pprof.Trace))
	if prefix == "" {
		return mux
	}
	return http.StripPrefix(prefix, mux)
}

func withAuth(user, password string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="debug"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"app.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func serve(options map[string]string) {
	listener, err := net.Listen("tcp", options["addr"])
	must(err)
	if options["serve"] == "tcp" {
		speak(listener)
		return
	}
	next := handler(options["prefix"])
	if options["serve"] == "http" {
		next = http.NotFoundHandler()
	}
	if auth := strings.SplitN(options["auth"], ":", 2); len(auth) == 2 {
		next = withAuth(auth[0], auth[1], next)
	}
	server := &http.Server{Handler: next}
	if write := options["write"]; write != "" {
		server.WriteTimeout, err = time.ParseDuration(write)
		must(err)
	}
	if options["tls"] != "" {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate()}}
		must(server.ServeTLS(listener, "", ""))
	}
	must(server.Serve(listener))
}

// Speaks no HTTP.
func speak(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		must(err)
		fmt.Fprintf(conn, "-ERR unknown command\r\n")
		conn.Close()
	}
}

// Goroutines that wait, at stacks of eight depths.
func park(n int) {
	never := make(chan int)
	for i := 0; i < n; i++ {
		go descend(i%8, never)
	}
}

//go:noinline
func descend(n int, never chan int) {
	if n > 0 {
		descend(n-1, never)
		return
	}
	<-never
}

// Milliseconds, the longest since the last line.
func printStalls() {
	longest := time.Duration(0)
	for last, printed := time.Now(), time.Now(); ; {
		time.Sleep(time.Millisecond)
		now := time.Now()
		if now.Sub(last) > longest {
			longest = now.Sub(last)
		}
		last = now
		if now.Sub(printed) >= time.Second {
			fmt.Printf("stall=%d\n", longest/time.Millisecond)
			printed, longest = now, 0
		}
	}
}

func drain(length time.Duration) {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	<-told
	fmt.Println("draining")
	time.Sleep(length)
	fmt.Println("drained")
	os.Exit(0)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func parse(argument string) map[string]string {
	options := map[string]string{"addr": ":6060"}
	for _, pair := range strings.Split(argument, ",") {
		if words := strings.SplitN(pair, "=", 2); len(words) == 2 {
			options[words[0]] = words[1]
		}
	}
	return options
}

func main() {
	arguments := os.Args[1:]
	if len(arguments) > 0 && arguments[0] == "twin" {
		at := 1
		for arguments[at] != "and" {
			at++
		}
		twin := exec.Command(os.Args[0], arguments[at+1:]...)
		twin.Stdout, twin.Stderr = os.Stdout, os.Stderr
		must(twin.Start())
		arguments = arguments[1:at]
	}
	if os.Getenv("RATES") != "off" {
		runtime.SetBlockProfileRate(1)
		runtime.SetMutexProfileFraction(1)
	}
	if n, _ := strconv.Atoi(os.Getenv("GOROUTINES")); n > 0 {
		park(n)
	}
	if os.Getenv("STALL") != "" {
		go printStalls()
	}
	if length, err := time.ParseDuration(os.Getenv("DRAIN")); err == nil {
		go drain(length)
	}
	mine := custom.NewProfile("sessions")
	mine.Add(&kept, 0)
	jobs := make(chan int)
	go waitForWork(jobs)
	go contend()
	go contend()
	for _, argument := range arguments {
		if options := parse(argument); options["serve"] != "none" {
			go serve(options)
		}
	}
	fmt.Println("ready")
	work(jobs)
}
