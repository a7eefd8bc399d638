package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// runMkimage writes a docker-archive (what `ctr images import` reads) from
// layer tars and single files or folders: no registry, no daemon.
func runMkimage(args []string) {
	f := flag.NewFlagSet("mkimage", flag.ExitOnError)
	name := f.String("t", "", "image name, with a tag other than latest")
	out := f.String("o", "", "archive to write")
	user := f.String("user", "", "user")
	workdir := f.String("workdir", "", "working directory")
	var layers, files, entry, cmd, env list
	f.Var(&layers, "layer", "an uncompressed tar to take as a layer (may repeat)")
	f.Var(&files, "add", "SRC:DST, a file or folder put in one further layer (may repeat)")
	f.Var(&entry, "entrypoint", "one word of the entrypoint (may repeat)")
	f.Var(&cmd, "cmd", "one word of the command (may repeat)")
	f.Var(&env, "env", "NAME=VALUE (may repeat)")
	f.Parse(args)
	w, err := os.Create(*out)
	must(err)
	tw := tar.NewWriter(w)
	var names, diffs []string
	layer := func(path string) {
		r, err := os.Open(path)
		must(err)
		defer r.Close()
		h := sha256.New()
		n, err := io.Copy(h, r)
		must(err)
		_, err = r.Seek(0, 0)
		must(err)
		sum := hex.EncodeToString(h.Sum(nil))
		names, diffs = append(names, sum+".tar"), append(diffs, "sha256:"+sum)
		must(tw.WriteHeader(&tar.Header{Name: sum + ".tar", Mode: 0o644, Size: n}))
		_, err = io.Copy(tw, r)
		must(err)
	}
	for _, l := range layers {
		layer(l)
	}
	if len(files) > 0 {
		t, err := os.CreateTemp("", "layer")
		must(err)
		defer os.Remove(t.Name())
		lw := tar.NewWriter(t)
		for _, s := range files {
			src, dst, ok := strings.Cut(s, ":")
			if !ok {
				log.Fatalf("mkimage: -add %s: SRC:DST wanted", s)
			}
			addTree(lw, src, strings.TrimPrefix(dst, "/"))
		}
		must(lw.Close())
		must(t.Close())
		layer(t.Name())
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "created": time.Unix(0, 0).UTC(),
		"config": map[string]any{"User": *user, "WorkingDir": *workdir, "Env": []string(env), "Entrypoint": []string(entry), "Cmd": []string(cmd)},
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffs},
	})
	must(err)
	sum := sha256.Sum256(config)
	cname := hex.EncodeToString(sum[:]) + ".json"
	manifest, err := json.Marshal([]map[string]any{{"Config": cname, "RepoTags": []string{*name}, "Layers": names}})
	must(err)
	for n, b := range map[string][]byte{cname: config, "manifest.json": manifest} {
		must(tw.WriteHeader(&tar.Header{Name: n, Mode: 0o644, Size: int64(len(b))}))
		_, err = io.Copy(tw, bytes.NewReader(b))
		must(err)
	}
	must(tw.Close())
	must(w.Close())
}

func addTree(w *tar.Writer, src, dst string) {
	must(filepath.WalkDir(src, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		link := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			if link, err = os.Readlink(path); err != nil {
				return err
			}
		} else if !info.IsDir() && !info.Mode().IsRegular() {
			return nil
		}
		h, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		h.Name = filepath.Join(dst, rel)
		h.Uname, h.Gname, h.Uid, h.Gid = "", "", 0, 0
		if info.IsDir() {
			h.Name += "/"
		}
		if err := w.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
			return err
		}
		r, err := os.Open(path)
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = io.Copy(w, r)
		return err
	}))
}
