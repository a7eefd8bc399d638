#!/bin/bash
# inroot.test.sh [INROOT]: what inroot must refuse, and what it must do. The
# target is a process in its own mount namespace, chrooted into a folder of
# hostile links. Without INROOT it is compiled; CFLAGS may change it.
# Where it can't run it says so in one line, "inroot: skipped: …", and succeeds.
set -euo pipefail
skip() { echo "inroot: skipped: $*"; exit 0; }
[ "$(uname)" = Linux ] || skip "needs Linux"
[ "$(id -u)" = 0 ] || skip "needs root"
unshare --mount true 2>/dev/null || skip "needs a mount namespace"
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
target=''
# shellcheck disable=SC2317 # called by the trap
cleanup() {
	[ -z "$target" ] || kill -KILL "$target" 2>/dev/null || :
	rm -rf "$work"
}
trap cleanup EXIT
cc=${CC:-cc}
mkdir -p "$work/root/bin"
"$cc" -static -x c -o "$work/root/bin/sleep" - <<<'#include <unistd.h>
int main(void) { sleep(1000); }' 2>/dev/null || skip "needs a C compiler and a static libc"
inroot=${1:-$work/inroot}
# shellcheck disable=SC2086
[ -n "${1:-}" ] || "$cc" -static -Os -Wall -Wextra -Werror ${CFLAGS:-} -o "$inroot" "$here/inroot.c"

# Ours, and never to be reached; the same paths exist inside, with other content.
mkdir "$work/outside"
echo outside >"$work/outside/secret"
root=$work/root
mkdir -p "$root"/{proc,dev,tmp/real,run,"$work/outside"}
echo inside >"$root/$work/outside/secret"
cd / # so that /proc/PID/cwd is all of it

# As in a pod, all see the same processes: the machine's /proc is the target's.
# shellcheck disable=SC2016
unshare --mount bash -c 'mount --rbind /proc "$1/proc" && exec chroot "$1" /bin/sleep' - "$root" &
target=$!
until [ "$(readlink "/proc/$target/root")" = "$root" ] && grep -qs sleep "/proc/$target/cmdline"; do sleep 0.02; done
start=$(sed 's/.*) //' "/proc/$target/stat" | cut -d' ' -f20)

failed=0
bad() { echo "not ok: $*" >&2; failed=$((failed + 1)); }
at() { "$inroot" "$target" "$start" "$@" </dev/null; }
gives() { # EXPECTED VERB PATH…
	local expected=$1 got
	shift
	got=$(at "$@" 2>&1) || { bad "$*: $got"; return 0; }
	[ "$got" = "$expected" ] || bad "$*: '$got', not '$expected'"
}
refuses() { # CODE TEXT VERB PATH…
	local code=$1 text=$2 got rc=0
	shift 2
	got=$(timeout 5 "$inroot" "$target" "$start" "$@" </dev/null 2>&1) || rc=$?
	[ "$rc" = "$code" ] || bad "$*: exit $rc, not $code: $got"
	[[ $got == *"$text"* ]] || bad "$*: '$got' lacks '$text'"
}

ended() { # CODE TEXT, of the run that left rc and err
	[ "$(cat "$work/rc")" = "$1" ] || bad "exit $(cat "$work/rc"), not $1"
	grep -qF "$2" "$work/err" || bad "'$(cat "$work/err")' lacks '$2'"
}
refuses_to_read() {
	refuses 1 "not a regular file" stat "$1"
	refuses 1 "not a regular file" tar "$1"
	refuses 1 "not a regular file" cat "$1" 9
}

# What it is for
at mkdir /tmp/kprof-a
[ "$(stat -c %a "$root/tmp/kprof-a")" = 700 ] || bad "mode of mkdir"
refuses 1 "inroot: mkdir /tmp/kprof-a: EEXIST File exists" mkdir /tmp/kprof-a
at may /tmp/kprof-maybe
[ ! -e "$root/tmp/kprof-maybe" ] || bad "may made something"
refuses 1 ENOENT may /tmp/none/kprof-maybe
(umask 000 && echo hello | "$inroot" "$target" "$start" put /tmp/kprof-a/file)
[ "$(stat -c %a "$root/tmp/kprof-a/file")" = 600 ] || bad "mode of put"
gives hello cat /tmp/kprof-a/file 100
gives hel cat /tmp/kprof-a/file 3
gives "$(stat -c '6 %i' "$root/tmp/kprof-a/file") $(date -r "$root/tmp/kprof-a/file" +%s%N)" stat /tmp/kprof-a/file
refuses 1 EEXIST put /tmp/kprof-a/file
head -c 700000 /dev/urandom >"$root/tmp/kprof-a/big"
at tar /tmp/kprof-a/big 2>/dev/null >"$work/big.tar"
[ "$(stat -c %s "$work/big.tar")" = $((512 + 700416 + 1024)) ] || bad "length of tar"
[ "$(tar -tvf "$work/big.tar" --numeric-owner | tr -s ' ' | cut -d' ' -f1-3,6)" = "-rw------- 0/0 700000 big" ] || bad "header of tar"
tar -xOf "$work/big.tar" | cmp - "$root/tmp/kprof-a/big" || bad "content of tar"
at tar /tmp/kprof-a/big 699000 2>/dev/null | cmp - <(tail -c 1000 "$root/tmp/kprof-a/big") || bad "rest of tar"
identity=$(at stat /tmp/kprof-a/big)
crc() { gzip -1c "$@" | tail -c 8 | od -An -N4 -tx4 | tr -d ' '; }
whole=$(crc "$root/tmp/kprof-a/big")
at tar /tmp/kprof-a/big 2>&1 >/dev/null | diff - <(printf 'kprof-file %s\nkprof-crc32 %s\n' "$identity" "$whole") || bad "what tar says"
for offset in 1 7 262144 699999 700000; do
	# shellcheck disable=SC2086 # three words
	at tar /tmp/kprof-a/big $offset 0 $identity 2>"$work/err" | cmp - <(tail -c "+$((offset + 1))" "$root/tmp/kprof-a/big") || bad "rest from $offset"
	head -c $offset "$root/tmp/kprof-a/big" >"$work/prefix"
	printf 'kprof-file %s\nkprof-prefix %s\nkprof-crc32 %s\n' "$identity" "$(crc "$work/prefix")" "$whole" | diff - "$work/err" || bad "what the rest from $offset says"
done
for other in "700001 ${identity#* }" "${identity% *} 1" "700000 1 ${identity##* }" "x x x"; do
	# shellcheck disable=SC2086
	refuses 4 "inroot: tar /tmp/kprof-a/big: it is another file now, or was changed" tar /tmp/kprof-a/big 1 0 $other
done
# 64 MiB without a pace take some 60 ms of a core; with a hundredth of one they can't all come within a second.
truncate -s 64M "$root/tmp/kprof-a/paced"
paced=$( (timeout 1 "$inroot" "$target" "$start" tar /tmp/kprof-a/paced 0 10 2>/dev/null || :) | wc -c)
if [ "$paced" -lt 100000 ] || [ "$paced" -gt 60000000 ]; then bad "a hundredth of a core moved $paced bytes"; fi
rm "$root/tmp/kprof-a/paced"
refuses 1 shorter tar /tmp/kprof-a/big 700001
: >"$root/tmp/kprof-a/empty"
[ "$(at tar /tmp/kprof-a/empty 2>/dev/null | wc -c)" = 1536 ] || bad "tar of an empty file"
truncate -s 9G "$root/tmp/kprof-a/huge"
[ "$(at tar /tmp/kprof-a/huge 2>/dev/null | head -c 512 | tar -tvf - 2>/dev/null | tr -s ' ' | cut -d' ' -f3)" = 9663676416 ] || bad "header of 9 GiB"
rm "$root/tmp/kprof-a/huge"
(at tar /tmp/kprof-a/big 2>"$work/err" || echo $? >"$work/rc") | head -c 1 >/dev/null
ended 1 "EPIPE Broken pipe"
mkfifo "$work/slow"
truncate -s 3M "$root/tmp/kprof-a/shrinks"
(rc=0; at tar /tmp/kprof-a/shrinks 2>"$work/err" >"$work/slow" || rc=$?; echo $rc >"$work/rc") &
writer=$!
exec 4<"$work/slow"
head -c 1000 <&4 >/dev/null
truncate -s 1M "$root/tmp/kprof-a/shrinks"
cat <&4 >/dev/null
exec 4<&-
wait $writer
ended 1 "became shorter while it was read"
truncate -s 3M "$root/tmp/kprof-a/shrinks"
(rc=0; at tar /tmp/kprof-a/shrinks 2>"$work/err" >"$work/slow" || rc=$?; echo $rc >"$work/rc") &
writer=$!
exec 4<"$work/slow"
head -c 1000 <&4 >/dev/null
printf x | dd of="$root/tmp/kprof-a/shrinks" conv=notrunc status=none
cat <&4 >/dev/null
exec 4<&-
wait $writer
ended 4 "was changed while it was read"
! grep -q kprof-crc32 "$work/err" || bad "a checksum of a file that changed"
ln -s ../../outside/secret "$root/tmp/kprof-a/link"
gives '' rm /tmp/kprof-a
[ ! -e "$root/tmp/kprof-a" ] || bad "rm left something"
gives '' rm /tmp/kprof-a
gives '' rm /nowhere/kprof-a
# An absolute link is the target's own business: /var/run is one.
ln -s /tmp/real "$root/absolute"
ln -s "$work/outside" "$root/outside"
echo x >"$root/tmp/real/file"
gives x cat /absolute/file 9
gives inside cat /outside/secret 9
gives inside cat "/../../..$work/outside/secret" 99

# The last component is a link, to anywhere
up=../../../../../../../../../..
for link in "$work/outside/secret" "$up$work/outside/secret" "/proc/1/root$work/outside/secret" "/proc/$$/root$work/outside/secret" file; do
	ln -sfn "$link" "$root/tmp/real/link"
	refuses_to_read /tmp/real/link
	refuses 1 EEXIST put /tmp/real/link
	refuses 1 EEXIST mkdir /tmp/real/link
done
ln -sfn "$work/outside/new" "$root/tmp/real/link" # dangling: put must not create what it names
refuses 1 EEXIST put /tmp/real/link
ln -sfn "$work/outside" "$root/tmp/kprof-link"
refuses 1 ENOTDIR rm /tmp/kprof-link
rm "$root/tmp/kprof-link"

# A folder on the way is a link out of the root
for link in "$up$work/outside" "$work/outside"; do
	ln -sfn "$link" "$root/tmp/dir"
	gives inside cat /tmp/dir/secret 9
	at mkdir /tmp/dir/kprof-made
	[ ! -e "$work/outside/kprof-made" ] || bad "mkdir through $link"
	gives '' rm /tmp/dir/kprof-made
	echo put | "$inroot" "$target" "$start" put /tmp/dir/put
	[ ! -e "$work/outside/put" ] || bad "put through $link"
	rm -f "$root/$work/outside/put"
done
# … or a magic link: another process's root (this script's), or our own
mkdir "$work/outside/kprof-mine" "$root/$work/outside/kprof-mine"
exec 5<"$work/outside" # of which /proc/$$/fd/5 is a link
for link in "/proc/$$/root$work/outside" "/proc/$$/cwd$work/outside" "/proc/self/root$work/outside" "/proc/thread-self/root$work/outside" "/proc/$$/fd/5" /proc/self/cwd; do
	ln -sfn "$link" "$root/tmp/dir"
	for parent in /tmp/dir "$link"; do
		refuses 1 ELOOP cat "$parent/secret" 99
		refuses 1 ELOOP put "$parent/new"
		refuses 1 ELOOP mkdir "$parent/new"
		refuses 1 ELOOP rm "$parent/kprof-mine"
	done
done
exec 5<&-

# Not regular: opening would wait, or act
mkfifo "$root/tmp/real/fifo"
mknod "$root/tmp/real/null" c 1 3
mknod "$root/tmp/real/tty" c 5 0
for name in /tmp/real/fifo /tmp/real/null /tmp/real/tty /tmp/real; do refuses_to_read $name; done
refuses 1 ENOTDIR cat /tmp/real/file/x 9
refuses 1 "ENOENT No such file or directory" cat /tmp/real/none 9
refuses 2 usage stat /
refuses 2 usage stat tmp/real/file
refuses 2 usage stat /tmp/real/..
refuses 2 usage stat /tmp/real/
refuses 2 usage cat /tmp/real/file
refuses 2 usage cat /tmp/real/file -1
refuses 2 usage tar /tmp/real/file x
refuses 2 usage tar /tmp/real/file 1 x
refuses 2 usage tar /tmp/real/file 1 0 1
refuses 2 usage tar /tmp/real/file 1 0 1 1
refuses 2 usage tar /tmp/real/file 1 0 1 1 1 1
refuses 2 usage stat /tmp/real/file 1
refuses 2 usage chmod /tmp/real/file
refuses 2 usage link /tmp/kprof-l/lib.so
mkdir "$root/tmp/other" "$root/tmp/kprof-l" "$root/tmp/kprof-l/dir"
for to in /proc/1/root/lib.so /proc/2/root/lib.so; do
	gives '' link /tmp/kprof-l/lib.so $to
	[ "$(readlink "$root/tmp/kprof-l/lib.so")" = $to ] || bad "link to $to: $(readlink "$root/tmp/kprof-l/lib.so")"
done
: >"$root/tmp/kprof-l/file"
refuses 1 EEXIST link /tmp/kprof-l/file /x
refuses 1 EEXIST link /tmp/kprof-l/dir /x
refuses 1 "not in a folder of kprof" link /tmp/other/lib.so /x
refuses 1 "not in a folder of kprof" link /tmp/kprof-l/dir/lib.so /x
refuses 1 "not in a folder of kprof" link /kprof-l /x
mkdir "$root/tmp/kprof-full" "$root/tmp/kprof-full/dir"
: >"$root/tmp/kprof-file"
refuses 1 "not a folder of kprof" rm /tmp/other
refuses 1 ENOTDIR rm /tmp/kprof-file
refuses 1 ENOTEMPTY rm /tmp/kprof-full

# A parent that is swapped for a link all the time
mkdir "$root/tmp/swap" "$root/tmp/swap.real"
echo inside >"$root/tmp/swap/secret"
echo inside >"$root/tmp/swap.real/secret"
(while :; do
	mv -T "$root/tmp/swap" "$root/tmp/swap.was" && ln -s "$up$work/outside" "$root/tmp/swap" &&
		rm "$root/tmp/swap" && mv -T "$root/tmp/swap.was" "$root/tmp/swap"
done) 2>/dev/null &
swapper=$!
for ((i = 0; i < 300; i++)); do
	got=$(at cat /tmp/swap/secret 99 2>&1) || continue
	[ "$got" = inside ] || { bad "swapped parent: $got"; break; }
done
kill $swapper
wait $swapper 2>/dev/null || :

[ "$(find "$work/outside" | wc -l)" = 3 ] || bad "outside was changed: $(find "$work/outside")"
[ "$(cat "$work/outside/secret")" = outside ] || bad "outside was written"

# The process: another one by its start time, a foreign number, dead
{ "$inroot" "$target" 1 stat /tmp/real/file 2>"$work/err" || echo $? >"$work/rc"; }
ended 5 "inroot: process $target is gone"
rc=0
"$inroot" 4194304 1 stat /tmp/real/file 2>/dev/null || rc=$?
[ $rc = 5 ] || bad "no such process: $rc"
for words in '../1 1 stat /x' '-1 1 stat /x' '1/../2 1 stat /x' '1 x stat /x' '1 1 stat'; do
	rc=0
	# shellcheck disable=SC2086
	"$inroot" $words 2>/dev/null || rc=$?
	[ $rc = 2 ] || bad "$words: $rc"
done
kill -KILL "$target"
wait "$target" 2>/dev/null || :
rc=0
at stat /tmp/real/file 2>/dev/null || rc=$?
target=''
[ $rc = 5 ] || bad "a dead process: $rc"

[ $failed = 0 ] && echo "inroot: all right"
exit $((failed > 0))
