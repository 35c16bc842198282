#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A served disk: mounts, keeps data, counts, switches, takes its time, ends and cleans up.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../served.sh"

requires_fuse
requires jq

# Usage: one line, exit 2, nothing mounted.
run disk serve generic-7200
expect_exit 2
expect_stderr "--mount"
run disk serve no-such-drive --mount "$dir"
expect_exit 2
expect_stderr_lines 1
expect_stderr "no-such-drive"
run disk serve generic-7200 --mount "$tmp/absent"
expect_exit 1
expect_stderr "$tmp/absent"
run disk serve generic-7200 --mount "$dir" --size 3TB
expect_exit 2
expect_stderr "size"
run disk serve generic-7200 --mount "$dir" --sise 3TB
expect_exit 2
mountpoint -q "$dir" && fail "mounted by a command that failed"
run disk stat "$tmp"
expect_exit 1

# Serve: when the command returns the disk is there.
serve generic-7200 --size 1GiB --filled 60% --seed 5 --data 64MiB
[ "$(stat -c %s "$dir/disk")" = 1073741824 ] || fail "disk has the wrong size"
[ "$(cd "$dir" && echo *)" = "ctl disk stat" ] || fail "readdir"

# Data: what was written is read, holes are zeros, the edges hold.
dd if=/dev/urandom of="$tmp/data" bs=64k count=8 2>/dev/null
dd if="$tmp/data" of="$dir/disk" bs=64k seek=3 oflag=direct conv=notrunc 2>/dev/null || fail "write"
dd if="$dir/disk" of="$tmp/back" bs=64k skip=3 count=8 iflag=direct 2>/dev/null || fail "read"
cmp "$tmp/data" "$tmp/back" || fail "data differs"
dd if="$dir/disk" bs=4k count=1 iflag=direct 2>/dev/null | cmp -n 4096 - /dev/zero || fail "hole"
dd if=/dev/zero of="$dir/disk" bs=4k seek=262144 count=1 oflag=direct conv=notrunc 2>/dev/null &&
	fail "wrote past the end"
[ "$(stat_of writes)" = 8 ] || fail "writes: $(stat_of writes), not 8"
[ "$(stat_of write_bytes)" = 524288 ] || fail "write_bytes: $(stat_of write_bytes)"

# A flush is one FUSE_FSYNC, and takes a mechanical time.
before=$(stat_of flushes)
dd if="$tmp/data" of="$dir/disk" bs=64k count=1 oflag=direct conv=notrunc,fdatasync 2>/dev/null
[ "$(stat_of flushes)" -eq $((before + 1)) ] || fail "not one flush"
[ "$(stat_of dirty_bytes)" = 0 ] || fail "dirty after a flush"
[ "$(stat_of flush_ns)" -gt 500000 ] || fail "a flush in no time"
# 16 flushed writes to one place are 16 turns at least: the timer holds completions back.
start=$(date +%s%N)
dd if="$tmp/data" of="$dir/disk" bs=4k count=1 oflag=direct conv=notrunc 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
	dd if="$tmp/data" of="$dir/disk" bs=4k count=1 oflag=direct conv=notrunc,fdatasync 2>/dev/null
done
took=$((($(date +%s%N) - start) / 1000000))
[ $took -ge 120 ] || fail "16 flushed rewrites took $took ms, less than 15 turns of 8.3 ms"

# Discard frees memory and reads as zeros.
if command -v fallocate >/dev/null; then
	held=$(stat_of stored_bytes)
	fallocate -p -o 196608 -l 524288 "$dir/disk" || fail "punch"
	[ "$(stat_of stored_bytes)" -lt "$held" ] || fail "punched, but nothing freed"
	dd if="$dir/disk" bs=64k skip=3 count=8 iflag=direct 2>/dev/null | cmp -n 524288 - /dev/zero ||
		fail "a punched range is not zeros"
fi

# The limit of --data: more is refused, what is there stays.
dd if=/dev/urandom of="$dir/disk" bs=1M count=80 oflag=direct conv=notrunc 2>/dev/null &&
	fail "80 MiB went into a limit of 64"

# Switches.
run disk ctl "$dir" timing=off
expect_exit 0
[ "$(stat_of timing)" = false ] || fail "timing is not off"
run disk ctl "$dir" timing=on slow=2 reset-lateness
expect_exit 0
[ "$(stat_of timing)" = true ] || fail "timing is not on"
[ "$(stat_of slow)" = 2.0 ] || fail "slow is not 2"
run disk ctl "$dir" timing=perhaps
expect_exit 2
run disk ctl "$dir" explode=now
expect_exit 2
run disk stat "$dir" --json
expect_exit 0
expect_stdout '"lateness_ns"' '"p99"' '"media_writes"' '"timer_fifo"'
run disk stat "$dir"
expect_exit 0
expect_stdout "generic-7200" "lateness"

# Many at once do not block each other's submission (FUSE background limit).
i=0
while [ $i -lt 32 ]; do
	dd if="$dir/disk" of=/dev/null bs=4k skip=$((i * 7919)) count=1 iflag=direct 2>/dev/null &
	i=$((i + 1))
done
wait
[ "$(stat_of queued_max)" -ge 8 ] || fail "queue of $(stat_of queued_max): the drive saw no queue"

unserve
[ -z "$(ls -A "$dir")" ] || fail "something was left in $dir"

# Lateness is lab time, as the limit on it is: at dilation 1000 it shrinks with everything
# else. No machine wakes up in under 2 us, nor takes the middle one of ten over 2 ms.
serve generic-7200 --size 64MiB --dilation 1000 --seed 5
dd if=/dev/zero of="$dir/disk" bs=4k count=10 oflag=direct conv=notrunc 2>/dev/null || fail "dd at dilation 1000"
run disk stat "$dir" --json
jq -e '.lateness_ns.count >= 10 and .lateness_ns.p50 < 2000' "$out" >/dev/null ||
	fail "lateness at dilation 1000: $(jq -c .lateness_ns "$out")"
unserve

# Ends on unmount too.
serve generic-7200 --size 64MiB
umount "$dir" || fail "umount"
wait_gone
exit 0
