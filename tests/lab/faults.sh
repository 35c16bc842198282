#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What can be broken breaks, "heal" mends it, and a run with faults says what they did.
. "$(dirname "$0")/../system/lib.sh"
. "$(dirname "$0")/lib.sh"
requires_lab

run lab up "$tmp/$lab.ini" --cold
expect_exit 0
osd_pid() { # ID
	cat "$tmp/s/$lab/run/osd.$1.pid"
}
well() {
	run lab status "$lab" --json
	jq -e '.health == "HEALTH_OK" and .osds_up == 3 and .mons == 3 and .pgs_clean == .pgs' \
		"$out" >/dev/null || fail "$1"
}

# What cannot be: one line, exit 2, nothing changed.
for f in "kill-hots h2" "kill-host h9" "kill-osd 7" "kill-osd all" "slow-disk 0" "slow-disk 0 0.5" "slow-link h1 quick" \
	"heal now"; do
	# shellcheck disable=SC2086 # words
	run lab fault "$lab" $f
	expect_exit 2
	expect_stderr_lines 1
done
run run postgres --lab "$lab" --on all=rbd:main/db --fault 'at=1s kill-hots h2'
expect_exit 2
expect_stderr 'did you mean "kill-host"'
well "a fault that is none changed something"

# An OSD dies in an open run and is mended in it.
old=$(osd_pid 2)
RUN_TIMEOUT=200 run run postgres --lab "$lab" --on all=rbd:main/db --set scale=5 --set wal_segments=6 \
	--set checkpoint_timeout=15s --set checkpoints=2 --set rate=10/s -q \
	--fault 'at=20s kill-osd 2' --fault 'at=30s heal' -o "$tmp/r.json"
case $status in 0 | 11 | 13) ;; *) fail "exit code $status" ;; esac
jq -e '(.faults | length) == 2 and all(.faults[]; .exit == 0) and .faults[0].do == "kill-osd 2"
	and (.drill.recovery_s > 0) and (.drill.before.count > 10) and .unfinished == 0
	and ([.validity.reasons[] | select(test("degraded|recover|OSD"))] == [])' "$tmp/r.json" >/dev/null ||
	fail "$(jq -c '[.faults, .drill, .unfinished, .validity]' "$tmp/r.json")"
# The OSD that was started anew has counted since then, not the difference to its past life.
jq -e '[.osd[] | .restarted] == [null, null, true] and all(.osd[]; .bluestore.kv_sync_lat_count > 0)
	and .osd[2].osd.op_w < .osd[0].osd.op_w' "$tmp/r.json" >/dev/null ||
	fail "$(jq -c '[.osd[] | [.restarted, .bluestore.kv_sync_lat_count, .osd.op_w]]' "$tmp/r.json")"
expect_stdout "kill-osd 2" "mended and well again"
[ "$(osd_pid 2)" != "$old" ] || fail "osd.2 was not killed"
well "not well after heal"
run report timeline --term dumb "$tmp/r.json"
expect_exit 0
expect_stdout "seconds since the first operation"

# Each of these is seen, and mended.
run lab fault "$lab" slow-link h2 20Mbit
expect_exit 0
run lab exec "$lab" h2 -- tc qdisc show dev hcb-eth0
expect_stdout "rate 20Mbit"
run lab fault "$lab" slow-disk 0 3
expect_exit 0
run lab fault "$lab" lie-disk 1
expect_exit 0
run lab status "$lab" --json
jq -e '[.disks[] | .lie] == [false, true, false]' "$out" >/dev/null || fail "disks that lie: $(jq -c '[.disks[] | .lie]' "$out")"
run lab fault "$lab" nearfull
expect_exit 0
sleep 6
RUN_TIMEOUT=60 run run postgres --lab "$lab" --on all=rbd:main/db --set scale=5 --set wal_segments=6 \
	--duration 5s -q
[ "$status" -ne 0 ] || fail "a run on a nearfull pool went through"
expect_stderr NEARFULL
# Nor is a night measured on it; what the cluster says can be asked all the same.
run probe --controls main --lab "$lab" --look --json
expect_exit 0
jq -e '.environment.cluster | .status == "HEALTH_WARN" and (.checks | test("NEARFULL"))' "$out" >/dev/null ||
	fail "the surroundings: $(jq -c .environment "$out")"
run check --run "$HCB_SRC/lab/nightly/commits.ini" --lab "$lab" --settle 0 --history "$tmp/nights"
rm -f "/run/lock/hcbench-night-lab-$lab.lock" "/tmp/hcbench-night-lab-$lab.lock"
expect_exit 13
expect_stderr "nothing is measured tonight: at the start the cluster was in HEALTH_WARN" NEARFULL
[ -z "$(find "$tmp/nights" -name '*.json')" ] || fail "a night was measured on a nearfull pool"
run lab fault "$lab" stop-osd 1
expect_exit 0
grep -q '^State:.T' "/proc/$(osd_pid 1)/status" || fail "osd.1 is not stopped"
run lab fault "$lab" kill-host h3
expect_exit 0
old=$(osd_pid 0)
run lab fault "$lab" power-cut osd.0
expect_exit 0
run lab status "$lab" --json
jq -e '[.disks[] | .power.on] == [false, true, true]' "$out" >/dev/null || fail "power: $(jq -c '[.disks[] | .power]' "$out")"
run lab fault "$lab" power-cut 0
expect_exit 1
expect_stderr_lines 1
RUN_TIMEOUT=300 run lab fault "$lab" heal
expect_exit 0
well "not well after the second heal"
run lab exec "$lab" h2 -- tc qdisc show dev hcb-eth0
expect_stdout "rate 1Gbit"
run lab status "$lab" --json
jq -e 'all(.disks[]; .slow == 1 and .power.on and (.lie | not))' "$out" >/dev/null ||
	fail "a disk is not mended: $(jq -c '[.disks[] | [.slow, .power, .lie]]' "$out")"
jq -e '.disks[0].power.cuts == 1' "$out" >/dev/null || fail "the power of osd.0's disk was not cut once"
[ "$(osd_pid 0)" != "$old" ] || fail "osd.0 lived through its disk's power cut"

# All at once, so that no monitor misses them: well means the processes that run now, and
# placement groups that they have brought up.
run lab fault "$lab" power-cut all
expect_exit 0
RUN_TIMEOUT=300 run lab fault "$lab" heal
expect_exit 0
run lab exec "$lab" h1 -- ceph osd dump -f json
for i in 0 1 2; do
	jq -e --argjson i "$i" --argjson pid "$(osd_pid "$i")" '.osds[$i] | .up == 1
		and .public_addrs.addrvec[0].nonce % 1000000 == $pid % 1000000' "$out" >/dev/null ||
		fail "well, but the map has osd.$i as it was: $(jq -c --argjson i "$i" '.osds[$i]' "$out")"
done
well "not well after the power cut"
run lab down "$lab"
expect_exit 0
nothing_left "after the faults"
