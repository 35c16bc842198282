#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# fallocate(1) flushes as it closes.
# What a served disk records of its requests, and stat --watch.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../served.sh"

requires_fuse
requires jq awk
rec=$tmp/record
echo "a letter" >"$tmp/letter"
run disk serve generic-7200 --mount "$dir" --record "$tmp/letter"
expect_exit 14
expect_stderr_lines 1
[ "$(cat "$tmp/letter")" = "a letter" ] || fail "a file that is no record was written over"
run disk serve generic-7200 --mount "$dir" --record "$tmp/absent/record"
expect_exit 1

serve generic-7200 --size 256MiB --record "$rec"
dd if=/dev/zero of="$dir/disk" bs=8k count=10 seek=100 oflag=direct conv=notrunc,fdatasync 2>/dev/null
dd if="$dir/disk" of=/dev/null bs=4k count=3 skip=7 iflag=direct 2>/dev/null
ctl 'error read 1MiB 4KiB'
dd if="$dir/disk" of=/dev/null bs=4k count=1 skip=256 iflag=direct 2>/dev/null && fail "read a bad sector"
ctl 'fail on'
dd if="$dir/disk" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null && fail "read a failing disk"
ctl 'fail off'
fallocate -p -o 65536 -l 8192 "$dir/disk" || fail "punch"
run disk stat "$dir" --json
jq -e '.record.records == 18 and .record.dropped == 0 and .record.error == null' "$out" >/dev/null ||
	fail "stat of the record: $(jq -c .record "$out")"

# Watching: a line each, changes in it; documents that one program can read line by line.
(
	sleep 0.3
	dd if=/dev/zero of="$dir/disk" bs=4k count=5 oflag=direct conv=notrunc 2>/dev/null
) &
run disk stat "$dir" --watch --every 200ms --count 5
wait
expect_exit 0
expect_stdout "writes/s" "late p99"
[ "$(wc -l <"$out")" -eq 6 ] || fail "$(wc -l <"$out") lines, not a head and 5"
awk 'NR > 1 && $2 > 0 { n++ } END { exit n < 1 || n > 2 }' "$out" || fail "5 writes are not in one or two lines"
run disk stat "$dir" --watch --every 10ms --count 3 --json
[ "$(jq -c .time_ns "$out" | wc -l)" -eq 3 ] || fail "not three documents"
run disk stat "$dir" --every 5
expect_exit 2
unserve
run disk stat "$dir" --watch
expect_exit 1

# The record: every request once, in the disk's time, with how it ended.
run disk dump "$rec" --json
expect_exit 0
expect_stderr_lines 0
jq -e '.complete and .dropped == 0 and .reads == 5 and .writes == 15 and .flushes == 2
	and .discards == 1 and .write_bytes == 102400 and .failed == 2 and .size_bytes == 268435456' \
	"$out" >/dev/null || fail "summary: $(jq -c . "$out")"
run disk dump "$rec"
expect_exit 0
expect_stdout "# target hdd:generic-7200,store=on" "# arrive_ns done_ns kind offset length errno"
grep -v '^#' "$out" >"$tmp/lines"
[ "$(wc -l <"$tmp/lines")" -eq 23 ] || fail "$(wc -l <"$tmp/lines") lines"
awk '$2 < $1 { bad = 1 } END { exit bad }' "$tmp/lines" || fail "done before it arrived"
[ "$(awk '$3 == "write" && $5 == 8192 { print $4 }' "$tmp/lines" | sort -n | head -n 1)" = 819200 ] ||
	fail "offsets of the writes"
grep -q "read 1048576 4096 5\$" "$tmp/lines" || fail "the bad sector"
grep -q "read 0 4096 5\$" "$tmp/lines" || fail "the read of a failing disk"
grep -q "discard 65536 8192 0\$" "$tmp/lines" || fail "the discard"
# A flush of ten scattered-in-time writes takes a mechanical time, the read behind it too.
awk '$3 == "flush" && $2 - $1 > 1000000 { ok = 1 } END { exit !ok }' "$tmp/lines" || fail "a flush in no time"

# Killed: what was written is good, and said to be cut off.
serve generic-7200 --size 64MiB --record "$rec"
dd if=/dev/zero of="$dir/disk" bs=4k count=20 oflag=direct conv=notrunc 2>/dev/null
sleep 0.3
kill -9 "$server"
server=
umount -l "$dir"
run disk dump "$rec" --json
expect_exit 0
expect_stderr "was cut off"
jq -e '.complete == false and .writes == 20' "$out" >/dev/null || fail "after a kill: $(jq -c . "$out")"
run disk dump "$tmp/letter"
expect_exit 2
expect_stderr "not the record of a served disk"
exit 0
