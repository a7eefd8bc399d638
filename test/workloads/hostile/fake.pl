#!/usr/bin/perl
# A process that looks like HotSpot and is not: it maps a file called libjvm.so, handles SIGQUIT and speaks the attach
# protocol (https://github.com/openjdk/jdk/blob/master/src/hotspot/os/posix/attachListener_posix.cpp). /tmp/mode says how
# it misbehaves; what it is asked goes to /tmp/asked.
use strict;
use warnings;
use DynaLoader;
use Fcntl;
use IO::Handle;
use IO::Socket::UNIX;

$| = 1;
$SIG{PIPE} = 'IGNORE';
$SIG{CHLD} = 'IGNORE';
my $noise = "\e]52;c;ZXZpbA==\a\e[2J\e]0;owned\a\r\x9b31mpassword: \x{7f}";

sub slurp { open my $file, '<', $_[0] or return ''; local $/; <$file> // '' }
sub spill { my ($path, $text) = @_; open my $file, '>', $path or return; print $file $text; close $file }
sub mode { my ($mode) = slurp('/tmp/mode') =~ /(\w+)/; $mode // 'good' }
sub look_alike { # the smallest library at hand
    my ($library) = glob('/lib/*-linux-gnu/libutil.so.1 /lib/*-linux-gnu/libm.so.6');
    spill('/tmp/libjvm.so', slurp($library));
    DynaLoader::dl_load_file('/tmp/libjvm.so', 0) or die DynaLoader::dl_error();
}

my $door = "/tmp/.java_pid$$";
my $script = $0;
my $listener;
my $asking;
sub knocked {
    return if $listener;
    unlink $door;
    umask 0077;
    $listener = IO::Socket::UNIX->new(Local => $door, Listen => 8) or die "$door: $!";
}

# What is in the recording's place when it is to be fetched.
sub plant {
    my ($mode, $path) = @_;
    my $recording = "FLR\0\0\2\0\0" . ("\0" x 4000);
    unlink $path;
    if ($mode eq 'link') { symlink '/etc/shadow', $path }
    elsif ($mode eq 'magic') { symlink "/proc/$$/root/etc/shadow", $path }
    elsif ($mode eq 'neighbour') { symlink slurp("/tmp/neighbour"), $path }
    elsif ($mode eq 'fifo') { system 'mkfifo', $path }
    elsif ($mode eq 'device') { system 'mknod', $path, 'c', '1', '5' }
    elsif ($mode eq 'folder') { mkdir $path }
    elsif ($mode eq 'socket') { IO::Socket::UNIX->new(Local => $path, Listen => 1) }
    elsif ($mode eq 'hard') { spill('/tmp/other', "$noise of the app's own\n" x 1000); link '/tmp/other', $path }
    elsif ($mode eq 'sparse') { spill($path, $recording); truncate $path, 2**41 }
    elsif ($mode eq 'noise') { spill($path, "$noise\n" x 1000) }
    elsif ($mode =~ /^(grows|shrinks|rewritten|swapped)$/) { changing($mode, $path, $recording) }
    else { spill($path, $recording) }
}

# Changes it for as long as it is there.
sub changing {
    my ($mode, $path, $recording) = @_;
    # What is swapped is never a recording: who is quick may get the first one, whole.
    spill($path, $mode eq 'swapped' ? 'secret' : $recording);
    truncate $path, 32 * 2**20;
    return if fork;
    $asking->close; # the answer would not end before we do
    exec 'perl', $script, 'change', $mode, $path; # no longer a JVM to look at
}
sub change {
    my ($mode, $path) = @_;
    for (my $round = 0; -e $path && $round < 60000; $round++) {
        if ($mode eq 'grows') { open my $file, '>>', $path; print $file 'x' x 65536 }
        elsif ($mode eq 'shrinks') { truncate $path, ($round % 2 ? 32 : 16) * 2**20 }
        elsif ($mode eq 'rewritten') { sysopen my $file, $path, O_RDWR; syswrite $file, pack('N', $round) x 256 }
        else { spill("$path.new", "secret $round" x 300000); rename "$path.new", $path }
        select undef, undef, undef, 0.002;
    }
    exit 0;
}

sub answer {
    my ($client, $mode, $command) = @_;
    if ($mode eq 'never') { return $client->sysread(my $nothing, 1) }
    if ($mode eq 'endless') { 1 while print $client "$noise\n" x 500 }
    if ($mode eq 'number') { return print $client '9' x 5000 }
    print $client "0\n";
    if ($command =~ /VM\.version/) { return print $client "OpenJDK 64-Bit Server VM version 17.0.15+6" . ($mode eq 'escapes' ? $noise : '') . "\nJDK 17.0.15\n" }
    if ($mode eq 'flood') { print $client "Full thread dump \n"; 1 while print $client "$noise\n" x 500 }
    if ($mode eq 'escapes') { return print $client "$noise\nFull thread dump$noise not at all\n" }
    if ($command =~ /Thread\.print/) { return print $client "Full thread dump $noise:\n\n\"$noise\" #1 nid=0x1 runnable\n   java.lang.Thread.State: RUNNABLE\n\nJNI global refs: 1, weak refs: 0\n" }
    if ($command =~ /JFR\.start/) { return print $client "Started recording 1.\n" }
    if ($command =~ /JFR\.check/) { return print $client "No available recordings.\n" }
    if ($command =~ /JFR\.stop.*filename=(\S+)/) {
        plant($mode, $1);
        return print $client "Stopped recording \"x\", 1 kB written to:\n\n$1\n";
    }
    if ($mode ne 'escapes' && $command =~ m{GC\.heap_dump.*?(/proc/\S+)}) {
        plant($mode, $1);
        return print $client "Dumping heap to $1 ...\nHeap dump file created [1 bytes in 0.1 secs]\n";
    }
    print $client "Stopped recording\n";
}

sub serve {
    my ($client) = @_;
    $asking = $client;
    my $asked = '';
    my $nulls = 0;
    while ($nulls < 5) { # version, command, three arguments
        $client->sysread(my $some, 4096) or last;
        $asked .= $some;
        $nulls = () = $asked =~ /\0/g;
    }
    (my $command = $asked) =~ tr/\0/ /;
    open my $log, '>>', '/tmp/asked'; print $log "$command\n"; close $log;
    answer($client, mode(), $command);
}

change(@ARGV[1, 2]) if @ARGV;
look_alike();
$SIG{QUIT} = \&knocked;
$0 = "java $noise\n1/status:Name:\tjava\n1/status:Uid:\t0\t0\t0\t0\n1/map:libjvm.so\nmore 0\ntools none\n) S 1";
for (my $said = 0;; ) {
    if (time != $said) { print "stall=0\n"; $said = time }
    my $ready = '';
    vec($ready, fileno $listener, 1) = 1 if $listener;
    next unless select($ready, undef, undef, 0.2) > 0;
    my $client = $listener->accept or next;
    if (!fork) { serve($client); $client->flush; close $client; exit 0 }
    close $client;
}
