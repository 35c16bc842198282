#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# --verify on a served disk: a bad sector is named; a disk that fails in the run and comes
# back has all that was flushed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../served.sh"

requires_fuse
requires jq
serve generic-7200 --size 64MiB --seed 3
ctl 'timing off'
make_loop
run claim "$loop" --confirm="$dir/disk"
expect_exit 0
engine=uring
"$HCBENCH" list | grep -A1 "^ uring:" | grep -q "not available" && engine=libaio
on="all=$engine:$loop"

run run micro --on "$on" --set size=4MiB --set pattern=sequential --set depth=8 --set flush=8 \
	--duration 1s --no-prefill --verify --verify-log "$tmp/log" -q -o "$tmp/r.json"
case $(tail -n 1 "$err") in
*forbidden* | *"not permitted"* | *"not implemented"*)
	engine=libaio on="all=libaio:$loop"
	run run micro --on "$on" --set size=4MiB --set pattern=sequential --set depth=8 --set flush=8 \
		--duration 1s --no-prefill --verify --verify-log "$tmp/log" -q -o "$tmp/r.json"
	;;
esac
case $status in 0 | 11 | 13) ;; *) fail "exit code $status" ;; esac
jq -e '.verify.promised_blocks == 1024' "$tmp/r.json" >/dev/null || fail "$(jq -c .verify "$tmp/r.json")"

# Two bad blocks, one of which lies among others in one read of 1 MiB.
ctl 'error read 400KiB 512' 'error read 4092KiB 4KiB'
run verify "$tmp/log" -q -o "$tmp/v.json"
expect_exit 1
expect_stdout "2 unreadable" "unreadable byte 409600 of $engine:$loop"
jq -e '[.verify.first[].offset] | sort == [409600, 4190208]' "$tmp/v.json" >/dev/null ||
	fail "others were named: $(jq -c .verify.first "$tmp/v.json")"
jq -e '.verify.blocks_checked == 1024 and .verify.unreadable == 2 and .verify.first[0].detail == "Input/output error"' \
	"$tmp/v.json" >/dev/null || fail "$(jq -c .verify "$tmp/v.json")"
ctl 'error clear'
run verify "$tmp/log" -q
expect_exit 0

# It fails in the run: the run ends, and its log says what was promised until then.
"$HCBENCH" run micro --on "$on" --set size=4MiB --set depth=8 --set flush=2 --duration 30s \
	--no-prefill --verify --verify-log "$tmp/log" -q -o "$tmp/r.json" >"$out" 2>"$err" &
pid=$!
sleep 1.5
ctl 'fail on'
status=0
wait $pid || status=$?
expect_exit 1
expect_stdout "because failed: "
jq -e '.partial and .totals.errors > 0' "$tmp/r.json" >/dev/null || fail "no partial result"
ctl 'fail off'
run verify "$tmp/log" -q --json
expect_exit 0
jq -e '.verify.read_back and .verify.promised_blocks > 100' "$out" >/dev/null ||
	fail "nothing was promised: $(jq -c .verify "$out")"
