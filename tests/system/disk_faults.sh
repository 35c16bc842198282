#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A served disk that is broken on purpose: bad sectors, failing, hanging, slow.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../served.sh"

requires_fuse
requires jq
serve generic-7200 --size 256MiB --seed 3
make_loop
run claim "$loop" --confirm="$dir/disk"
expect_exit 0

rd() { dd if="$loop" of="$tmp/back" bs=4k skip="$1" count="$2" iflag=direct 2>"$tmp/dd"; }
wr() { dd if="$tmp/data" of="$loop" bs=4k seek="$1" count="$2" oflag=direct conv=notrunc 2>"$tmp/dd"; }
no() { # COMMAND...: must fail, with an error of the medium
	"$@" && fail "$* succeeded"
	grep -q "Input/output error" "$tmp/dd" || fail "$*: $(cat "$tmp/dd")"
}
dd if=/dev/urandom of="$tmp/data" bs=4k count=16 2>/dev/null
wr 0 16 || fail "write"

# A pending sector: reads fail, beside it they do not, a write heals it.
ctl 'error read 16KiB 8KiB'
[ "$(stat_of bad_bytes)" = 8192 ] || fail "bad_bytes: $(stat_of bad_bytes)"
no rd 4 1
no rd 0 16
rd 0 4 || fail "a read before the bad range"
rd 6 10 || fail "a read behind the bad range"
run disk stat "$dir"
expect_stdout "BAD: 8192 bytes in 1 ranges" "requests answered with an error"
wr 4 1 || fail "a write to a pending sector"
rd 4 1 || fail "a read of a sector written since"
no rd 5 1
# Where nothing is in the buffer the arm goes there in vain, which takes its time.
ctl 'error read 128MiB 4KiB'
before=$(stat_of media_reads)
no rd 32768 1
[ "$(stat_of media_reads)" -gt "$before" ] || fail "the bad sector was not looked for"

# Writes that fail leave what was there, and do not heal.
ctl 'error clear' 'error write 0 64KiB'
rd 0 16 || fail "reads fail too"
cp "$tmp/back" "$tmp/before"
mv "$tmp/data" "$tmp/kept"
dd if=/dev/urandom of="$tmp/data" bs=4k count=16 2>/dev/null
no wr 0 4
no wr 0 4
rd 0 16 || fail "reads fail after a failed write"
cmp "$tmp/before" "$tmp/back" || fail "a failed write changed the disk"
ctl 'error clear 0 4KiB'
wr 0 1 || fail "a write to what was cleared"
no wr 1 1
ctl 'error clear' 'error both 4KiB 4KiB'
no wr 1 1
no rd 1 1
ctl 'error clear'
rd 1 1 || fail "a read after clearing"
mv "$tmp/kept" "$tmp/data"

# What is not a range of this disk, or not a switch: one line, exit 2.
for line in 'error read 0 0' 'error read 100 512' 'error read 256MiB 4KiB' 'error some 0 4KiB' \
	'error read 4KiB' 'error' 'error clear 5' 'fail' 'hang perhaps' 'explode'; do
	run disk ctl "$dir" "$line"
	expect_exit 2
	expect_stderr_lines 1
	expect_stderr "\"$line\" is not one of timing on|off"
done
[ "$(stat_of bad_ranges)" = 0 ] || fail "a refused line made a bad range"

# Fail: everything, flushes too, and nothing is kept of it.
ctl 'fail on'
no rd 0 1
no wr 0 1
dd if="$tmp/data" of="$dir/disk" bs=4k count=1 oflag=direct conv=notrunc,fsync 2>"$tmp/dd" && fail "fsync"
ctl 'fail off'
rd 1 1 || fail "a read after failing"

# Hang: taken, not answered, until told to go on. The server still listens.
ctl 'hang on'
wr 8 1 &
writer=$!
i=0
until [ "$(stat_of held)" = 1 ]; do
	i=$((i + 1))
	[ $i -lt 50 ] || fail "the request was not taken"
	sleep 0.1
done
kill -0 $writer || fail "a write was answered by a disk that hangs"
ctl 'hang off'
wait $writer || fail "the write that waited failed"
[ "$(stat_of held)" = 0 ] || fail "still held"

# A client with a deadline gives up while nothing is answered.
(
	sleep 0.5
	"$HCBENCH" disk ctl "$dir" 'hang on'
	sleep 2
	exec "$HCBENCH" disk ctl "$dir" 'hang off'
) &
run run micro --on "all=uring:$loop" --set bs=4KiB --set size=128MiB --duration 20s \
	--stall-limit 1s --timeout 1s --no-prefill
case $(cat "$err") in
*"built without"*) ;;
*)
	expect_exit 1
	expect_stdout "INVALID" "gave up: no completion for 1 s with 1 operations out"
	;;
esac
wait
[ "$(stat_of held)" = 0 ] || fail "still held"

# Slow: a spindle ten times as slow takes its time.
ctl 'slow 10'
start=$(date +%s%N)
rd 20000 1
[ $((($(date +%s%N) - start) / 1000000)) -ge 10 ] || fail "slow 10: a read in under 10 ms"
ctl 'slow 1'

# Ends while it hangs: what it held is answered with an error, nothing stays behind.
drop_loop
ctl 'hang on'
dd if="$tmp/data" of="$dir/disk" bs=4k count=1 oflag=direct conv=notrunc 2>"$tmp/dd" &
writer=$!
i=0
until [ "$(stat_of held)" = 1 ]; do
	i=$((i + 1))
	[ $i -lt 50 ] || fail "the request was not taken"
	sleep 0.1
done
unserve
wait $writer && fail "a write succeeded on a disk that ended while it hung"
[ -z "$(ls -A "$dir")" ] || fail "something was left in $dir"
exit 0
