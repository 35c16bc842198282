#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Any target can be served: what it must be, that a file system lives on it, its switches.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../served.sh"

requires_fuse
requires mkfs.ext4 mount
refused() { # CODE TEXT ARGS...
	code=$1 text=$2
	shift 2
	run disk serve "$@" --mount "$dir"
	expect_exit "$code"
	expect_stderr_lines 1
	expect_stderr "$text"
	if mountpoint -q "$dir"; then fail "mounted all the same"; fi
}

# It must keep data; its keys are its own; guards hold as in a run.
refused 2 "it keeps no data" null:1GiB
refused 2 "it keeps no data" hdd:generic-7200
refused 2 "--cache is for a PROFILE" mem:64MiB --cache off
refused 2 "unknown engine \"memm\"" memm:64MiB
refused 1 "too small" mem:1MiB --size 1GiB
refused 1 "No such file" nbd:unix:"$tmp/nothing" --timeout 2s
truncate -s 16M "$tmp/file"
run disk serve uring:"$tmp/file" --mount "$dir"
case $(cat "$err") in
*"built without"*) uring=no ;;
*)
	uring=yes
	refused 14 "was not made by hcbench" uring:"$tmp/file"
	refused 2 "only a model's time can be dilated" uring:"$tmp/file" --dilation 2
	;;
esac

keeps_files() { # LABEL: a file system made, filled, checked, mounted again
	make_loop
	mkdir -p "$tmp/fs"
	mkfs.ext4 -q -E nodiscard "$loop" 2>"$err" || fail "$1: mkfs.ext4"
	mount "$loop" "$tmp/fs" || fail "$1: mount"
	head -c 1000000 /dev/urandom >"$tmp/fs/a"
	sync -f "$tmp/fs/a"
	cp "$tmp/fs/a" "$tmp/a"
	umount "$tmp/fs" || fail "$1: umount"
	e2fsck -fn "$loop" >"$out" 2>&1 || fail "$1: e2fsck finds fault"
	mount "$loop" "$tmp/fs" || fail "$1: mount again"
	cmp "$tmp/a" "$tmp/fs/a" || fail "$1: other data"
	umount "$tmp/fs"
}
# shellcheck disable=SC2016 # expanded when the test ends
at_exit 'umount "$tmp/fs" 2>/dev/null'

serve mem:96MiB
keeps_files mem
[ "$(stat_of size_bytes)" = 100663296 ] || fail "size_bytes: $(stat_of size_bytes)"
for kind in reads writes flushes; do
	[ "$(stat_of $kind)" -gt 0 ] || fail "$kind are not counted"
done
# What serving adds works on any target, what an emulated disk has does not.
ctl 'error read 0 4KiB'
dd if="$loop" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null && fail "read a bad sector"
ctl 'error clear'
for line in 'slow 2' 'power cut' 'timing off'; do
	run disk ctl "$dir" "$line"
	expect_exit 1
	expect_stderr_lines 1
	expect_stderr "$line: this target has no such switch"
done
run disk stat "$dir"
expect_exit 0
expect_stdout "mem:96MiB, 0 queued" "timer lateness"
drop_loop
fallocate -p -o 0 -l 1048576 "$dir/disk" || fail "punch"
dd if="$dir/disk" bs=4k count=1 iflag=direct 2>/dev/null | cmp -n 4096 - /dev/zero || fail "not zeros"
unserve

serve hdd:generic-7200,store=on,size=96MiB,timing=off
keeps_files hdd
ctl 'timing on'
# Where the file system keeps nothing: what no flush covered may be there or not, an idle
# disk writes it out by itself.
dd if=/dev/urandom of="$loop" bs=4k count=4 seek=20000 oflag=direct 2>/dev/null || fail "write"
ctl 'power cut 1 0%'
dd if="$loop" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null && fail "read without power"
run disk stat "$dir"
expect_stdout "WITHOUT POWER"
run disk ctl "$dir" 'power cut'
expect_exit 1
ctl 'power on'
mount "$loop" "$tmp/fs" || fail "what was written before the last flush is gone"
cmp "$tmp/a" "$tmp/fs/a" || fail "what was written before the last flush is other data"
umount "$tmp/fs"
drop_loop
unserve

# A real target: a marked file, with its data there the next time.
[ $uring = yes ] || exit 0
serve uring:"$tmp/disk",make=on --size 24MiB
keeps_files uring
drop_loop
unserve
serve uring:"$tmp/disk"
make_loop
mount "$loop" "$tmp/fs" || fail "the data is not there the next time"
cmp "$tmp/a" "$tmp/fs/a" || fail "other data the next time"
umount "$tmp/fs"
drop_loop
unserve
exit 0
