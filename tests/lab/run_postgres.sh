#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# PostgreSQL's writes on a real three-OSD pool: the result is whole, what it says it wrote
# is what librbd, the OSDs, the served disks and the kernel say they saw, an OSD that stops
# for 3 s is the storage's fault and nobody else's, and nothing that is not ours is touched.
. "$(dirname "$0")/../system/lib.sh"
. "$(dirname "$0")/lib.sh"
requires_lab
requires rbd ceph

# Fresh OSDs flush as often as warm ones do (docs/lab.md).
RUN_TIMEOUT=120 run lab up "$tmp/$lab.ini" --cold
expect_exit 0
dir=$("$HCBENCH" lab status "$lab" --json | jq -r '(if type == "array" then .[0] else . end).dir')
small="--set scale=10 --set wal_segments=8 --set checkpoint_timeout=20s"

# Exit 0, or 11 and 13 where a busy machine made the verdict: the counts must agree anyway.
expect_result() {
	case $status in
	0 | 11 | 13) jq -r '"\(.validity.verdict): \(.validity.reasons | join("; "))"' "$1" ;;
	*) fail "exit code $status" ;;
	esac
}

kernel_counts() { # what the block layer counted on the OSDs' loop devices: bytes, flushes
	"$HCBENCH" lab status "$lab" --json | jq -r '(if type == "array" then .[0] else . end).osds[].loop' | while read -r d; do
		cat "/sys/block/${d#/dev/}/stat"
	done | awk '{ b += $7 * 512; f += $16 } END { printf "%.0f %.0f\n", b, f }'
}

# --- whole cycles, and everybody's counts ------------------------------------------------
# Prefill first, so that the kernel's counts around the second run are the run's alone.
# shellcheck disable=SC2086 # options are words
RUN_TIMEOUT=300 run run postgres --lab "$lab" --on all=rbd:main/db $small --duration 1s -q
case $status in 0 | 11 | 13) ;; *) fail "prefill" ;; esac
before=$(kernel_counts)
# shellcheck disable=SC2086
RUN_TIMEOUT=300 run run postgres --lab "$lab" --on all=rbd:main/db $small --set checkpoints=2 \
	--set clients=4 -q -o "$tmp/r.json"
after=$(kernel_counts)
expect_result "$tmp/r.json"
expect_stdout "where the time went on the OSDs" "checkpoint sync" "closed loop"
jq -e '(.blocks | length) == 2 and .partial == false and .transactions[0].count > 100
	and (.osd | length) == 3 and .facts.prefilled_bytes == 0' "$tmp/r.json" >/dev/null ||
	fail "not a whole result: $(jq -c '[.blocks | length, .partial, .facts]' "$tmp/r.json")"

# librbd counts every write, byte and flush that we count, and no other.
jq -e '.totals as $t | .targets[0].counters.librbd
	| .wr == $t.writes and .wr_bytes == $t.write_bytes and .flush == $t.flushes' \
	"$tmp/r.json" >/dev/null || fail "librbd: $(jq -c '[.totals, .targets[0].counters.librbd]' "$tmp/r.json")"

# The primaries took the same bytes, plus librbd's few header writes; the replicas took
# them twice over (size 3), plus each transaction's own bookkeeping.
jq -e '.totals.write_bytes as $w | ([.osd[].osd.op_w_in_bytes] | add) as $p
	| ([.osd[].osd.subop_w_in_bytes] | add) as $s
	| $p >= $w and $p < $w * 1.01 + 65536 and $s > $w * 1.9 and $s < $w * 2.5' \
	"$tmp/r.json" >/dev/null ||
	fail "OSDs: $(jq -c '[.totals, [.osd[].osd | {op_w_in_bytes, subop_w_in_bytes}]]' "$tmp/r.json")"

# What the model disks say they were told is what the kernel sent them. The kernel's span
# is a little longer than the run's: the start and end of the run itself.
# shellcheck disable=SC2086
set -- $before $after
kb=$(($3 - $1)) kf=$(($4 - $2))
db=$(jq '[.osd[].disk.write_bytes] | add' "$tmp/r.json")
df=$(jq '[.osd[].disk.flushes] | add' "$tmp/r.json")
echo "disks: $db bytes, $df flushes; kernel: $kb bytes, $kf flushes"
within() { # PART WHOLE WHAT
	[ "$1" -le "$2" ] || fail "$3: the disks say $1, the kernel sent $2"
	[ "$1" -gt $(($2 * 90 / 100)) ] || fail "$3: the disks say $1, the kernel sent $2"
}
within "$db" "$kb" bytes
within "$df" "$kf" flushes

# Each OSD flushed at least once per batch that it committed, and wrote at least its log.
jq -e 'all(.osd[]; .disk.flushes >= .bluestore.kv_sync_lat_count
	and .disk.write_bytes >= .bluefs.bytes_written_wal
	and .bluestore.kv_sync_lat_count > 50)' "$tmp/r.json" >/dev/null ||
	fail "batches: $(jq -c '[.osd[] | [.disk.flushes, .bluestore.kv_sync_lat_count]]' "$tmp/r.json")"
# And a commit is durable on three disks: no commit without three flushes.
jq -e '([.osd[].disk.flushes] | add) >= 3 * .metrics.commits / .metrics.commits_per_wal_flush' \
	"$tmp/r.json" >/dev/null || fail "fewer flushes than durable commits need"

# --- an OSD stops for 3 s: the storage was late, not the bench ---------------------------
rate=$(jq -r '.transactions[0].rate_per_s / 2 | floor' "$tmp/r.json")
[ "$rate" -ge 1 ] || rate=1
osd=$("$HCBENCH" lab status "$lab" --json | jq -r '(if type == "array" then .[0] else . end).osds[1].pid')
(sleep 34 && kill -STOP "$osd" && sleep 3 && kill -CONT "$osd") &
# shellcheck disable=SC2086
RUN_TIMEOUT=200 run run postgres --lab "$lab" --on all=rbd:main/db --set scale=10 \
	--set wal_segments=8 --set checkpoint_timeout=20s --set checkpoints=2 \
	--set "rate=$rate/s" --set arrivals=steady --set clients=8 --verify --verify-log "$tmp/log" \
	-q -o "$tmp/stop.json"
wait
expect_result "$tmp/stop.json"
# And all that was flushed is there, for this process and for the next.
jq -e '.verify.read_back and .verify.promised_blocks > 500 and (.verify.first | length) == 0' \
	"$tmp/stop.json" >/dev/null || fail "verify: $(jq -c .verify "$tmp/stop.json")"
RUN_TIMEOUT=100 run verify "$tmp/log" -q
expect_exit 0
expect_stdout "all are there"
jq -e '.transactions[0].response_ns.max >= 3e9 and .unfinished == 0
	and .validity.lateness_ns.p99 < 1e8' "$tmp/stop.json" >/dev/null ||
	fail "$(jq -c '[.transactions[0].response_ns, .unfinished, .validity]' "$tmp/stop.json")"
# every commit that was due meanwhile is there: rate x 40 s, one more or less at each edge
jq -e --argjson r "$rate" '(.transactions[0].count - $r * .run.measured_s) | fabs < 3' \
	"$tmp/stop.json" >/dev/null ||
	fail "commits: $(jq -c '[.transactions[0].count, .run.measured_s]' "$tmp/stop.json") at $rate/s"
# (a busy machine may make the bench late too, but not by the seconds of the stop)
jq -e '[.validity.reasons[] | select(test("overload|never finished|failed"))] == []' \
	"$tmp/stop.json" >/dev/null || fail "$(jq -c .validity "$tmp/stop.json")"

# --- what is not ours is refused ------------------------------------------------------------
in_h1() {
	"$HCBENCH" lab exec "$lab" h1 -- "$@"
}
in_h1 rbd create main/theirs --size 2G || fail "rbd create"
RUN_TIMEOUT=60 run run postgres --lab "$lab" --on all=rbd:main/theirs -q
expect_exit 14
expect_stderr_lines 1
expect_stderr "main/theirs" "destroy=main/theirs"
in_h1 rbd bench --io-type write --io-total 1G --io-size 4K --io-threads 1 main/db >/dev/null 2>&1 &
bench=$!
sleep 4
RUN_TIMEOUT=60 run run postgres --lab "$lab" --on all=rbd:main/db -q
expect_exit 14
expect_stderr "open elsewhere"
kill "$bench" 2>/dev/null
wait "$bench" 2>/dev/null
RUN_TIMEOUT=60 run run postgres --on "all=rbd:main/none,conf=$dir/ceph.conf" --timeout 3s -q
expect_exit 1 # outside the lab's network no monitor answers
expect_stderr_lines 1
RUN_TIMEOUT=60 run run postgres --lab "$lab" --on all=rbd:nopool/db -q
expect_exit 1
expect_stderr_lines 1
expect_stderr "nopool"
RUN_TIMEOUT=20 run run postgres --lab none-such --on all=rbd:main/db -q
expect_exit 1
expect_stderr_lines 1

# --- the same conformance body as every engine's, on this cluster ---------------------------
CMOCKA_MESSAGE_OUTPUT=TAP
HCBENCH_TEST_CEPH_CONF=$dir/ceph.conf
export CMOCKA_MESSAGE_OUTPUT HCBENCH_TEST_CEPH_CONF
in_h1 "$HCB_BUILD/tests/conformance/test_engine" \
	>"$tmp/conformance" 2>&1 || fail "conformance: $(grep -a '^not ok' "$tmp/conformance")"
n=$(grep -c '^ok.*\(rbd\|rados\):' "$tmp/conformance")
echo "conformance tests on the pool: $n"
[ "$n" -ge 16 ] || fail "only $n conformance tests ran on the pool"
grep '^not ok.*\(rbd\|rados\):' "$tmp/conformance" && fail "conformance skipped on the pool"

RUN_TIMEOUT=60 run lab down "$lab"
expect_exit 0
nothing_left "down"
