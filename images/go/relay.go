package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"net"
	"os"
	"time"
)

// silence is how long a line may say nothing before it counts as gone; its heart beats each 5 s, with empty lines.
const silence = 30 * time.Second

// relay ends when its line does, which is the end of the connection.
func relay(folder string) error {
	if err := private(); err != nil {
		return err
	}
	conn, err := net.Dial("unix", folder+"/s")
	if err != nil {
		return err
	}
	heard := make(chan struct{}, 1)
	over := make(chan error, 2)
	go func() { over <- forward(os.Stdin, conn, heard) }()
	go func() {
		_, err := io.Copy(os.Stdout, conn)
		over <- err
	}()
	timer := time.NewTimer(silence)
	for {
		select {
		case <-heard:
			timer.Reset(silence)
		case <-timer.C:
			return conn.Close()
		case err := <-over:
			conn.Close()
			return err
		}
	}
}

func forward(lines io.Reader, conn io.Writer, heard chan<- struct{}) error {
	reader := bufio.NewReaderSize(lines, 64<<10)
	for {
		line, err := reader.ReadBytes('\n')
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		select {
		case heard <- struct{}{}:
		default:
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		content := make([]byte, base64.StdEncoding.DecodedLen(len(line)))
		n, err := base64.StdEncoding.Decode(content, line)
		if err != nil {
			return err
		}
		if _, err := conn.Write(content[:n]); err != nil {
			return nil // the other side has closed
		}
	}
}
