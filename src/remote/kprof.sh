# shellcheck shell=bash disable=SC2209
# What runs in the debug container: the supervisor (the main process) and every
# command that the client sends. Written to /tmp/kprof/run by the main process
# before it starts; understood by bash and by busybox ash.
#
#   run supervise TTL FIRST CAP       the main process
#   run look CONTAINER-ID [PID]       tools and processes, as text
#   run list                          the captures: ID and held, waiting, undone or ended
#   run hold ID TTL [again]           the client's lease on a capture
#   run drop ID                       gives a capture up that nobody holds
#   run end                           ends the container
#   run run RUN…                      a command that changes nothing
#   run step ID NAME N UNDO… RUN…     a command, its undo (N words) kept first; asked again, its result
#                                     (`inspector`, `profiler`, `quit`, `room`, `space` and `ticks` are commands of ours; `only PID STARTED`
#                                     before a command runs it only as long as that process is the same, and `still`
#                                     wants it to be there afterwards, too: who dies may have answered half)
#   run flow RUN…                     a command whose stdout is taken as it comes; the client's `stop` is SIGINT for it,
#                                     `ask` SIGUSR1; `kprof-exit CODE` on stderr tells its end
#   run relay RUN…                    RUN, which has the line's stdin and stdout for itself
#   run put RUN…                      RUN, on stdin what follows in base64 lines up to a dot; prints the SHA-256 of that
#   run pull LEVEL RUN…               what RUN prints, through zstd -LEVEL; as it is, where that is `bare`;
#                                     `own` stands for inroot on this container, as whom the words before it make
#   run pull plain FILE [OFFSET [PERMILLE [SIZE INODE MTIME_NS]]]
#                                     a tar of FILE, or its bytes from OFFSET > 0 on, and its digest on stderr, by so many
#                                     thousandths of a core, 0 for all; with SIZE and the rest that very file, or exit code 4
#
# `pull` and `flow` end when the client says that it has everything. What prints a text, and `put`, `drop` and `end`, have
# `kprof-answer CODE SHA256` as the last line on stderr, of the stdout: a line that breaks may call what it lost a success.
#
# Every command's stdin carries the heartbeat, a line each 5 s. When it ends, or
# is silent for 30 s, the line is lost, and `run` and `pull` are stopped. A capture
# goes on until its client is gone for good: 40 s after the end of its line, or 20 s
# after the silence was noticed. Then what was begun is undone, and files of the
# capture stay for as long as the container does.
set -u
dir=${KPROF_DIR:-/tmp/kprof}
silence=${KPROF_SILENCE:-30}
return_in=${KPROF_RETURN:-40}
newline='
'
library=${KPROF_LIBRARY:-/usr/lib/kprof/libasyncProfiler.so}
PATH=$PATH${KPROF_PATH-:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin}
verb=$1

# dash has no `read -t`, without which a silent line can't be noticed.
if [ -z "${BASH_VERSION:-}" ]; then
	(IFS= read -r -t 1 _ </dev/null) 2>/dev/null
	if [ $? -gt 1 ]; then
		command -v bash >/dev/null || { echo "kprof: this image has neither bash nor busybox ash" >&2; exit 69; }
		exec bash "$0" "$@"
	fi
	shell=sh
else
	shell=bash
fi
# Orphans of an exec would end as zombies below the app's PID 1.
if [ -z "${KPROF_REAPER:-}" ] && command -v tini >/dev/null; then
	KPROF_REAPER=1 exec tini -s -- "$shell" "$0" "$@"
fi
unset KPROF_REAPER
# Short of memory, the kernel is to take us and not the app.
echo 1000 2>/dev/null >/proc/self/oom_score_adj

nap() { # up to SECONDS, without a child that could be orphaned
	IFS= read -r -t "$1" _ <>"$dir/never"
}

now() { # hundredths of a second since boot, into $time; no child either
	IFS=' ' read -r time _ </proc/uptime
	time=${time%.*}${time#*.}
}

# One line of the client's into $line. 0: a line; 1: nothing for a second; 2: the end.
# busybox ash answers the end of a file and a timeout alike; only the clock tells them apart.
hear() {
	now
	heard=$time
	IFS= read -r -t 1 line <&3 && {
		echo "$$ $time" >"$dir/beat"
		return 0
	}
	now
	[ $((time - heard)) -ge 50 ] && return 1
	return 2
}

# Listens until the client says one of WORD…, returns 0; its line is silent, 1; or its line ends, 2.
listen() {
	quiet=0
	while :; do
		hear
		case $? in
		0)
			quiet=0
			case " $* " in *" ${line:-,} "*) return 0 ;; esac
			;;
		1)
			quiet=$((quiet + 1))
			[ $quiet -lt "$silence" ] || return 1
			;;
		*) return 2 ;;
		esac
	done
}

# When process $1 began, into $born: with its number, who it is. Field 22 of what may hold any name. And field 23 into $size, which is 0
# once it has let go of its memory, as it does before its connections end.
born() {
	born='' size=0
	[ -r "/proc/$1/stat" ] && IFS= read -r born <"/proc/$1/stat"
	# shellcheck disable=SC2086
	set -- ${born##*) }
	born=${20:-} size=${21:-0}
}

# The exit code CODE of what ran behind `only` or `still`: where it failed, and of `still` in any case, the process has to be there yet.
verdict() { # CODE only|still PID STARTED …
	case $1,$2 in
	*,still | [!0]*,only) ;;
	*) return "$1" ;;
	esac
	born "$3"
	[ "$born" != "$4" ] || [ "$size" = 0 ] || return "$1"
	echo "kprof: process $3 ended" >&2
	return 5
}

# What stands in our folder may be another's work, of the app's own user for one: a pipe or a link in the place of a file of ours would
# hold up the supervisor for ever. So files are opened for writing too, which does not wait, and what says nothing within a second is empty.

# Signals a process of whatever user: root of which that right was taken becomes that user.
strike() { # SIGNAL PID
	kill "-$1" "$2" 2>/dev/null && return
	[ -e "/proc/$2" ] && [ "${me:=$(id -u)}" = 0 ] || return 1
	# shellcheck disable=SC2016
	$(as "$2") "$shell" -c 'kill "-$1" "$2"' kill "$1" "$2" 2>/dev/null
}

# Signals a process only if it is the one that wrote file $2; a number alone may be the app's by now.
signal() {
	[ -f "$2" ] && IFS=' ' read -r -t 1 known since <>"$2" || return 1
	born "$known"
	[ -n "$born" ] && [ "$born" = "$since" ] && strike "$1" "$known"
}

# This shell, or process $2, into file $1.
sign() {
	born "${2:-$$}"
	echo "${2:-$$} $born" >"$1"
}

# The JDK's own client leaves the file that it knocked with (jattach takes its away). The folder is the process's
# own, whatever it is called, and the name is nobody else's.
knock() {
	command jcmd "$@" &
	knocker=$!
	trap 'kill -TERM $knocker' TERM
	wait $knocker
	answered=$?
	wait $knocker 2>/dev/null # the first may have been cut short
	for door in "$@"; do
		case $door in *[!0-9]*) continue ;; esac
		rm -f "/proc/$door/cwd/.attach_pid$door" "/proc/$door/root/tmp/.attach_pid$door"
		break
	done
	return $answered
}

# Ports on which process $1 listens.
ports() {
	sockets=" $(KPROF_REAPER=1 $(as "$1") ls -l "/proc/$1/fd" 2>/dev/null | sed -n 's/.* -> socket:\[\([0-9]*\)\]$/\1/p' | tr '\n' ' ')"
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | while read -r _ local _ state _ _ _ _ _ inode _; do
		[ "$state" = 0A ] || continue
		case $sockets in *" $inode "*) echo $((0x${local##*:})) ;; esac
	done
}

# SIGQUIT for that very process, and only if it handles it, since else it would die of it: a JVM prints its threads.
quit() { # PID STARTED
	born "$1"
	if [ -z "$born" ] || [ "$born" != "$2" ]; then
		echo "kprof: process $1 ended" >&2
		return 5
	fi
	handled=$(sed -n 's/^SigCgt:[[:space:]]*........//p' "/proc/$1/status")
	[ $((0x${handled:-0} & 4)) != 0 ] || { echo "kprof: process $1 does not handle SIGQUIT" >&2; return 6; }
	$(as "$1") kill -QUIT "$1"
}

# Node's inspector. Open: SIGUSR1 for that very process, and only if it handles it, since else it would die of it. Close: whatever
# inspector it has on another port than these is asked to end itself, as DevTools would ask: one text, masked with zeros.
inspector() { # open PID STARTED | close PID STARTED PORT…
	what=$1 inspected=$2
	born "$inspected"
	if [ -z "$born" ] || [ "$born" != "$3" ]; then
		echo "kprof: process $inspected ended" >&2
		return 5
	fi
	shift 3
	if [ "$what" = open ]; then
		handled=$(sed -n 's/^SigCgt:[[:space:]]*........//p' "/proc/$inspected/status")
		[ $((0x${handled:-0} & 0x200)) != 0 ] || { echo "kprof: process $inspected does not handle SIGUSR1" >&2; return 6; }
		$(as "$inspected") kill -USR1 "$inspected"
		return
	fi
	command -v nc >/dev/null || return 0
	for port in $(ports "$inspected"); do
		case " $* " in *" $port "*) continue ;; esac
		id=$({
			printf 'GET /json/list HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$port"
			nap 0.5
		} | nc -w 2 127.0.0.1 "$port" 2>/dev/null | sed -n 's/.*"id": "\([0-9a-f-]*\)".*/\1/p' | head -n 1)
		[ -n "$id" ] || continue
		asked='{"id":1,"method":"Runtime.evaluate","params":{"expression":"process._debugEnd()"}}'
		{
			printf 'GET /%s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' "$id" "$port"
			printf 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a3Byb2Yga3Byb2Yga3ByIQ==\r\n\r\n'
			nap 0.5
			# shellcheck disable=SC2059
			printf "\\201\\$(printf %03o $((128 + ${#asked})))\\000\\000\\000\\000%s" "$asked"
			nap 1
		} | nc -w 2 127.0.0.1 "$port" >/dev/null 2>&1
	done
	return 0
}

# async-profiler in a process: it opens our library through the root of a process of ours that has its user and none of its
# rights beyond. What it has open it finds again by the name of a link in the capture's folder, whoever asks, and even when
# that process and this container are gone. Where an own one is loaded already, in a place that it can see, that is used.
# Who profiles already may have said so nowhere: it is asked, and what is stopped is what was begun by us, which a file there tells.
profiler() { # PID STARTED FOLDER LIBRARY ARGUMENTS
	profiled=$1
	born "$profiled"
	if [ -z "$born" ] || [ "$born" != "$2" ]; then
		echo "kprof: process $profiled ended" >&2
		return 5
	fi
	me=$(id -u)
	become=$(as "$profiled") lender='' loaded=$4
	into="$become inroot $profiled $2"
	# Began by us, or by somebody who was faster.
	case $5 in stop*)
		$into stat "$3/ours" >/dev/null 2>&1 && ! $into stat "$3/theirs" >/dev/null 2>&1 || return 0
		;;
	esac
	if [ "$4" = ours ]; then
		less=$(as "$profiled" bare)
		[ -n "$less" ] || [ "$me" != 0 ] || ! command -v setpriv >/dev/null || less='setpriv --bounding-set=-all --inh-caps=-all'
		$less sleep 60 </dev/null >/dev/null 2>&1 &
		lender=$! tries=0
		loaded=$3/library.so
		until IFS= read -r name <"/proc/$lender/comm" && [ "$name" = sleep ] || [ $tries -ge 50 ]; do nap 0.02; tries=$((tries + 1)); done
		# What is loaded is found by the name, wherever it leads by now.
		$into link "$loaded" "/proc/$lender/root$library" || [ "${5%%,*}" = stop ] || {
			strike KILL $lender
			wait $lender 2>/dev/null
			return 1
		}
	fi
	case $5 in
	start*) begin_profiler "$3" "$5" ;;
	*) $become jattach "$profiled" load "$loaded" true "$5,log=$3/log" ;;
	esac
	answered=$?
	[ -z "$lender" ] || { strike KILL $lender; wait $lender; } 2>/dev/null
	echo "perf events $($become ls -l "/proc/$profiled/fd" 2>/dev/null | grep -c 'anon_inode:.perf_event')"
	$into cat "$3/log" 16384 2>/dev/null | sed 's/^/log /'
	case $5 in stop,file=*) doubt "$3" "${5#stop,file=}" ;; esac
	[ $answered -lt 100 ] || [ $answered -gt 254 ] || answered=0 # its own failures; the text tells
	return $answered
}

# The profiler complains of a full disk in a file on it. So what ends where a block does may be cut where none is left.
doubt() { # FOLDER FILE,…
	written=$($into stat "${2%%,*}" 2>/dev/null)
	# Said by a process of the app's user, and so no sum before it is a number.
	case ${written%% *} in '' | *[!0-9]*) return ;; esac
	[ $((${written%% *} % 4096)) = 0 ] || return
	echo | $into put "$1/room" 2>/dev/null || echo 'log [WARN] Output file may be incomplete: there is no room for more'
}

# Asked first: to start one that runs fails, and still changes where that one writes at the end.
begin_profiler() { # FOLDER ARGUMENTS
	$become jattach "$profiled" load "$loaded" true "status,file=$1/status" >/dev/null
	asked=$?
	[ $asked = 0 ] || [ $asked -ge 100 ] || return $asked
	if $into cat "$1/status" 4096 2>/dev/null | grep -q 'is running for'; then
		echo 'log [ERROR] Profiler already started'
		return 0
	fi
	$into put "$1/ours" </dev/null || return
	$become jattach "$profiled" load "$loaded" true "$2,log=$1/log"
	asked=$?
	! $into cat "$1/log" 16384 2>/dev/null | grep -q 'already started' || $into put "$1/theirs" </dev/null
	return $asked
}

# How fast this container is just now: BYTES, and hundredths of seconds to write them to its disk, and to sum them up. Of the disk
# no more than MEBIBYTES are taken, and with 0 nothing is said of it.
yardstick() { # MEBIBYTES
	file=/tmp/kprof-yardstick-$$ disk=-
	trap 'rm -f "$file"; exit 143' TERM
	if [ "$1" -gt 0 ]; then
		now
		began=$time
		dd if=/dev/zero of="$file" bs=1048576 count="$1" conv=fsync 2>/dev/null && now && disk=$(((time - began) * 64 / $1))
		rm -f "$file"
	fi
	now
	began=$time
	dd if=/dev/zero bs=1048576 count=32 2>/dev/null | md5sum >/dev/null
	now
	echo "67108864 $disk $(((time - began) * 2))"
}

# Of the disk that each PATH of a process is on, or will be on once it is made: blocks that are free, all of them, how large they are, and
# its kind. Nothing is opened.
space() { # PID STARTED PATH…
	become=$(as "$1") root=/proc/$1/root
	shift 2
	for path; do
		until $become stat -f -c '%a %b %S %T' "$root$path/." 2>/dev/null; do
			# What is there and can't be looked into may be on any disk.
			if [ "${path%/*}" = "$path" ] || $become stat "$root$path" >/dev/null 2>&1; then
				echo unknown
				break
			fi
			path=${path%/*}
		done
	done
}

# The time since boot, and what the kernel tells of each thread of a process; one that ends meanwhile is left out.
ticks() { # PID
	become=$(as "$1")
	$become cat /proc/uptime "/proc/$1/task"/*/stat 2>/dev/null
	return 0
}

# Who may look at a process may go through its root: the target writes into this container's files by a process of ours that
# is of its user and can do nothing that the target can't. It lives as long as RUN, in which $room is its number.
room() { # PID RUN…
	me=$(id -u) become=$(as "$1" bare)
	# Root with fewer capabilities than ours may look at root without any.
	if [ "$me" = 0 ] && [ -z "$become" ] && setpriv --bounding-set=-all --inh-caps=-all true 2>/dev/null; then
		become='setpriv --bounding-set=-all --inh-caps=-all'
	fi
	shift
	mkfifo "$dir/room.$$"
	exec 8<>"$dir/room.$$"
	# Opened here: a host that is late would find nothing any more.
	exec 9<"$dir/room.$$"
	rm -f "$dir/room.$$"
	# Ends by itself with the last who may write to it.
	$become cat <&9 8<&- 9<&- >/dev/null &
	host=$!
	exec 9<&-
	tries=0 name=
	# Until then it is still we.
	until [ "$name" = cat ] || [ $tries -ge 100 ]; do
		nap 0.05
		tries=$((tries + 1))
		[ ! -r "/proc/$host/comm" ] || IFS= read -r name <"/proc/$host/comm"
	done
	words=$#
	while [ "$words" -gt 0 ]; do
		word=$1
		shift
		# shellcheck disable=SC2016
		case $word in *'$room'*) word=${word%%'$room'*}$host${word#*'$room'} ;; esac
		set -- "$@" "$word"
		words=$((words - 1))
	done
	[ "$1" != jcmd ] || { shift; set -- knock "$@"; }
	"$@" 8<&- &
	guest=$!
	trap 'strike TERM $guest' TERM
	wait $guest
	answered=$?
	wait $guest 2>/dev/null # the first may have been cut short
	kill -TERM $host 2>/dev/null
	exec 8<&-
	wait $host 2>/dev/null
	return $answered
}

# What a client asks for, in the place of this shell where it is a program. `only PID STARTED` before it: by the time that it comes, the
# number may be another process's, which would die of a signal that the first one understands.
act() {
	if [ "$1" = only ] || [ "$1" = still ]; then
		born "$2"
		if [ -z "$born" ] || [ "$born" != "$3" ]; then
			echo "kprof: process $2 ended" >&2
			return 5
		fi
		shift 3
	fi
	case $1 in
	jcmd)
		shift
		knock "$@"
		;;
	inspector | list | look | profiler | quit | room | space | ticks | yardstick) "$@" ;;
	*) exec "$@" ;;
	esac
}

join() { sign "$dir/clients/$$"; }
leave() { rm -f "$dir/clients/$$"; }

# Runs the command whose words are the lines of file $1, for 12 s at most.
# Not `timeout`: the one of busybox leaves a watcher behind, a zombie of the app.
perform() {
	set --
	while IFS= read -r word; do set -- "$@" "$word"; done <"$file"
	act "$@" >/dev/null 2>&1 </dev/null &
	child=$!
	# Whose user it has can stop it, or hold it as a debugger does: then only this ends it.
	(nap 10; strike TERM $child; strike CONT $child; nap 2; strike KILL $child) 2>/dev/null &
	timer=$!
	wait $child
	performed=$?
	kill -KILL $timer 2>/dev/null # has no child either
	wait $timer 2>/dev/null
	return $performed
}

# Undoes capture $1, the newest step first: with `litter` its files too.
undo() {
	left=0
	capture=$dir/captures/$1
	for file in "$capture"/*.begun; do
		begun=${file%.begun}
		[ ! -e "$begun.code" ] || continue
		# Who minds a step passes it on; where that one is gone, what runs hears it itself. Nothing hears it twice.
		signal TERM "$file/pid" || signal TERM "$begun.pid" || continue
		tries=0
		until [ -e "$begun.code" ] || [ $tries -ge 20 ]; do nap 0.1; tries=$((tries + 1)); done
	done
	for file in $(printf '%s\n' "$capture"/*.undo "$capture"/*.litter | sort -r); do
		[ -f "$file" ] || continue
		case $file in
		*.litter)
			[ "${2:-}" = litter ] || continue
			perform || { left=1; continue; }
			;;
		*) perform ;;
		esac
		rm -f "$file"
	done
	[ "${2:-}" != litter ] || [ $left = 1 ] || rm -rf "${capture:?}"
	return $left
}

# Ends capture $1 and removes its files. What the app still writes can't be removed at
# once: it is tried for 15 s, then by the supervisor, at the latest at the container's end.
finish() {
	[ -d "$dir/captures/$1" ] || return 0
	: >"$dir/captures/$1/ended"
	now
	late=$((time + 1500))
	until undo "$1" litter; do
		now
		[ "$time" -lt $late ] || return 1
		nap 1
	done
	return 0
}

# Its client is waited for until then. Whole from the first moment: the supervisor may look in any.
orphan() { # of $capture, at $time
	echo $((time + return_in * 100)) >"$capture/orphan.$$"
	mv "$capture/orphan.$$" "$capture/orphan"
}

# One at a time and beside the supervisor, which has to hear its signals.
clean() {
	if [ -n "$cleaner" ]; then
		[ ! -e "$dir/cleaning" ] || return 0
		wait "$cleaner"
		cleaner=''
	fi
	now
	# A holder that was killed could not say so.
	for file in "$dir"/captures/*/holder; do
		[ -e "$file" ] || continue
		capture=${file%/holder}
		if [ -e "$capture/orphan" ] || [ -e "$capture/undone" ] || signal 0 "$file"; then continue; fi
		orphan
	done
	for file in "$dir"/captures/*/orphan; do
		[ -f "$file" ] || continue
		IFS= read -r -t 1 due <>"$file"
		case ${due:-0} in *[!0-9]*) due=0 ;; esac
		[ "$time" -ge "${due:-0}" ] || continue
		# The note of a holder who was slow to leave, on a capture that the next one has taken over meanwhile.
		if signal 0 "${file%/orphan}/holder"; then
			rm -f "$file"
			continue
		fi
		mv "$file" "${file%orphan}undone" 2>/dev/null || continue # its client came back
		cleaned=${file%/orphan}
		clean_beside "${cleaned##*/}"
		return
	done
	[ $((age % 5)) = 0 ] || return 0
	for file in "$dir"/captures/*/ended; do
		[ -e "$file" ] || continue
		cleaned=${file%/ended}
		[ -e "$cleaned/holder" ] && signal 0 "$cleaned/holder" && continue # is at it
		clean_beside "${cleaned##*/}" litter
		return
	done
}

# A capture that is held, or whose client is waited for, is no idleness, however silent its line is.
is_live() {
	for file in "$dir"/captures/*/holder; do
		[ -e "$file" ] || continue
		capture=${file%/holder}
		if signal 0 "$file" || { [ ! -e "$capture/undone" ] && [ ! -e "$capture/ended" ]; }; then return 0; fi
	done
	return 1
}

clean_beside() {
	: >"$dir/cleaning"
	(
		trap - TERM INT HUP
		undo "$@"
		rm -f "$dir/cleaning"
	) &
	cleaner=$!
}

# What was promised to one client, another one who came later does not shorten. Sets limit.
longest() {
	limit=''
	for file in "$dir/ttl" "$dir"/captures/*/ttl; do
		[ -f "$file" ] || continue
		wanted=''
		IFS= read -r -t 1 wanted <>"$file"
		case ${wanted:-,} in *[!0-9]*) continue ;; esac
		[ "$wanted" -le "${limit:-0}" ] || limit=$wanted
	done
	limit=${limit:-$ttl}
}

supervise() {
	ttl=$1 first=$2 cap=$3
	stopping='' age=0 idle=0 limit=$first last='' cleaner=''
	trap 'stopping=1' TERM INT HUP
	while [ -z "$stopping" ] && [ $idle -lt "$limit" ] && [ $age -lt "$cap" ]; do
		nap 1
		age=$((age + 1)) idle=$((idle + 1))
		beat=$last
		[ ! -f "$dir/beat" ] || IFS= read -r -t 1 beat <>"$dir/beat"
		[ "$beat" = "$last" ] || {
			last=$beat idle=0
			longest
		}
		! is_live || idle=0
		clean
	done
	trap '' TERM INT HUP
	for capture in "$dir"/captures/*; do
		[ ! -d "$capture" ] || : >"$capture/ended" # no step begins any more
	done
	# In this order: who runs first, then what they began. The kernel kills whoever is left.
	[ -z "$cleaner" ] || { kill -TERM "$cleaner" 2>/dev/null; wait "$cleaner"; }
	for client in "$dir"/clients/*; do signal TERM "$client"; done
	tries=0
	while [ -n "$(ls "$dir/clients")" ] && [ $tries -lt 8 ]; do
		tries=$((tries + 1))
		nap 0.1
	done
	# Not 0 tells that somebody else has to.
	ended=0
	for capture in "$dir"/captures/*; do
		[ ! -d "$capture" ] || undo "${capture##*/}" litter || ended=1
	done
	return $ended
}

# Ends with what it began, the listener too: it has no child, and a milder signal is lost while ash still sets up the subshell.
desert() {
	[ -z "$child" ] || strike TERM "$child"
	[ -z "$listener" ] || kill -KILL "$listener" 2>/dev/null
	wait 2>/dev/null
	rm -f "$dir/flow.$$" "$dir/answer.$$"
	leave
	exit 143
}

# Runs a command for as long as the client is there; its exit code is ours.
attended() {
	exec 3<&0
	join
	child='' listener=''
	trap desert TERM INT HUP
	"$@" </dev/null 3<&- &
	child=$!
	born $child
	began=$born
	(
		listen ack && exit 0
		# By now the number may be another's.
		born $child
		[ "$born" != "$began" ] || strike TERM $child
		exit 1
	) &
	listener=$!
	wait $child
	code=$? child=''
	# The tail of a stream is lost when its sender leaves before a slow reader is done:
	# an artifact's sender stays until the reader says that it has everything.
	if [ -n "${acknowledged:-}" ] && [ $code = 0 ]; then
		wait $listener || code=74
	else
		kill -KILL $listener 2>/dev/null
		wait $listener 2>/dev/null
	fi
	leave
	return $code
}

# Of what ended with code $1, having printed file $2.
account() {
	printf '\nkprof-answer %s %s\n' "$1" "$(sha256sum <"$2" | cut -d ' ' -f 1)"
	return "$1"
}

# What a command prints may be more than a disk has: BLOCKS at most, of 512 bytes in ash.
limited() { # BLOCKS RUN…
	ulimit -f "$1"
	shift
	act "$@"
}

# Runs what prints a text of 16 MiB at most.
answer() {
	text=$dir/answer.$$
	attended limited 32768 "$@" >"$text"
	verdict $? "$@"
	ended=$?
	attended cat "$text"
	account $ended "$text" >&2
	rm -f "$text"
	return $ended
}

# Runs a command that goes on until the client says `stop`, and takes what it prints as it comes.
flow() {
	exec 3<&0
	join
	child='' listener=''
	trap desert TERM INT HUP
	"$@" </dev/null 3<&- &
	child=$!
	sign "$dir/flow.$$" $child
	(
		trap - TERM INT HUP
		while listen stop ask ack; do
			case $line in
			stop)
				nap 1.1 # what the kernel took until now, it hands over within a second
				signal INT "$dir/flow.$$"
				;;
			ask) signal USR1 "$dir/flow.$$" ;;
			ack) exit 0 ;;
			esac
		done
		# It may wait for a reader who never comes.
		signal TERM "$dir/flow.$$"
		nap 3
		signal KILL "$dir/flow.$$"
		exit 1
	) &
	listener=$!
	wait $child
	code=$? child=''
	rm -f "$dir/flow.$$"
	echo "kprof-exit $code" >&2
	wait $listener || code=74
	leave
	return $code
}

hold() {
	exec 3<&0
	join
	capture=$dir/captures/$1
	if [ "${3:-}" = again ]; then
		# Who was told the last word on a line that broke then, is at it.
		while [ -e "$capture/ended" ] && signal 0 "$capture/holder"; do nap 0.2; done
		[ -d "$capture" ] || { leave; echo "kprof: the capture is no longer there" >&2; return 75; }
	else
		mkdir -p "$capture"
	fi
	trap 'leave; exit 143' TERM INT HUP # the supervisor undoes
	echo "$2" >"$dir/ttl"
	echo "$2" >"$capture/ttl"
	sign "$capture/holder"
	rm -f "$capture/orphan"
	if [ -e "$capture/undone" ]; then echo undone; else echo held; fi
	listen 'done' abort
	heard=$?
	if [ $heard = 0 ]; then
		[ "$line" != 'done' ] || rm -f "$capture"/*.undo
		finish "$1"
	else
		[ $heard = 2 ] || return_in=$((return_in / 2))
		now
		# Another line may hold it already, or have ended it.
		holder=
		[ ! -e "$capture/holder" ] || IFS=' ' read -r holder _ <"$capture/holder"
		[ "$holder" != $$ ] || orphan
	fi
	code=$?
	leave
	return $code
}

list() {
	for capture in "$dir"/captures/*; do
		[ -d "$capture" ] || continue
		state=held
		for each in orphan undone ended; do
			[ ! -e "$capture/$each" ] || state=$each
		done
		echo "${capture##*/} $state"
	done
}

drop() {
	[ -d "$dir/captures/$1" ] || return 0
	join
	trap 'leave; exit 143' TERM INT HUP
	finish "$1"
	code=$?
	leave
	return $code
}

is_held() {
	[ -d "$capture" ] && [ ! -e "$capture/undone" ] && [ ! -e "$capture/ended" ] && return
	echo "kprof: the capture is no longer held" >&2
	return 75
}

# Who undoes leaves the mark first, and looks for what runs then: what has not seen it is seen.
held() {
	is_held || exit
	limited 262144 "$@"
}

# RUN… talks over the line itself, and notices its end and its silence.
relay() {
	exec 3<&0
	join
	"$@" <&3 3<&- &
	child=$!
	trap 'strike TERM $child; wait $child; leave; exit 143' TERM INT HUP
	wait $child
	code=$?
	leave
	return $code
}

# A step belongs to the capture and not to the line that asked for it: it goes on
# when that is cut, and who asks again is told how it ended.
step() {
	capture=$dir/captures/$1 key=$dir/captures/$1/${2%%.*} name=$2 words=$3
	shift 3
	is_held || return
	if ! mkdir "$key.begun" 2>/dev/null; then
		attended await_end && is_held && result
		return
	fi
	ending='' child=''
	trap 'ending=1; [ -z "$child" ] || strike TERM "$child"' TERM INT HUP
	sign "$key.begun/pid"
	join
	if [ "$words" -gt 0 ]; then
		: >"$capture/.new"
		while [ "$words" -gt 0 ]; do
			printf '%s\n' "$1" >>"$capture/.new"
			shift
			words=$((words - 1))
		done
		mv "$capture/.new" "$capture/$name"
	fi
	held "$@" </dev/null >"$key.out" 2>"$key.err" &
	child=$!
	[ -z "$ending" ] || strike TERM $child
	sign "$key.new" $child
	mv "$key.new" "$key.pid"
	wait $child
	code=$?
	while [ -e "/proc/$child" ]; do wait $child; done # the first may have been cut short
	child=''
	verdict $code "$@" 2>>"$key.err"
	code=$?
	[ -n "$ending" ] || account $code "$key.out" >"$key.sum"
	echo $code >"$key.new"
	mv "$key.new" "$key.code"
	if [ -n "$ending" ]; then
		leave
		exit 143
	fi
	result
	code=$?
	leave
	return $code
}

# Who minds a step signs at once, and ends when it has written how that ended.
await_end() {
	tries=0
	until [ -e "$key.code" ]; do
		[ -d "$capture" ] || is_held || return
		if signal 0 "$key.begun/pid"; then tries=0; else tries=$((tries + 1)); fi
		[ $tries -lt 25 ] || { echo "kprof: what minds the command was killed" >&2; return 137; }
		nap 0.2
	done
	return 0
}

complain() { exec cat "$@" >&2; }

# A line that is gone takes nothing more: who writes to it waits for ever, unless somebody listens.
result() {
	attended cat "$key.out" || return
	attended complain "$key.err" "$key.sum" || return
	IFS= read -r code <"$key.code" && return "$code"
}

put() {
	exec 3<&0
	join
	content=$dir/answer.$$
	trap 'rm -f "$content"; leave; exit 143' TERM INT HUP
	while IFS= read -r -t "$silence" line <&3 && [ "$line" != . ]; do echo "$line"; done | base64 -d >"$content"
	"$@" <"$content"
	code=$?
	sha256sum <"$content" | cut -d ' ' -f 1 >"$content.sum"
	cat "$content.sum"
	account $code "$content.sum" >&2
	rm -f "$content" "$content.sum"
	leave
	return $code
}

identify() { # FILE: SIZE INODE MTIME_NS, into $identity
	# shellcheck disable=SC2046 # SIZE INODE SECONDS DATE TIME.FRACTION
	set -- $(stat -c '%s %i %Y %y' "$1")
	[ $# -ge 5 ] || return 1
	fraction=${5#*.}
	[ "$fraction" != "$5" ] || fraction=000000000
	identity="$1 $2 $3$fraction"
}

# Of process $1 and the children that it waited for, hundredths of a second of processor time into $used.
used() {
	IFS= read -r stat <"/proc/$1/stat"
	# shellcheck disable=SC2086
	set -- ${stat##*) }
	used=$((${12} + ${13} + ${14} + ${15}))
}

# Processor time is the app's: what was used since the last time is slept off. A line that held us back has done so already.
keep_pace() { # PERMILLE
	used "$to"
	spent=$used
	used self
	spent=$((spent + used))
	due=$((last + (spent - counted) * 1000 / $1))
	now
	while [ "$time" -lt $due ] && [ -z "$ending" ]; do
		rest=$((due - time))
		[ $rest -lt 99 ] || rest=99
		case $rest in ?) nap "0.0$rest" ;; *) nap "0.$rest" ;; esac
		now
	done
	counted=$spent last=$time
}

# Waits for the one that writes. It may wait itself, for a reader who never comes.
written() { # PID
	from=$1
	[ -z "$ending" ] || kill -KILL "$from"
	wait "$from"
	answered=$?
	wait "$from" 2>/dev/null # the first may have been cut short
	from=''
	return $answered
}

# What is sent and what is summed up, a block at a time, each by a child of its own: what these use is counted once they have ended.
paced() { # FILE OFFSET PERMILLE SIZE
	if [ ! -f "$1" ] || [ -L "$1" ]; then
		echo "kprof: $1 is no regular file" >&2
		return 1
	fi
	from='' to='' ending='' counted=0
	trap 'ending=1; kill -KILL $from $to 2>/dev/null' TERM
	mkfifo "$dir/pipe.$$"
	exec 4<"$1" 5<"$1" 6<>"$dir/pipe.$$"
	exec 7<"$dir/pipe.$$"
	exec 8>"$dir/pipe.$$" 6<&-
	rm -f "$dir/pipe.$$"
	sha256sum <&7 >"$dir/sum.$$" 4<&- 5<&- 7<&- 8>&- &
	to=$!
	exec 7<&-
	now
	last=$time
	blocks "$@"
	sent=$?
	exec 4<&- 5<&- 8>&-
	wait $to || sent=$?
	wait # for tar, too, whose reader left early
	to=''
	[ ! -e "$dir/sum.$$" ] || IFS=' ' read -r digest _ <"$dir/sum.$$"
	rm -f "$dir/sum.$$"
	[ -z "$ending" ] || return 143
	[ $sent = 0 ] || { echo "kprof: $1 could not be read or sent" >&2; return $sent; }
	echo "kprof-sha256 $digest" >&2
}

# As `paced`. Sent from 4, which begins at OFFSET; summed up from 5, all of it.
blocks() {
	[ -z "$ending" ] || return
	dd bs=1 skip="$2" count=0 <&4 2>/dev/null || return
	if [ "$2" = 0 ]; then
		tar -C "${1%/*}" -cf - "${1##*/}" 4<&- 5<&- 8>&- | dd bs=512 count=1 2>/dev/null 4<&- 5<&- 8>&- &
		written $! || return
	fi
	at=0
	while [ $at -lt "$4" ] && [ -z "$ending" ]; do
		if [ $at -lt "$2" ]; then left=$(($2 - at)); else left=$(($4 - at)); fi
		count=32
		[ $left -ge 4194304 ] || count=1
		size=$((left < 4194304 ? left : 131072))
		dd bs=$size count=$count <&5 >&8 2>/dev/null &
		written $! || return
		if [ $at -ge "$2" ]; then
			dd bs=$size count=$count <&4 2>/dev/null 8>&- &
			written $! || return
		fi
		at=$((at + size * count))
		keep_pace "$3"
	done
	[ "$2" = 0 ] || return 0
	dd if=/dev/zero bs=$(((512 - $4 % 512) % 512 + 1024)) count=1 2>/dev/null 8>&- &
	written $!
}

# Its programs are waited for, whatever comes: an orphan would end as a zombie of the app.
send() { # LEVEL RUN… | bare RUN… | plain FILE [OFFSET [PERMILLE [SIZE INODE MTIME_NS]]]
	level=$1
	shift
	for word; do
		shift
		if [ "$word" = own ]; then set -- "$@" "$shell" "$0" own; else set -- "$@" "$word"; fi
	done
	export KPROF_REAPER=1
	if [ "$level" = plain ]; then
		identify "$1" || return
		[ $# -lt 6 ] || [ "$identity" = "$4 $5 $6" ] || { echo "kprof: $1 is another file now, or was changed" >&2; return 4; }
		echo "kprof-file $identity" >&2
		if [ "${3:-0}" != 0 ]; then
			paced "$1" "$2" "$3" "${identity%% *}"
			return
		fi
		if [ "${2:-0}" = 0 ]; then tar -C "${1%/*}" -cf - "${1##*/}" & else tail -c "+$(($2 + 1))" "$1" & fi
		from=$! to=$!
	elif [ "$level" = bare ]; then
		"$@" &
		from=$! to=$!
	else
		kindly=
		command -v nice >/dev/null && kindly='nice -n 19'
		mkfifo "$dir/pipe.$$"
		"$@" >"$dir/pipe.$$" &
		from=$!
		$kindly zstd "-$level" -q -c <"$dir/pipe.$$" &
		to=$!
	fi
	trap 'strike TERM $from; strike TERM $to' TERM
	wait $from
	sent=$?
	[ $from = $to ] || wait $to || sent=$?
	wait $from $to 2>/dev/null # the first may have been cut short
	rm -f "$dir/pipe.$$"
	[ $sent = 0 ] || return $sent
	[ "$level" != plain ] || echo "kprof-sha256 $(sha256sum "$1" | cut -d ' ' -f 1)" >&2
}

# Prints what there is to know of the processes of container $1, of process $2 in any case, and how many more there are. The text is
# the target's to choose: the client reads it with care. There may be thousands: a few children for all of them, not for each.
look() {
	trap '' TERM # done in a moment, and what it starts is not to be orphaned
	me=$(id -u)
	# shellcheck disable=SC2046
	echo "tools$(for tool in jattach jcmd inroot keeper setpriv zstd; do command -v $tool >/dev/null && echo " $tool"; done | tr -d '\n')$(
		[ ! -e "$library" ] || echo ' async-profiler'
	)"
	echo "jdk $(jdk)"
	echo "self $(sed -n 's/^[UG]id:[[:space:]]*\([0-9]*\).*/\1/p; s/^CapEff:[[:space:]]*//p' /proc/self/status | tr '\n' ' ')"
	cd /proc || return
	# Where nobody can make a cgroup, a container is told by a mark in the environment of its processes.
	# shellcheck disable=SC2046
	set -- "${2:-}" $(grep -l -s -z -F -e "$1" [0-9]*/"${KPROF_WITHIN:-cgroup}" | cut -d / -f 1 | head -n 20000)
	asked=$1
	shift
	case " $* " in *" ${asked:-,} "*) set -- "$asked" "$@" ;; *) asked= ;; esac
	all=$#
	[ -z "$asked" ] || all=$((all - 1))
	if [ $all = 0 ]; then
		echo 'more 0'
		return
	fi
	seen=$(if [ "$me" = 0 ]; then users "$@" | peek_as_each; else peek "$@"; fi | head -c 1048576)
	printf '%s\n' "$seen"
	# shellcheck disable=SC2046
	set -- $(printf '%s\n' "$seen" | sed -n 's|/seen:$||p' | head -n 200)
	# shellcheck disable=SC2046
	grep -a -H -s -E '^(Name|State|PPid|TracerPid|Uid|Gid|Groups|CapPrm|SigCgt):' $(printf '%s/status ' "$@")
	# shellcheck disable=SC2046
	grep -a -H -s -m 1 '' $(printf '%s/stat ' "$@")
	for pid in "$@"; do words "$pid"; done 2>/dev/null # one may end at any moment
	echo "more $((all - $#))"
}

# The command line of process $1 in one line, as far as it is of use. Read by the shell itself, which costs no child.
words() {
	printf '%s/cmdline:' "$1"
	count=0
	while IFS= read -r -d '' -n 131072 word || [ -n "$word" ]; do
		case $word in
		*"$newline"*)
			set -f
			IFS=$newline
			# shellcheck disable=SC2086
			set -- $word
			IFS=' '
			word=$*
			unset IFS
			set +f
			;;
		esac
		printf '%s\037' "$word"
		count=$((count + 1))
		[ $count -lt 4096 ] || break
	done <"$1/cmdline"
	echo
}

# Of processes PID…: UID GID GROUPS PID, those of one user together; the first one's user comes first.
users() {
	# shellcheck disable=SC2046
	grep -a -H -s -E '^(Uid|Gid|Groups):' $(printf '%s/status ' "$@") | while IFS='/:	 ' read -r pid _ key ids; do
		# shellcheck disable=SC2086
		set -- $ids
		case $key in
		Uid) uid=$1 ;;
		Gid) gid=$1 ;;
		Groups)
			IFS=,
			groups=$*
			unset IFS
			echo "$uid $gid ${groups:--} $pid"
			;;
		esac
	done | {
		IFS= read -r line || exit 0
		echo "$line"
		sort
	}
}

# Who has that user may take the output of what runs so over; with ours it could invent processes of any user.
peek_as_each() {
	last='' theirs='' count=0
	while IFS= read -r line; do
		user=${line% *}
		if [ "$user" != "$last" ]; then
			peek_as "$last" "$theirs"
			last=$user theirs=''
			count=$((count + 1))
			[ $count -le 10 ] || return 0
		fi
		theirs="$theirs ${line##* }"
	done
	peek_as "$last" "$theirs"
}

peek_as() { # 'UID GID GROUPS' 'PID…'
	[ -n "$1" ] || return 0
	# shellcheck disable=SC2086
	set -- $1 "$2"
	# shellcheck disable=SC2086
	if [ "$1" = 0 ]; then
		peek $4
		return
	fi
	if [ "$3" = - ]; then groups=--clear-groups; else groups=--groups=$3; fi
	# shellcheck disable=SC2086,SC2046
	KPROF_REAPER=1 setpriv --reuid="$1" --regid="$2" "$groups" $(rights '') "$shell" "$0" peek $4 </dev/null |
		grep -a -E '^[0-9]+/(seen|exe|map|tell):' | head -c 131072 | while IFS= read -r line; do
		case "$4 " in *" ${line%%/*} "*) printf '%s\n' "$line" ;; esac
	done
}

# The words that make a command run as PID's own user: none, where we are that user.
as() { # PID [bare]
	[ "${me:=$(id -u)}" = 0 ] || return 0
	ids=$(sed -n 's/^\([UG]\)id:[[:space:]]*\([0-9]*\).*/\2/p' "/proc/$1/status")
	uid=${ids%%
*}
	gid=${ids##*
}
	[ "$uid" != 0 ] || return 0
	groups=$(sed -n 's/^Groups:[[:space:]]*//p' "/proc/$1/status" | sed 's/ *$//; s/  */,/g')
	if [ -n "$groups" ]; then groups=--groups=$groups; else groups=--clear-groups; fi
	echo "setpriv --reuid=$uid --regid=$gid $groups $(rights "${2:-}")"
}

# What another user is left of our rights: nothing but SYS_PTRACE (19), where we were given it, for there are processes
# that not even their own user may look into. Not that for what is `bare`.
rights() {
	effective=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
	if [ "$1" = bare ] || [ $((0x$effective & 0x80000)) = 0 ]; then echo --inh-caps=-all; else echo '--inh-caps=-all,+sys_ptrace --ambient-caps=-all,+sys_ptrace'; fi
}

jdk() { # the version of the image's own jcmd
	command -v jcmd >/dev/null || return 0
	release=$(readlink -f "$(command -v jcmd)")
	release=${release%/bin/jcmd}/release
	sed -n 's/^JAVA_VERSION="\(.*\)"/\1/p' "$release" 2>/dev/null
}

# Of PID…, what only their own user may see: of a hundred at most, those first that are likely to be meant; of sixteen all of it.
peek() {
	libraries='lib(jvm|j9vm[0-9]*|node)\.so'
	if [ $# -gt 16 ]; then
		likely "$@"
		# shellcheck disable=SC2086
		set -- $chosen
	fi
	printf '%s/seen:\n' "$@"
	# shellcheck disable=SC2046,SC2012 # a name of more than one line is of no use to anybody
	ls -l $(printf '%s/exe ' "$@") 2>/dev/null | sed -n 's|.* \([0-9]*\)/exe -> |\1/exe:|p'
	# shellcheck disable=SC2046
	grep -o -H -s -E "$libraries" $(printf '%s/maps ' "$@") | sort -u | sed 's|/maps:|/map:|'
	count=0
	for pid in "$@"; do
		peek_one 2>/dev/null | while IFS= read -r line; do printf '%s/tell:%s\n' "$pid" "$line"; done
		count=$((count + 1))
		[ $count -lt 16 ] || break
	done
}

# Into $chosen: the first of PID…, those with a library or a name that is looked for, one of each program, and then the others.
likely() {
	# shellcheck disable=SC2046,SC2012
	programs=$(ls -l $(printf '%s/exe ' "$@") 2>/dev/null | sed -n 's|.* \([0-9]*\)/exe -> |\1 |p')
	chosen='' count=0
	# shellcheck disable=SC2046
	for pid in "$1" \
		$(grep -l -s -E "$libraries" $(printf '%s/maps ' "$@") | cut -d / -f 1) \
		$(printf '%s\n' "$programs" | sed -n 's|^\([0-9]*\) .*/node[^/]*$|\1|p') \
		$(printf '%s\n' "$programs" | sort -u -k 2 | cut -d ' ' -f 1) "$@"; do
		case "$chosen " in *" $pid "*) continue ;; esac
		chosen="$chosen $pid"
		count=$((count + 1))
		[ $count -lt 100 ] || return 0
	done
}

# All that is told of $pid: a word, and what it is.
peek_one() {
	p=/proc/$pid
	exe=$(readlink "$p/exe") || return 0
	case ${exe##*/} in node*) peek_node ;; esac
	command -v keeper >/dev/null && keeper tell "$pid"
	if ! grep -q 'libjvm\.so' "$p/maps"; then
		# The names of its sections stand at its end.
		tail -c 65536 "$p/exe" | grep -a -q '\.svm_heap' && echo 'native-image yes'
		return 0
	fi
	[ ! -S "$p/root/tmp/.java_pid$pid" ] || peek_door
	# An option in the environment counts like one on the command line.
	options=$(tr '\0' '\n' <"$p/environ" | grep -E '^(JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS)=')
	printf '%s\n' "$options" | grep -o -E -- '-XX:[+-]DisableAttachMechanism' | tail -n 1 | sed 's/^/env-attach /'
	# Where it records to.
	printf '%s\n' "$options" | sed -n 's/.*-Djava\.io\.tmpdir=\([^ ]*\).*/env-tmpdir \1/p' | tail -n 1
	printf '%s\n' "$options" | sed -n 's/.*-XX:FlightRecorderOptions[=:]\([^ ]*,\)\{0,1\}repository=\([^ ,]*\).*/env-repository \2/p' | tail -n 1
	perf=$(grep -o -E '/[^ ]*/hsperfdata_[^/ ]+/[0-9]+' "$p/maps" | head -n 1)
	[ -z "$perf" ] || inside cat "$perf" | tr -cd '[:print:]' | grep -o -E 'jvmCapabilities[01]' | sed 's/^jvmCapabilities/attach /'
	# Its threads have a name, where it was given a time limit; every library of its has a file.
	! grep -q -s '^Async-profiler' "$p"/task/*/comm || echo "profiler runs"
	ours=$(stat -c %i "$library" 2>/dev/null)
	sed -n 's/^[^ ]* r-xp 0* [^ ]* \([0-9]*\) *\(.*libasyncProfiler[^ ]*\).*$/\1 \2/p' "$p/maps" | while IFS=' ' read -r inode file; do
		if [ "$inode" = "$ours" ]; then echo "library ours"
		elif [ "$(inside stat "$file" 2>/dev/null | cut -d ' ' -f 2)" = "$inode" ]; then echo "library $file"
		elif [ "$file" = "$library" ]; then echo "library gone"
		else echo "library hidden $file"; fi
	done | sort -u | head -n 1
	# Asked, and not tried: what is killed while it looks leaves nothing in the target.
	if refused=$(inside may /tmp/kprof 2>&1); then
		echo "tmp writable"
	else
		echo "tmp $(echo "$refused" | tr '\n' ' ')"
	fi
}

# Who answers at its door: where containers have one /tmp, it may be the JVM of another one that has the same number there. Whose sockets
# can't be seen, and of a door that nobody is behind, the client finds out.
peek_door() {
	links=$(ls -l "$p/fd")
	sockets=" $(printf '%s\n' "$links" | sed -n 's/.* -> socket:\[\([0-9]*\)\]$/\1/p' | tr '\n' ' ')"
	# The flag is that of who listens; HotSpot binds another name, and gives it this one then.
	listening=$(sed -n "s|^[^ ]* [^ ]* [^ ]* 00010000 [^ ]* [^ ]* *\([0-9]*\) .*/\.java_pid$pid\(\.tmp\)\{0,1\}\$|\1|p" /proc/net/unix)
	for inode in $listening; do
		case $sockets in *" $inode "*) listening='' ;; esac
	done
	if [ -n "$links" ] && [ -n "$listening" ]; then echo 'door foreign'; else echo 'door open'; fi
}

# Others are called so, too: a name that Node exports stands near the beginning of its program.
peek_node() {
	if grep -q 'libnode\.so' "$p/maps" || head -c 16777216 "$p/exe" | tr '\0' '\n' | grep -q '^node_module_register$'; then echo "node yes"; fi
	sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB.*/rss \1/p' "$p/status"
	options=$(tr '\0' '\n' <"$p/environ" | sed -n 's/^NODE_OPTIONS=//p' | tr ' ' '\n')
	printf '%s\n' "$options" | sed -n 's/^--inspect[a-z-]*=\(.*:\)\{0,1\}\([0-9]\{1,5\}\)$/inspect \2/p' | tail -n 1
	! printf '%s\n' "$options" | grep -q -E '^--inspect(-brk|-wait)?(=|$)' || echo "inspects yes"
}

# In the root of $pid, links and all; an image without inroot may only look.
inside() {
	start=$(sed 's/.*) //' "/proc/$pid/stat" | cut -d ' ' -f 20)
	if command -v inroot >/dev/null; then
		if [ "$1" = cat ]; then inroot "$pid" "$start" cat "$2" 65536; else inroot "$pid" "$start" "$1" "$2"; fi
		return
	fi
	case $1 in
	cat) head -c 65536 "/proc/$pid/root$2" ;;
	may) [ -w "/proc/$pid/root/tmp" ] || { echo "not writable" >&2; return 1; } ;;
	esac
}

shift
case $verb in
supervise)
	mkdir -p "$dir/clients" "$dir/captures"
	[ -p "$dir/never" ] || mkfifo "$dir/never"
	: >"$dir/beat"
	sign "$dir/main"
	: >"$dir/ready"
	supervise "$@"
	;;
list | look) answer "$verb" "$@" ;;
peek)
	cd /proc && peek "$@"
	;;
hold) hold "$@" ;;
drop)
	drop "$@"
	account $? /dev/null >&2
	;;
end)
	account 0 /dev/null >&2
	signal TERM "$dir/main"
	;;
own)
	born $$ # whoever it runs as: its own root is this container's, and open to it
	exec inroot $$ "$born" "$@"
	;;
run) answer "$@" ;;
flow) flow "$@" ;;
step) step "$@" ;;
put) put "$@" ;;
relay) relay "$@" ;;
pull)
	acknowledged=1
	attended send "$@"
	;;
*)
	echo "kprof: no verb $verb" >&2
	exit 64
	;;
esac
