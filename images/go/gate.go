package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// gate is the listener that Delve is given: it accepts who passed ours. Only Delve closes it, which takes an error before for a bug.
type gate struct {
	address net.Addr
	passed  chan net.Conn
	closed  chan struct{}
	close   sync.Once
}

func newGate(address net.Addr) *gate {
	return &gate{address: address, passed: make(chan net.Conn), closed: make(chan struct{})}
}

func (g *gate) Accept() (net.Conn, error) {
	select {
	case conn := <-g.passed:
		return conn, nil
	case <-g.closed:
		return nil, net.ErrClosed
	}
}

func (g *gate) Close() error {
	g.close.Do(func() { close(g.closed) })
	return nil
}

func (g *gate) Addr() net.Addr { return g.address }

// pass hands a connection to Delve.
func (g *gate) pass(conn net.Conn) {
	select {
	case g.passed <- conn:
	case <-g.closed:
		conn.Close()
	}
}

// authentic asks who connects to sign what we have just made up: only the kprof that began this has the key, and what goes over the line
// is of no use to anybody else.
func authentic(conn net.Conn, key ed25519.PublicKey) error {
	question, answer := make([]byte, 32), make([]byte, ed25519.SignatureSize)
	if _, err := rand.Read(question); err != nil {
		return err
	}
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write(question); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	if !ed25519.Verify(key, question, answer) {
		return errors.New("not the key of this session")
	}
	if _, err := conn.Write([]byte{'k'}); err != nil {
		return err
	}
	return conn.SetDeadline(time.Time{})
}

// guarded is a connection whose requests passed the guard.
type guarded struct {
	net.Conn
	requests *io.PipeReader
}

func (g guarded) Read(into []byte) (int, error) { return g.requests.Read(into) }

func (g guarded) Close() error {
	g.requests.Close()
	return g.Conn.Close()
}
