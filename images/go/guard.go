package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Of what clients may ask, some would kill the process or could not be undone when the client goes away in the middle:
// `dlv connect` asks «kill the process? [Y/n]» at its end, and a call that is cut short ends in a trap. Such requests are changed on
// their way, into the harmless kind or into one that Delve refuses with the reason in its answer.

const (
	noCalls   = "kprof_makes_no_function_calls"
	mostBytes = 64 << 20
)

type message = map[string]json.RawMessage

// guard copies requests of a client, of either protocol, as far as they are harmless. Nil at the end of the client.
func guard(client io.Reader, delve io.Writer, begun func() error) error {
	reader := bufio.NewReaderSize(client, 64<<10)
	first, err := reader.Peek(1)
	if err == io.EOF {
		return nil
	} else if err != nil {
		return err
	}
	if err := begun(); err != nil {
		return err
	}
	switch first[0] {
	case 'C':
		err = guardDAP(reader, delve)
	case '{':
		err = guardRPC(reader, delve)
	default:
		err = errors.New("neither JSON-RPC nor DAP")
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return err
}

func guardRPC(client io.Reader, delve io.Writer) error {
	decoder := json.NewDecoder(client)
	for {
		var request message
		if err := decoder.Decode(&request); err != nil {
			return err
		}
		harmlessRPC(request)
		content, err := json.Marshal(request)
		if err != nil {
			return err
		}
		if _, err := delve.Write(append(content, '\n')); err != nil {
			return err
		}
	}
}

// https://pkg.go.dev/github.com/go-delve/delve/service/rpc2
func harmlessRPC(request message) {
	switch text(request["method"]) {
	case "RPCServer.Detach":
		request["params"] = json.RawMessage(`[{"Kill":false}]`)
	case "RPCServer.Command":
		var params []message
		if json.Unmarshal(request["params"], &params) == nil && len(params) == 1 && text(params[0]["name"]) == "call" {
			// Refused as an expression that can't be evaluated: the client waits for an answer of this very kind.
			params[0]["expr"] = quoted(noCalls)
			request["params"], _ = json.Marshal(params)
		}
	}
}

func guardDAP(client *bufio.Reader, delve io.Writer) error {
	for {
		content, err := readDAP(client)
		if err != nil {
			return err
		}
		var request message
		if err := json.Unmarshal(content, &request); err != nil {
			return err
		}
		harmlessDAP(request)
		if content, err = json.Marshal(request); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(delve, "Content-Length: %d\r\n\r\n%s", len(content), content); err != nil {
			return err
		}
	}
}

func readDAP(client *bufio.Reader) ([]byte, error) {
	length := -1
	for {
		line, err := client.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		header := strings.TrimSpace(string(line))
		if header == "" {
			break
		}
		if name, value, _ := strings.Cut(header, ":"); strings.EqualFold(name, "Content-Length") {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return nil, err
			}
		}
	}
	if length < 0 || length > mostBytes {
		return nil, fmt.Errorf("a message of %d bytes", length)
	}
	content := make([]byte, length)
	_, err := io.ReadFull(client, content)
	return content, err
}

// https://microsoft.github.io/debug-adapter-protocol/specification
func harmlessDAP(request message) {
	var arguments message
	if json.Unmarshal(request["arguments"], &arguments) != nil {
		return
	}
	set := func(name, value string) {
		arguments[name] = json.RawMessage(value)
		request["arguments"], _ = json.Marshal(arguments)
	}
	switch text(request["command"]) {
	case "disconnect":
		set("terminateDebuggee", "false")
	case "evaluate":
		if calls(text(arguments["expression"])) {
			set("expression", string(quoted(noCalls)))
		}
	case "setVariable":
		// Delve makes a new text by calling the runtime of the process.
		if value := strings.TrimSpace(text(arguments["value"])); strings.HasPrefix(value, `"`) || strings.HasPrefix(value, "`") {
			set("value", string(quoted(noCalls)))
		}
	}
}

func calls(expression string) bool {
	words := strings.Fields(expression)
	return len(words) > 0 && words[0] == "call"
}

func text(raw json.RawMessage) (value string) {
	_ = json.Unmarshal(raw, &value)
	return value
}

func quoted(value string) json.RawMessage {
	raw, _ := json.Marshal(value)
	return raw
}
