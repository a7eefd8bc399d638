/** What stands for a JVM where there is none, or where a real one would cost too much time: a shell that looks like one, and the tool that attaches to it. */
import { execFileSync } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sampled } from '../support/sampled-recording.ts';

/** One on this machine, for any number of pods. */
export interface FakeJvm {
  /** Its folder of programs, which an image is made `from`. */
  readonly programs: string;
  /** The command of a container that is one. */
  readonly command: string[];
  /** What each recording holds, and its digest. */
  readonly bytes: number;
  readonly sha256: string;
}

// A JVM handles SIGQUIT, and has its library mapped. Without children: they would have it mapped as well.
const java = 'unset LD_PRELOAD; trap : QUIT; mkfifo never; exec 3<>never; while :; do read -r -t 1 -u 3; done';

// jattach's own words, and a JVM's. Recordings are files in the folder that the process was started in, which only a test looks into.
const jattach = (recording: string) => `#!/bin/bash
home=/proc/$1/cwd
kill -0 "$1" 2>/dev/null || { echo "Process $1 not found" >&2; exit 1; }
name=\${3#*name=} name=\${name%% *} file=\${3##*filename=} file=\${file%% *}
kill -QUIT "$1"
echo 'Connected to remote JVM'
echo 'JVM response code = 0'
case $3 in
VM.version) printf 'OpenJDK 64-Bit Server VM version 25.0.3+9-LTS\\nJDK 25.0.3\\n' ;;
JFR.check*) found=$(ls "$home" | grep '^kprof-'); echo "\${found:-No available recordings.}" ;;
JFR.start*) : >"$home/$name"; echo 'Started recording 1. The result will be written to:' ;;
JFR.stop*)
  [ -e "$home/$name" ] || { echo "Could not find $name."; exit 0; }
  case $3 in *filename=*) cat ${JSON.stringify(recording)} >"$file" || exit 1 ;; esac
  rm "$home/$name"
  printf 'Stopped recording "%s", 2.1 MB written to:\\n\\n%s\\n' "$name" "$file" ;;
help) printf 'The following commands are available:\\nJFR.dump\\nhelp\\n' ;;
help*) printf 'JFR.dump\\nCopies contents of a JFR recording to file.\\n\\nImpact: Low\\n' ;;
JFR.dump*)
  cat ${JSON.stringify(recording)} >"$file" || exit 1
  printf 'Dumped recording, 2.1 MB written to:\\n\\n%s\\n' "$file" ;;
Thread.print*)
  echo 'Full thread dump OpenJDK 64-Bit Server VM (25.0.3+9-LTS mixed mode):'
  for each in {1..40}; do
    printf '\n"worker-%d" #%d [%d] prio=5 os_prio=0 cpu=%d.00ms elapsed=9.00s tid=0x00007f%06x nid=%d waiting on condition  [0x00007f0000000000]\n' $each $each $each $each $each $each
    printf '   java.lang.Thread.State: RUNNABLE\n\tat shop.Cart.total%d(Cart.java:%d)\n' $each $each
  done
  printf '\nJNI global refs: 12, weak refs: 0\n\n\nFound one Java-level deadlock:\n=============================\n"worker-1":\n  waiting to lock monitor\n\nFound 1 deadlock.\n\n' ;;
*) echo 'java.lang.IllegalArgumentException: Unknown diagnostic command' ;;
esac
`;

/** Makes one in a folder; with inroot, and so the way of our own image, where there is a compiler. `secret`: what another recording has put into each. */
export function fakeJvm(folder: string, bytes = 2 * 2 ** 20, secret?: string): FakeJvm {
  const programs = join(folder, 'programs');
  mkdirSync(programs, { recursive: true });
  const recording = join(folder, 'recording');
  // What can be compressed to nothing would not be on the line for long.
  const content = sampled([[['main'], 1]], 'cpu', {
    padding: randomFillSync(Buffer.alloc(bytes)),
    ...(secret === undefined ? {} : { secret }),
  });
  writeFileSync(recording, content);
  const library = join(folder, 'libjvm.so');
  copyFileSync(anyLibrary(), library);
  program(join(programs, 'jattach'), jattach(recording));
  const source = new URL('../../images/jvm/inroot.c', import.meta.url).pathname;
  try {
    execFileSync('cc', ['-O1', '-o', join(programs, 'inroot'), source], { stdio: 'ignore' });
  } catch {
    // Then captures go by the pod's shared memory, as with a stock image.
  }
  for (const each of [folder, programs]) chmodSync(each, 0o755);
  return {
    programs,
    command: ['env', `LD_PRELOAD=${library}`, 'bash', '-c', java],
    bytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
  };
}

function program(path: string, content: string): void {
  writeFileSync(path, content);
  chmodSync(path, 0o755);
}

/** A small library of this machine: one that this process has itself. */
function anyLibrary(): string {
  const found = /^.* (\/\S*\/(?:libm|libdl|libpthread)[.-]\S*)$/m.exec(readFileSync('/proc/self/maps', 'utf8'))?.[1];
  if (found === undefined) throw new Error('this Node has no library');
  return found;
}

/** The recordings of ours that a container's process has. */
export const recordingsIn = (folder: string): readonly string[] => readdirSync(folder).filter((name) => name.startsWith('kprof-'));
