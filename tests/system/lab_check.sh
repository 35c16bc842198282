#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# "lab check" tells what a cluster file would become; what cannot be built is refused by
# "lab check" and "lab up" alike, with one line and before anything is built.
. "$(dirname "$0")/lib.sh"
requires jq
HCBENCH_LAB_DIR=$tmp/s
export HCBENCH_LAB_DIR

refused() { # CHECK-EXIT UP-EXIT TEXT...: by both verbs, of $tmp/bad.ini
	_want=$1 _up=$2
	shift 2
	run lab check "$tmp/bad.ini"
	expect_exit "$_want"
	if [ "$_want" -eq 2 ]; then
		expect_stderr_lines 1
		expect_stderr "$@"
	else
		expect_stdout "missing: $1" "this machine can not carry it"
	fi
	[ "$(id -u)" -eq 0 ] || return 0
	run lab up "$tmp/bad.ini" --cold
	expect_exit "$_up"
	expect_stderr_lines 1
	expect_stderr "$@"
	[ -z "$(find "$tmp/s" -mindepth 1 2>/dev/null)" ] || fail "left in the state directory"
	if ip netns list 2>/dev/null | grep -q hcb-bad-; then fail "left a namespace"; fi
}

three() { # [POOL KEY=VALUE...]
	printf '[host h1 h2 h3]\nosd = generic-7200\n[pool main]\n' >"$tmp/bad.ini"
	printf '%s\n' "$@" >>"$tmp/bad.ini"
}

# --- what is told -------------------------------------------------------------------------
# Of every shipped file; 36 GiB is what none needs, so "possible" may be false here.
for f in "$HCB_SRC"/lab/clusters/*.ini; do
	n=$(basename "$f" .ini)
	run lab check "$n" --json
	case $status in 0 | 1) ;; *) fail "$n" ;; esac
	jq -e --arg n "$n" --arg f "$f" '.name == $n and .cluster_file == $f
		and (.hosts | length) >= 3 and (.pools | length) >= 1
		and .memory.need_bytes > 0 and .memory.available_bytes > 0
		and .possible == (.lacks == []) and .warnings == []' "$out" >/dev/null ||
		fail "$n: $(cat "$out")"
	jq -e '.memory.need_bytes < 36e9' "$out" >/dev/null || fail "$n needs too much"
	jq -e --argjson s "$status" '.possible == ($s == 0)' "$out" >/dev/null || fail "$n: exit code"
	run lab check "$n"
	expect_stdout "lab $n, from $f" "memory:" "processors:" "pool main: 3 copies"
done
run lab check seed-direct --json
need=$(jq .memory.need_bytes "$out")
jq -e '.network == {"public": "direct", "cluster": "direct", "vm": "none", "tunnels": []}
	and .hosts[1].addresses == {"link": "10.99.0.2"} and .hosts[2].disks[0].osd == 2' \
	"$out" >/dev/null || fail "seed-direct's network"
run lab check split-disk --json
jq -e --argjson n "$need" '(.memory.need_bytes - $n) / 1073741824 == 9
	and .pools[1].osds == 3' "$out" >/dev/null || fail "three disks more, 3 GiB each"
run lab check cache-off --json
jq -e 'all(.hosts[]; .disks[0].cache == "off" and .system_disk.cache == "default")' "$out" >/dev/null ||
	fail "cache-off"
run lab check system-disk --json
jq -e --argjson n "$need" '.memory.need_bytes > $n
	and all(.hosts[]; .system_disk.served) and .not_emulated == []' "$out" >/dev/null ||
	fail "system-disk"

# What a lab cannot do is said.
three
printf '[network]\nrtt = 300us\n' >>"$tmp/bad.ini"
run lab check "$tmp/bad.ini"
expect_stdout "not emulated: rtt = 300 us"
three class=hdd
sed -i 's/^osd.*/&\nosd = generic-7200, class=idle/' "$tmp/bad.ini"
run lab check "$tmp/bad.ini"
expect_stdout "warning: osd.1: no pool lies on class idle"

# --- what is refused ----------------------------------------------------------------------
three class=ssd
refused 2 2 "pool main: class=ssd: no OSD has this class"
three size=4
refused 2 2 "pool main: size=4: only 3 hosts"
three
sed -i 's/h1 h2 h3/sw h2 h3/' "$tmp/bad.ini"
refused 2 2 'host "sw"'
three
sed -i 's/generic-7200/generic-7201/' "$tmp/bad.ini"
refused 1 2 "find generic-7201.ini among the disks: no such file" 'did you mean "generic-7200"?'
# 36 disks: 109 GiB
three
for _ in 1 2 3 4 5 6 7 8 9 10 11; do
	sed -i '0,/^osd/s/^osd/osd = generic-7200\nosd/' "$tmp/bad.ini"
done
kb=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
if [ "$kb" -lt 110000000 ]; then
	refused 1 1 "check memory: 36 OSDs on served disks need 109.0 GiB"
fi

# Rights and packages, on a machine that has both: taken away for one command.
[ "$(id -u)" -eq 0 ] || skip "needs root for the rest"
requires setpriv unshare
mkdir -p "$tmp/any"
cp "$HCBENCH" "$tmp/any/hcbench"
cp -r "$HCB_SRC/lab/clusters" "$HCB_SRC/lab/disks" "$tmp/any"
chmod -R a+rX "$tmp" "$tmp/any"
three
as_nobody() {
	last_run="hcbench $* (as nobody)"
	status=0
	HCBENCH_SHARE=$tmp/any setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$tmp/any/hcbench" "$@" >"$out" 2>"$err" </dev/null || status=$?
}
as_nobody lab check "$tmp/bad.ini"
expect_exit 1
expect_stdout "missing: lab: needs root"
as_nobody lab up "$tmp/bad.ini"
expect_exit 1
expect_stderr_lines 1
expect_stderr "needs root"

without() { # PROGRAM ARGS...
	_p=$(command -v "$1") || skip "$1 is not installed"
	shift
	last_run="hcbench $* (without $_p)"
	status=0
	# shellcheck disable=SC2016 # the inner shell's
	unshare -m sh -c 'mount --bind /dev/null "$1" && shift && exec "$@"' sh \
		"$(readlink -f "$_p")" "$HCBENCH" "$@" >"$out" 2>"$err" </dev/null || status=$?
}
without monmaptool lab check "$tmp/bad.ini"
expect_exit 1
expect_stdout 'missing: find monmaptool: not installed; "apt install ceph-base" brings it'
without monmaptool lab up "$tmp/bad.ini"
expect_exit 1
expect_stderr_lines 1
expect_stderr "find monmaptool: not installed"
[ -z "$(find "$tmp/s" -mindepth 1 2>/dev/null)" ] || fail "left in the state directory"
