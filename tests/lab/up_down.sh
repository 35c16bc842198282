#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A lab comes up warm, is what its cluster file says, and goes without a trace.
. "$(dirname "$0")/../system/lib.sh"
. "$(dirname "$0")/lib.sh"
requires_lab
requires rbd rados ceph

inside() { # HOST COMMAND...
	_h=$1
	shift
	run lab exec "$lab" "$_h" -- "$@"
}

ceph_h1() {
	inside h1 timeout 30 ceph "$@"
	expect_exit 0
}

t=$(now)
RUN_TIMEOUT=240 run lab up "$tmp/$lab.ini" --json
expect_exit 0
echo "up and warm: $(since "$t")"
grep -h 'warm-up:' "$err"
jq -e '.health == "HEALTH_OK" and .warm.done and .osds_up == 3 and .pgs_clean == .pgs
	and .mons == 3 and (.osds | length) == 3' "$out" >/dev/null || fail "not what was asked for"
jq -e '.warm.kv_flush_ratio > 0.9 and .warm.kv_flush_ratio < 2.3' "$out" >/dev/null ||
	fail "flushes per kv batch"
dir=$(jq -r .dir "$out")

run lab up "$tmp/$lab.ini"
expect_exit 0
expect_stderr "is up already"
run lab status "$lab" --json
expect_exit 0
jq -e '.health == "HEALTH_OK"' "$out" >/dev/null || fail "status says otherwise"

# Asked for in another state folder, nothing of it is touched: all of it or none.
(HCBENCH_LAB_DIR=$tmp/other && export HCBENCH_LAB_DIR && run lab down "$lab"
	expect_exit 2
	expect_stderr "lies in $tmp/s: set HCBENCH_LAB_DIR=$tmp/s"
	run lab up "$tmp/$lab.ini"
	expect_exit 2) || exit 1
run lab status "$lab" --json
jq -e '.health == "HEALTH_OK"' "$out" >/dev/null || fail "another folder's down hurt it"

# Keys are nobody else's.
[ "$(stat -c %a "$dir")" = 700 ] || fail "mode of $dir"
[ -z "$(find "$dir/key" "$dir/lab.json" "$dir/ceph.conf" -type f ! -perm 600)" ] ||
	fail "files others can read: $(find "$dir/key" -type f ! -perm 600)"

# The command's own exit code; the wrong host.
inside h3 sh -c 'exit 7'
expect_exit 7
inside h9 true
expect_exit 2
expect_stderr_lines 1

ceph_h1 osd pool get main size
expect_stdout "size: 3"
ceph_h1 osd pool get main min_size
expect_stdout "min_size: 2"
ceph_h1 osd metadata --format json
[ "$(jq '[.[] | select(.bluestore_bdev_rotational == "1" and .bluestore_bdev_type == "hdd")]
	| length' "$out")" = 3 ] || fail "BlueStore's idea of its disks"
ceph_h1 osd tree --format json
[ "$(jq '[.nodes[] | select(.type == "host" and (.children | length) == 1)] | length' "$out")" \
	= 3 ] || fail "an OSD on each host"

# Without a tunnel the way is the port, and no daemon's time is in it.
run lab path "$lab" --seconds 1 --from h3 --json
expect_exit 0
jq -e '.from == "h3" and .to == "h1" and .interface == "hcb-eth0" and (.tunnel | not) and .rtt_ns > 0
	and .bit_per_s > 1e6 and .bit_per_s < 1.05e9 and .tunnel_us_per_packet_from == null
	and .assumed_us_per_packet == null' "$out" >/dev/null || fail "path: $(jq -c . "$out")"

# What goes in through librbd comes out again.
head -c 8388608 /dev/urandom >"$tmp/in"
inside h2 timeout 60 rbd --no-progress import "$tmp/in" main/test
expect_exit 0
inside h3 timeout 60 rbd --no-progress export main/test "$tmp/back"
expect_exit 0
cmp "$tmp/in" "$tmp/back" || fail "librbd gave other bytes back"

# Small writes for long enough that every disk destages, and then it still answers.
inside h1 timeout 60 rados -p main bench 8 write -b 4096 -t 4
expect_exit 0
run lab status "$lab" --json
jq -e '.health == "HEALTH_OK" and (.disks | length) == 3 and
	all(.disks[]; .disk.flushes > 0 and .timing)' "$out" >/dev/null || fail "disks after writing"

# Both ends of each link are shaped, and there is no way out.
for h in h1 h2 h3; do
	inside "$h" tc qdisc show dev hcb-eth0
	expect_stdout "tbf" "rate 1Gbit"
	inside "$h" ip route
	if grep -q default "$out"; then fail "a default route on $h"; fi
	tc -n "hcb-$lab-sw" qdisc show dev "hcb-$h" | grep -q 'tbf.*rate 1Gbit' ||
		fail "the switch's end of $h is not shaped"
done
if command -v iperf3 >/dev/null; then
	for d in "" -R; do
		"$HCBENCH" lab exec "$lab" h1 -- timeout 30 iperf3 -s -1 >/dev/null 2>&1 &
		sleep 0.5
		# shellcheck disable=SC2086 # may be empty
		inside h2 timeout 30 iperf3 -c 10.99.0.1 -t 3 $d --json
		wait
		mbit=$(jq '.end.sum_received.bits_per_second / 1e6 | floor' "$out")
		echo "h2 to h1 ${d:-forth}: $mbit Mbit/s"
		# Only the limit is certain: a busy machine gives less.
		if [ "$mbit" -lt 50 ] || [ "$mbit" -gt 1000 ]; then
			fail "$mbit Mbit/s over a 1 Gbit/s port"
		fi
	done
else
	echo "no iperf3: throughput not measured"
fi

# --- the guest's path: the same image through QEMU's block layer ---------------------------
if command -v qemu-storage-daemon >/dev/null; then
	asok() { # the client socket of the daemon that exports main/$1
		_pid=$(cat "$dir/run/guest.main.$1.pid")
		find "$dir/run" -name "client.admin.$_pid.*.asok"
	}
	for cache in none writeback; do
		run lab guest "$lab" "main/$cache" --cache "$cache" --size 256MiB
		expect_exit 0
		target=$(cat "$out")
		want=$([ $cache = writeback ] && echo true || echo false)
		ceph --admin-daemon "$(asok $cache)" config get rbd_cache 2>/dev/null |
			jq -e --arg w "$want" '.rbd_cache == $w' >/dev/null || fail "librbd's cache with cache=$cache"
		RUN_TIMEOUT=90 run run micro --lab "$lab" --on "all=$target" --set size=64MiB --set bs=8KiB \
			--set flush=1 --duration 3s -q -o "$tmp/guest.json"
		case $status in 0 | 11 | 13) ;; *) fail "a run through the guest's path" ;; esac
		# Every flush that the guest asks for is asked of librbd.
		ceph --admin-daemon "$(asok $cache)" perf dump 2>/dev/null |
			jq '[to_entries[] | select(.key | startswith("librbd")) | .value.flush] | add' >"$tmp/flushes"
		asked=$(jq .totals.flushes "$tmp/guest.json")
		echo "cache=$cache: $asked flushes asked, librbd had $(cat "$tmp/flushes"), $(jq '.transactions[0].rate_per_s | floor' "$tmp/guest.json")/s"
		if [ "$asked" -lt 10 ] || [ "$(cat "$tmp/flushes")" -lt "$asked" ]; then
			fail "flushes: $asked asked, $(cat "$tmp/flushes") passed on"
		fi
	done
	run lab guest "$lab" main/none --cache writeback
	expect_exit 1
	expect_stderr_lines 1
	expect_stderr "exports it with cache=none"
	run lab guest "$lab" nowhere/vm
	expect_exit 1
	expect_stderr_lines 1
	run lab guest "$lab" vm
	expect_exit 2
	run lab status "$lab"
	expect_stdout "main/none with cache=none on h1: nbd:unix:" "main/writeback with cache=writeback"
	run lab guest "$lab" main/none --stop
	expect_exit 0
	run lab guest "$lab" main/none --stop
	expect_exit 1
	# The other is left to "lab down".
else
	echo "no qemu-storage-daemon: the guest's path is not tested"
fi

# A disk that hangs, with writes in it that nobody will answer, does not hold "lab down" up.
run disk ctl "$dir/disk/0" 'hang on'
expect_exit 0
inside h1 timeout 3 rados -p main put stuck "$tmp/in"
[ "$status" -ne 0 ] || fail "a write was acknowledged while one of its disks hung"
run disk stat "$dir/disk/0" --json
jq -e '.faults.hang and .faults.held > 0' "$out" >/dev/null || fail "the disk holds nothing"

t=$(now)
run lab down "$lab"
expect_exit 0
echo "down, with a disk that hangs: $(since "$t")"
nothing_left "after lab down"
run lab down "$lab"
expect_exit 0
expect_stderr "there is none"
run lab status "$lab"
expect_exit 1
nothing_left "after a second lab down"
