// inroot: opens files inside the root of another process, and nowhere else.
//
//   inroot PID STARTTIME VERB PATH [ARG]
//
//   mkdir PATH          a new folder, 0700
//   may PATH            fails where PATH could not be made, and makes nothing
//   put PATH            a new file, 0600, from stdin
//   link PATH TO        a symbolic link in a folder whose name begins with kprof-, in the place of the one that is there
//   stat PATH           prints SIZE INODE MTIME_NS
//   tar PATH [OFFSET [PACE [SIZE INODE MTIME_NS]]]
//                       prints the file as a tar of one entry; from OFFSET > 0 on its bare bytes.
//                       PACE: thousandths of one core that it may use, 0 for all of it.
//                       With SIZE and the rest: that very file, unchanged, or nothing.
//                       On stderr `kprof-file SIZE INODE MTIME_NS`; from OFFSET > 0 on `kprof-prefix CRC32`,
//                       of what is left out; at the end `kprof-crc32 CRC32`, of the whole file
//   cat PATH MAX        prints at most MAX bytes
//   rm PATH             removes a folder whose name begins with kprof-, and the files in it
//
// Whoever lives in that root may plant links, swap folders and end at any moment. So the process is
// pinned by a descriptor and known by its start time, a path is resolved by the kernel as if the root
// were ours (openat2), the last component is never followed, and what isn't a regular file isn't opened.
//
// Exit codes: 0 done, 1 failed, 2 usage, 4 the file is another one or changes, 5 the process is gone or another one.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif
enum { NO_MAGICLINKS = 0x02, IN_ROOT = 0x10 }; // <linux/openat2.h>, which older headers lack
struct how { uint64_t flags, mode, resolve; };

enum { FAILED = 1, USAGE = 2, CHANGED = 4, GONE = 5 };

static const char *pid, *verb, *path;
static char buffer[256 * 1024];
static uint64_t pace;
static uint32_t crc, crc_table[8][256];

_Noreturn static void fail(const char *what) {
    fprintf(stderr, "inroot: %s %s: %s\n", verb, path, what);
    exit(FAILED);
}

_Noreturn static void fail_errno(void) {
    const char *name = strerrorname_np(errno);
    fprintf(stderr, "inroot: %s %s: %s %s\n", verb, path, name ? name : "?", strerror(errno));
    exit(FAILED);
}

_Noreturn static void gone(void) {
    fprintf(stderr, "inroot: process %s is gone\n", pid);
    exit(GONE);
}

_Noreturn static void changed(const char *what) {
    fprintf(stderr, "inroot: %s %s: %s\n", verb, path, what);
    exit(CHANGED);
}

_Noreturn static void usage(void) {
    fputs("usage: inroot PID STARTTIME mkdir|may|put|link|stat|tar|cat|rm PATH [TO | MAX | OFFSET [PACE [SIZE INODE MTIME_NS]]]\n", stderr);
    exit(USAGE);
}

static int must(int result) {
    if (result < 0) fail_errno();
    return result;
}

static uint64_t number(const char *text) {
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno) usage();
    return value;
}

// The target's root. All that is read of the process goes through one descriptor, so that a new
// process of the same number can't come in between.
static int open_root(uint64_t started) {
    char stat[4096], name[32];
    snprintf(name, sizeof name, "/proc/%s", pid);
    int process = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (process < 0) gone();
    int file = openat(process, "stat", O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, stat, sizeof stat - 1);
    if (length <= 0) gone();
    stat[length] = 0;
    char *field = strrchr(stat, ')'); // the name before it may hold anything
    for (int i = 2; field && i < 22; i++) field = strchr(field + 1, ' ');
    if (!field || strtoull(field, NULL, 10) != started) gone();
    close(file);
    int root = openat(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 && (errno == ENOENT || errno == ESRCH)) gone();
    if (root < 0) {
        static char shown[48];
        snprintf(shown, sizeof shown, "/proc/%s/root", pid);
        path = shown;
        fail_errno();
    }
    close(process);
    return root;
}

// The folder that PATH is in, and in *name its last component.
static int open_parent(int root, const char **name) {
    static char parent[4096];
    const char *slash = strrchr(path, '/');
    *name = slash + 1;
    if (path[0] != '/' || !**name || !strcmp(*name, ".") || !strcmp(*name, "..")) usage();
    size_t length = (size_t)(slash - path);
    if (length + 2 > sizeof parent) errno = ENAMETOOLONG, fail_errno();
    memcpy(parent, path, length);
    memcpy(parent + length, "/", 2);
    struct how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = IN_ROOT | NO_MAGICLINKS};
    long fd;
    int tries = 100; // EAGAIN: something was renamed meanwhile, the kernel couldn't be sure of a `..`
    do fd = syscall(SYS_openat2, root, parent, &how, sizeof how);
    while (fd < 0 && (errno == EAGAIN || errno == EINTR) && --tries);
    return (int)fd;
}

// Looks before it opens: opening a FIFO or a device is an act already.
static int open_regular(int parent, const char *name, struct stat *st) {
    char self[32];
    int found = must(openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    must(fstat(found, st));
    if (!S_ISREG(st->st_mode)) fail("not a regular file");
    if (!strcmp(verb, "stat")) return found;
    snprintf(self, sizeof self, "/proc/self/fd/%d", found);
    int file = must(open(self, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    must(fstat(file, st));
    return file;
}

static void write_all(int fd, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EINTR) continue;
        must((int)(n < 0 ? -1 : 0));
        bytes += n, length -= (size_t)n;
    }
}

static ssize_t read_some(int fd, uint64_t most) {
    ssize_t n;
    do n = read(fd, buffer, most < sizeof buffer ? (size_t)most : sizeof buffer);
    while (n < 0 && errno == EINTR);
    must((int)(n < 0 ? -1 : 0));
    return n;
}

static void make_crc_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++) c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
        crc_table[0][i] = c;
    }
    for (int row = 1; row < 8; row++)
        for (int i = 0; i < 256; i++) crc_table[row][i] = crc_table[row - 1][i] >> 8 ^ crc_table[0][crc_table[row - 1][i] & 255];
}

// zlib's CRC-32, eight bytes at a time.
static void add_to_crc(const unsigned char *p, size_t length) {
    uint32_t c = ~crc, (*t)[256] = crc_table;
    for (; length >= 8; length -= 8, p += 8) {
        c ^= p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        c = t[7][c & 255] ^ t[6][c >> 8 & 255] ^ t[5][c >> 16 & 255] ^ t[4][c >> 24] ^ t[3][p[4]] ^ t[2][p[5]] ^ t[1][p[6]] ^ t[0][p[7]];
    }
    while (length--) c = c >> 8 ^ t[0][(c ^ *p++) & 255];
    crc = ~c;
}

static uint64_t nanoseconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

// Processor time is the app's: what was used since the last time is slept off. A line that held us back has done so already.
static void keep_pace(void) {
    static uint64_t used, seen;
    if (!pace) return;
    uint64_t cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID), now = nanoseconds(CLOCK_MONOTONIC);
    uint64_t due = (cpu - used) * 1000 / pace, passed = seen ? now - seen : 0;
    if (due > passed) {
        struct timespec rest = {(time_t)((due - passed) / 1000000000), (long)((due - passed) % 1000000000)};
        nanosleep(&rest, NULL);
    }
    used = cpu, seen = nanoseconds(CLOCK_MONOTONIC);
}

// Bytes to `out`, or with -1 only into the checksum; returns how many of them there weren't.
static uint64_t copy(int file, uint64_t length, int out) {
    while (length > 0) {
        ssize_t n = read_some(file, length);
        if (n == 0) break;
        add_to_crc((unsigned char *)buffer, (size_t)n);
        if (out >= 0) write_all(out, buffer, (size_t)n);
        length -= (uint64_t)n;
        keep_pace();
    }
    return length;
}

// What makes it this file, in this state: SIZE INODE MTIME_NS.
static const char *identity(const struct stat *st) {
    static char text[80];
    snprintf(text, sizeof text, "%llu %llu %lld%09ld", (unsigned long long)st->st_size, (unsigned long long)st->st_ino, (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
    return text;
}

static void write_header(const char *name, uint64_t size) {
    unsigned char h[512] = {0};
    char *text = (char *)h;
    if (strlen(name) > 100) errno = ENAMETOOLONG, fail_errno();
    memcpy(h, name, strlen(name));
    strcpy(text + 100, "0000600");
    strcpy(text + 108, "0000000");
    strcpy(text + 116, "0000000");
    if (size < 1ULL << 33) snprintf(text + 124, 12, "%011llo", (unsigned long long)size);
    else { // more than eleven octal digits: base 256, big endian
        h[124] = 0x80;
        for (int i = 0; i < 8; i++) h[128 + i] = (unsigned char)(size >> (8 * (7 - i)));
    }
    strcpy(text + 136, "00000000000");
    memset(h + 148, ' ', 8);
    h[156] = '0';
    memcpy(h + 257, "ustar\00000", 8);
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof h; i++) sum += h[i];
    snprintf(text + 148, 8, "%06o", sum);
    write_all(1, text, sizeof h);
}

static void run_tar(int file, const char *name, uint64_t offset, const char *expected) {
    static const char zeros[3 * 512];
    struct stat st, after;
    must(fstat(file, &st));
    if (expected && strcmp(identity(&st), expected)) changed("it is another file now, or was changed");
    uint64_t size = (uint64_t)st.st_size;
    if (offset > size) fail("shorter than OFFSET");
    fprintf(stderr, "kprof-file %s\n", identity(&st));
    if (offset == 0) write_header(name, size);
    else {
        if (copy(file, offset, -1) > 0) fail("became shorter while it was read");
        fprintf(stderr, "kprof-prefix %08x\n", crc);
    }
    if (copy(file, size - offset, 1) > 0) fail("became shorter while it was read");
    if (offset == 0) write_all(1, zeros, (512 - size % 512) % 512 + 1024);
    must(fstat(file, &after));
    if (st.st_size != after.st_size || st.st_mtim.tv_sec != after.st_mtim.tv_sec || st.st_mtim.tv_nsec != after.st_mtim.tv_nsec)
        changed("was changed while it was read");
    fprintf(stderr, "kprof-crc32 %08x\n", crc);
}

static void run_put(int parent, const char *name) {
    int file = must(openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    ssize_t n;
    while ((n = read_some(0, sizeof buffer)) > 0) write_all(file, buffer, (size_t)n);
    must(close(file));
}

// What is there already is taken away only if it is a link, too: in a folder of ours somebody else may have put something.
static void run_link(int parent, const char *name, const char *to) {
    struct stat st;
    if (!fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISLNK(st.st_mode)) must(unlinkat(parent, name, 0));
    must(symlinkat(to, parent, name));
}

// Whether the folder that PATH is in has a name of ours.
static int in_folder_of_ours(const char *name) {
    const char *folder = name - 1;
    while (folder > path && folder[-1] != '/') folder--;
    return !strncmp(folder, "kprof-", 6);
}

static void run_rm(int parent, const char *name) {
    int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 && errno == ENOENT) return;
    DIR *entries = fdopendir(must(folder));
    if (!entries) fail_errno();
    struct dirent *entry;
    while ((entry = readdir(entries))) unlinkat(folder, entry->d_name, 0); // what stays makes the next line fail
    if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT) fail_errno();
}

int main(int count, char **words) {
    if (count < 5 || count > 10 || count == 8 || count == 9) usage();
    pid = words[1], verb = words[3], path = words[4];
    const char *argument = words[5];
    number(pid);
    int is_link = !strcmp(verb, "link");
    uint64_t started = number(words[2]), value = argument && !is_link ? number(argument) : 0;
    int is_cat = !strcmp(verb, "cat"), is_tar = !strcmp(verb, "tar"), is_rm = !strcmp(verb, "rm"), is_may = !strcmp(verb, "may");
    int reads = is_cat || is_tar || !strcmp(verb, "stat");
    if (!reads && !is_rm && !is_link && !is_may && strcmp(verb, "mkdir") && strcmp(verb, "put")) usage();
    if (is_cat || is_link ? count != 6 : count > 5 && !is_tar) usage();
    pace = count > 6 ? number(words[6]) : 0;
    char expected[80] = "";
    if (count == 10) snprintf(expected, sizeof expected, "%s %s %s", words[7], words[8], words[9]);
    signal(SIGPIPE, SIG_IGN); // write says EPIPE
    make_crc_table();

    const char *name;
    struct stat st;
    int parent = open_parent(open_root(started), &name);
    if (is_rm && strncmp(name, "kprof-", 6)) fail("not a folder of kprof");
    if (is_link && !in_folder_of_ours(name)) fail("not in a folder of kprof");
    if (parent < 0 && errno == ENOENT && is_rm) return 0;
    must(parent);
    int file = reads ? open_regular(parent, name, &st) : -1;
    if (is_tar) run_tar(file, name, value, count == 10 ? expected : NULL);
    else if (is_cat) copy(file, value, 1);
    else if (reads) puts(identity(&st));
    else if (is_rm) run_rm(parent, name);
    else if (is_link) run_link(parent, name, argument);
    else if (is_may) must(faccessat(parent, ".", W_OK | X_OK, AT_EACCESS));
    else if (!strcmp(verb, "put")) run_put(parent, name);
    else must(mkdirat(parent, name, 0700));
    if (fflush(stdout)) fail_errno();
    return 0;
}
