/**
 * The vocabulary that toolkits are written in. A toolkit describes, the engine performs:
 * nothing here, and nothing in `toolkits/`, has an effect.
 */
import type { KprofError } from './errors.ts';
import type { Flags, Habit, Options } from './flags.ts';

export type Milliseconds = number;

/** A program and its arguments. Never a shell string. */
export type Argv = readonly [program: string, ...args: string[]];

/** A folder of `images/`; the reference is REGISTRY/kprof-NAME:VERSION. */
export type ImageName = 'jvm' | 'net' | 'go';

/** What a way must be able to do to the process; src/kube/access.ts turns it into a security context. */
export type Access = 'attach' | 'network';

/** What acting does to the target, mildest first: reads, samples, pauses, stops the world, takes control. */
export type Risk = 'observe' | 'sample' | 'pause' | 'stop' | 'control';

/** A kind of file: src/formats has one file each. */
export type FormatName =
  | 'jfr'
  | 'threads'
  | 'histogram'
  | 'hprof'
  | 'jvm'
  | 'text'
  | 'file'
  | 'pprof'
  | 'gotrace'
  | 'gotext'
  | 'bundle'
  | 'goroutines'
  | 'cpuprofile'
  | 'heapprofile'
  | 'heapsnapshot'
  | 'pcapng'
  | 'pcap'
  | 'perf'
  | 'collapsed'
  | 'flamegraph'
  | 'recordings';

/** A process of the target, as /proc shows it. All text in it is the target's to choose. */
export interface Process {
  readonly pid: number;
  readonly ppid: number;
  /** Clock ticks since boot at its start (field 22 of /proc/PID/stat): with the pid, its identity. */
  readonly started: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** At most 15 bytes. */
  readonly comm: string;
  readonly argv: readonly string[];
  /** What it runs; empty where we may not look. */
  readonly exe: string;
  /** Signals that it handles (SigCgt): bit N-1 stands for signal N. */
  readonly handles: bigint;
  /** Permitted capabilities, as a bit mask. */
  readonly capabilities: bigint;
  /** The pid of who traces it, 0 for nobody. */
  readonly tracer: number;
  /** Libraries and files that tell runtimes apart, of those we look for (`libjvm.so` …). */
  readonly maps: readonly string[];
  /** What the runtime says of itself, `key=value` (a JVM: its version, whether it takes attach). */
  readonly tells: Readonly<Record<string, string>>;
}

/** One file, two names: each side of the mount namespaces has its own. */
export interface Place {
  /** `tool`: the debug container's own disk, which the target reaches through a process of ours that `$room` stands for. */
  readonly at: 'target' | 'shared-memory' | 'tool';
  readonly seenByTarget: string;
  /** Where that differs. */
  readonly seenByTool?: string;
}

/** How long a probe of the cluster lets an app be silent. */
export interface Watched {
  /** At least. */
  readonly after: Milliseconds;
  /** As its spec says it: «3 × 10s». */
  readonly words: string;
}

/** Something that is mounted into the container. */
export interface Mounted {
  readonly path: string;
  /** Of an emptyDir on disk what it may hold, in bytes. Of one in memory its own size tells. */
  readonly limit: number | undefined;
  /** What is written there counts as ephemeral storage of the pod. */
  readonly isEphemeral: boolean;
}

/** What the pod bears, as its spec says; sizes in bytes, undefined without a limit. */
export interface Bears {
  /** After that the container is restarted. */
  readonly liveness: Watched | undefined;
  /** After that it gets no requests. */
  readonly readiness: Watched | undefined;
  /** Of the container. */
  readonly memory: number | undefined;
  /** Of the whole pod, what is written to its disks. */
  readonly storage: number | undefined;
  /** Of the container; what is left of the pod's does not help a JVM that stands still. */
  readonly cores: number | undefined;
  /** Beyond the limit of one of them the pod is evicted. */
  readonly volumes: readonly Mounted[];
}

/** Runs a program and looks at what it printed. */
export interface Step {
  readonly run: Argv;
  /** What the person reads while it runs: «starting the recording». */
  readonly says: string;
  /** The same for an error: fits after «could not». */
  readonly what: string;
  /** Throws with the reason when the tool failed and still exited 0. */
  readonly check?: (stdout: string) => void;
  /** Of a stream: the part of the output that belongs to the artifact; absent, all of it. */
  readonly keep?: (stdout: string) => string;
  /** What a person should know of what was printed, though it is no failure. */
  readonly remark?: (stdout: string) => string | undefined;
  /** The error that a failure of the tool tells. */
  readonly failed?: (error: KprofError) => KprofError;
  /** What ends what `run` begins, handed to the pod before `run` starts; or why there is nothing to end. */
  readonly undo: Argv | 'ends by itself' | 'ends an earlier step';
  /** How long it may take; 2 minutes, if absent. */
  readonly patience?: Milliseconds;
  /** An answer is not needed: where it fails, it is empty. */
  readonly optional?: true;
  /** It names a place in the debug container. */
  readonly room?: true;
  /** It prints nothing itself, but makes the app print to its own log: that is the output. */
  readonly inLog?: InLog;
}

/** What an app prints to its log when it is asked to; its other lines may come between. */
export interface InLog {
  /** The first line, and those right before it that belong to it. */
  readonly from: RegExp;
  readonly before: RegExp;
  /** The line behind the last one. */
  readonly to: RegExp;
  /** One that is there when all may have been said: then silence will do. */
  readonly enough: RegExp;
}

/** Time that passes; the first Ctrl-C ends it early. */
export interface Wait {
  readonly wait: Milliseconds;
  readonly says: string;
}

/** `early` is what the first Ctrl-C means here: what is captured is kept, or lost – and that is said. */
export interface Output {
  readonly early: 'keeps' | 'loses';
}

/** What may not be in the file: the environment and other secrets of the process. */
export type Secrets = 'refused';

/** One of these stands at the end of the file, which else was cut as it was written; '' is the end of an empty one. */
export type Ends = readonly string[];

/** What to do, as data. */
export type Plan =
  /** The target writes a file, which is pulled. */
  | {
      readonly kind: 'file';
      readonly files: readonly Upload[];
      readonly steps: readonly (Step | Wait)[];
      /** What is said before the first step. */
      readonly notes?: readonly string[];
      /** What it does to the app, in words, where that has to be agreed to. */
      readonly costs?: string;
      readonly result: Output & { readonly file: Place; readonly secrets?: Secrets; readonly ends?: Ends };
    }
  /** What the steps print, one after another, is the artifact; or what `compose` makes of it, once all have printed. */
  | {
      readonly kind: 'stream';
      /** Where some step writes to. */
      readonly needsFolder?: Place;
      readonly steps: readonly (Step | Wait)[];
      /** What is said before the first step. */
      readonly notes?: readonly string[];
      readonly compose?: (outputs: readonly string[]) => Composed;
      readonly costs?: string;
      readonly result: Output;
    }
  /** The process's own inspector is asked for it. */
  | InspectPlan;

/** A text made of what steps printed, with what scripts may want to know of it. */
export interface Composed {
  readonly text: string;
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
}

/** How a program ended, and what it said on stderr; the target may have had a part in it. */
export interface Said {
  readonly code: number;
  readonly stderr: string;
}

/** What a program counted of what it captured. */
export interface Tallied {
  readonly captured: number;
  readonly received: number | undefined;
  /** What the kernel had no room for. */
  readonly dropped: number | undefined;
}

/** A program whose stdout, as it comes, is the artifact. SIGINT ends it, and then all of it is whole; SIGUSR1 makes it say how far it is. */
export interface FlowPlan {
  readonly kind: 'flow';
  /** Asked before anything is captured; `refused` makes the error where it exits with another code than 0. */
  readonly check: { readonly run: Argv; readonly what: string; readonly refused: (said: Said) => KprofError };
  readonly run: Argv;
  /** What the person reads while it runs. */
  readonly says: string;
  /** What it captures from and which part of it, for the file to tell. */
  readonly link: string;
  readonly filter: string;
  /** What is left out of it that nobody asked to leave out, to be said. */
  readonly without?: string | undefined;
  /** What it says on stderr once it captures. */
  readonly begun: RegExp;
  /** Undefined: until Ctrl-C, which is its usual end then. */
  readonly for: Milliseconds | undefined;
  /** Of the file. */
  readonly mostBytes: number | undefined;
  /** Several files, one after another: of how many bytes, and how many of them are kept. */
  readonly rotate?: { readonly bytes: number; readonly keep: number | undefined } | undefined;
  /** A local file with what makes the artifact readable, put into it at the end. */
  readonly secrets?: string | undefined;
  /** What it counted, by what it said on stderr so far. */
  readonly tallied: (stderr: string) => Tallied | undefined;
  /** What helps where it could not take all, behind «try». */
  readonly remedy: string;
  readonly result: Output;
}

/** Capturing what a debug container sees of the pod as a whole; no process is looked at. */
export interface PodWay<F extends Flags> {
  readonly via: 'pod';
  readonly image: ImageName;
  readonly access: Access;
  readonly risk: Risk;
  readonly format: FormatName;
  /** A local file with what makes the artifact readable; see FlowPlan. */
  readonly secrets?: string | undefined;
  /** Questions inside the pod. */
  readonly probe: Readonly<Record<string, Argv>>;
  /**
   * Throws a KprofError when the answers say that it can't be done. `linePorts`: the pod is in its node's network, where what is captured
   * passes again by these ports, and would be captured again.
   */
  plan(input: { readonly options: Options<F>; readonly facts: Facts; readonly linePorts?: readonly number[] | undefined }): FlowPlan;
}

/** A question of the Chrome DevTools Protocol. */
export interface Call {
  readonly method: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** What to ask V8's inspector, which is opened for it by SIGUSR1, as data. */
export interface InspectPlan {
  readonly kind: 'inspect';
  /** Ports at which the inspector may be or will be: none of them may be another's. Empty where Node chooses one. */
  readonly ports: readonly number[];
  /** The process was started with an open one: it is one of those on which it listens. */
  readonly opened?: boolean;
  /** What it costs the app, in words, where that has to be agreed to. */
  readonly costs: string | undefined;
  readonly start: readonly Call[];
  readonly wait: Wait | undefined;
  /** Gives the artifact: as this part of its answer, or as the texts that events of this name carry. */
  readonly take: Call & { readonly says: string; readonly gives: { readonly field: string } | { readonly event: string } };
  readonly result: Output;
}

/** What a page of the target's answered; the target's to choose. */
export interface Page {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** As much of the body as belongs into a message or an index: 256 KiB at most. */
  readonly text: string;
}

/** How to find and reach an HTTP server in the pod. */
export interface Endpoint {
  /** In words: «pprof endpoint». */
  readonly looksFor: string;
  /** Ports to try, in groups: the first group that has one counts. */
  readonly ports: readonly (readonly number[])[];
  /** Named by the user: whatever answers there is asked. */
  readonly named: boolean;
  /** Undefined: http, and https where that is what is spoken. */
  readonly scheme: 'http' | 'https' | undefined;
  /** Paths of its index page to try, each with a slash at both ends. */
  readonly paths: readonly string[];
  /** Sent with every request; may hold secrets. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether a page is the endpoint's index; an error tells why it can't be asked though it is there. */
  judge(page: Page): boolean | KprofError;
  /** A page below the index that tells which process answers. */
  readonly whoami: string;
  /** What the user can do where none is found. */
  readonly hint: string;
}

/** One page to ask for with GET, below the endpoint's index. */
export interface HttpGet {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** How long the target means to take before it answers. */
  readonly takes: Milliseconds;
  readonly says: string;
  /** The file's name, where several make one artifact. */
  readonly name: string;
  /** The error that a page that is no success tells. */
  refused(page: Page): KprofError;
}

/** What to fetch from a port of the pod, as data. */
export interface FetchPlan {
  readonly kind: 'fetch';
  readonly endpoint: Endpoint;
  /** What to ask, knowing the index page. Throws a KprofError when that has not what is wanted. */
  ask(index: Page): readonly HttpGet[];
  readonly result: Output & {
    /** What to say of a whole artifact that will not be of use, of the facts of its summary. */
    readonly remark?: (facts: Readonly<Record<string, unknown>>) => string | undefined;
  };
}

/** A port that a container of the pod declares. */
export interface DeclaredPort {
  readonly name: string | undefined;
  readonly port: number;
  readonly container: string;
}

/** Capturing over a forwarded port: needs nothing in the pod, unless the port has to be looked for. */
export interface ForwardWay<F extends Flags> {
  readonly via: 'forward';
  /** Of the debug container that looks for the port where none of those that are tried is it. */
  readonly image: ImageName;
  readonly access: Access;
  readonly risk: Risk;
  readonly format: FormatName;
  plan(input: { readonly options: Options<F>; readonly container: string; readonly ports: readonly DeclaredPort[] }): FetchPlan;
}

/** A file of the user's that the target must read. */
export interface Upload {
  readonly place: Place;
  readonly content: Uint8Array;
}

/** What the debug container has: probed, not assumed. */
export interface Tools {
  has(program: string): boolean;
  /** Version of the image's own JDK. */
  readonly jdk: string | undefined;
}

/** The answers to a way's probes, by the probe's name; the target can forge them. */
export type Facts = Readonly<Record<string, string>>;

/** What a plan is made from. */
export interface Input<F extends Flags> {
  readonly options: Options<F>;
  readonly process: Process;
  readonly tools: Tools;
  readonly facts: Facts;
  /** Of this capture; unguessable, [a-z0-9]. */
  readonly id: string;
  /** The target as it was typed: «deploy/api». */
  readonly name: string;
  readonly bears: Bears;
  /** All questions are answered with yes: what is beyond a limit is said and done. */
  readonly yes: boolean;
  /** A path for a new file of ours, in a fresh folder that only the target's user can open; `tool`: in the debug container. */
  place(name: string, at?: 'tool'): Place;
}

/** One manner of capturing, with what it needs. */
export interface Way<F extends Flags> {
  readonly via?: 'debug';
  readonly image: ImageName;
  readonly access: Access;
  readonly risk: Risk;
  readonly format: FormatName;
  /** Of a way that others come before: what is done where their guards refuse, or nothing answers them. */
  readonly instead?: string;
  /** What it takes ends with the line to the pod: there is nobody there who would keep it. */
  readonly needsLine?: true;
  /** It also goes over a forwarded port, which is a right of its own. */
  readonly forwards?: true;
  /** Throws a KprofError when this process can't be captured so; before anything is done to it. */
  guard(process: Process, tools: Tools): void;
  /** Questions to the process, once it passed the guard. */
  probe(process: Process, tools: Tools, bears: Bears): Readonly<Record<string, Argv>>;
  /** The error that a failed question tells. */
  readonly failed?: (error: KprofError) => KprofError;
  /** What the process runs, in words: «OpenJDK 64-Bit Server VM 25.0.3». */
  runtime(facts: Facts): string | undefined;
  plan(input: Input<F>): Plan;
}

/** What a client of a session here is told: where it is served. */
export interface Address {
  /** `unix:PATH` or `127.0.0.1:PORT`. */
  readonly text: string;
  /** Undefined: a unix socket. */
  readonly port: number | undefined;
}

/** How clients get to a session, as it was asked for. */
export interface Doorway {
  /** Of 127.0.0.1, 0 for any; undefined: a unix socket that only this user can open. */
  readonly port: number | undefined;
  /** The program that becomes the client in this terminal, if it is one; the session ends with it. */
  readonly client: ((address: Address, isTerminal: boolean) => Argv) | undefined;
  /** How to come by that program. */
  readonly clientHint: string;
  /** Whether VS Code is to find a launch configuration. */
  readonly launch: boolean;
}

/** What is said of a session once it is served. */
export interface Served {
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
  /** Lines to paste. */
  readonly next: readonly string[];
  /** Of VS Code's launch.json, by its name; undefined where it needs a port. */
  readonly launch: { readonly name: string; readonly port: number } | undefined;
}

/** A server in the debug container that controls the process for clients here, as data. It ends by itself when nobody comes, or all have left. */
export interface SessionPlan {
  readonly kind: 'session';
  /** Runs until the end, and prints in a word why that came; its undo ends it. */
  readonly serve: Step & { readonly undo: Argv; readonly failed: NonNullable<Step['failed']> };
  /** Waits until it serves, and prints what it knows of the process. */
  readonly ready: Argv;
  /** Has a connection to it as its stdin (in base64 lines) and stdout. */
  readonly relay: Argv;
  /** `isWritten`: the launch configuration, if it has one, goes into its file. */
  served(answer: string, address: Address, isWritten: boolean): Served;
  /** What the word for its end means; throws where it is no good one. */
  ended(word: string): string;
}

/** A session: clients here control the process for as long as they want to. */
export interface SessionWay<F extends Flags> {
  readonly via: 'session';
  readonly image: ImageName;
  readonly access: Access;
  readonly risk: Risk;
  doorway(options: Options<F>): Doorway;
  /** Throws a KprofError when there can't be one with this process; else what is to be known before. */
  guard(process: Process, tools: Tools): readonly string[];
  /** `key` is the public one of this session, in hex; `first` the seconds until somebody has to come. */
  plan(input: {
    readonly process: Process;
    readonly id: string;
    readonly pod: string;
    readonly key: string;
    readonly first: number;
  }): SessionPlan;
}

/** Definition of one capturing subcommand. */
export interface Toolkit<F extends Flags = Flags> {
  readonly name: string;
  /** Other names for it. */
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly examples: readonly string[];
  readonly flags: F;
  /** What users of other such tools type. */
  readonly habits?: readonly Habit[];
  /** The flag that the word behind the pod's name stands for. */
  readonly second?: string;
  /** The flag whose words `-o` takes, too. */
  readonly outputs?: string;
  /** Of these words, those that the ending of `-f`'s file stands for where none is typed. */
  readonly endings?: Readonly<Record<string, string>>;
  /** The flag that all words behind the pod's name stand for. */
  readonly rest?: string;
  /** The artifact comes as it is captured, and goes to stdout with `-f -`. */
  readonly streams?: boolean;
  /** The artifact is text, and goes to stdout unless -f names a file. */
  readonly prints?: boolean;
  /** The same, where it depends. */
  printsWith?(options: Options<F>): boolean;
  /** Whether the artifact is text, which is kept unless stdout is asked for. */
  textWith?(options: Options<F>): boolean;
  /** What it gives is an answer and no artifact: no file is kept of it. */
  readonly tells?: (options: Partial<Options<F>>) => boolean;
  /** What it looks for, in words: «JVM». */
  readonly looksFor: string;
  /** How the image, command or environment of a container looks that probably has one. */
  readonly likely: RegExp;
  matches(process: Process): boolean;
  /** Least privilege first; where a forwarded port is not there, the next one. */
  ways(options: Options<F>): readonly (Way<F> | ForwardWay<F> | PodWay<F> | SessionWay<F>)[];
}

/** Keeps the types of the flags while the list holds toolkits of all kinds. */
export const defineToolkit = <F extends Flags>(toolkit: Toolkit<F>): Toolkit<F> => toolkit;
