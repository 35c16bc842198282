#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Ceph inside Tinc: keys and files as on real hosts, all of Ceph's traffic in the tunnel and
# the tunnel's in the port; virtual machines over Open vSwitch and a second tunnel, in the
# same port; and "lab up" killed at the steps that only this lab has.
. "$(dirname "$0")/../system/lib.sh"
. "$(dirname "$0")/lib.sh"
requires_lab
requires tincd ovs-vswitchd ovs-appctl iperf3 rados ceph ss
lab_like seed-tinc

on() { # HOST COMMAND...
	_h=$1
	shift
	timeout 60 "$HCBENCH" lab exec "$lab" "$_h" -- "$@"
}

for step in tunnels vms disks bridged; do
	HCBENCH_LAB_KILL_AT=$step
	export HCBENCH_LAB_KILL_AT
	run lab up "$tmp/$lab.ini" --cold
	expect_exit 137
	unset HCBENCH_LAB_KILL_AT
	t=$(now)
	run lab down "$lab"
	expect_exit 0
	nothing_left "killed at $step"
	echo "killed at $step: down in $(since "$t")"
done

t=$(now)
RUN_TIMEOUT=300 run lab up "$tmp/$lab.ini" --json
expect_exit 0
echo "up and warm: $(since "$t")"
jq -e '.health == "HEALTH_OK" and .warm.done and .network.public == "tinc"
	and .network.cluster == "tinc" and .network.vm == "gre"
	and [.hosts[].vm_address] == ["10.3.0.1", "10.3.0.2", "10.3.0.3"]
	and [.hosts[] | .address, .cluster_address, .link_address] ==
		["10.1.0.1", "10.1.0.1", "10.99.0.1", "10.1.0.2", "10.1.0.2", "10.99.0.2",
		"10.1.0.3", "10.1.0.3", "10.99.0.3"]' "$out" >/dev/null || fail "addresses"
dir=$(jq -r .dir "$out")
run lab status "$lab"
expect_stdout "public tinc, cluster tinc" "h2 10.1.0.2, port 10.99.0.2, virtual machine 10.3.0.2"

# Three host files on each host, alike everywhere; a private key of its own for each.
for h in h1 h2 h3; do
	for net in admin:655 vmlink:656; do
		d=$dir/tinc/$h/${net%:*}
		[ "$(find "$d/hosts" -type f | wc -l)" -eq 3 ] || fail "host files in $d"
		cmp -s "$d/hosts/h1" "$dir/tinc/h1/${net%:*}/hosts/h1" || fail "h1's key in $d"
		grep -qx "Port = ${net#*:}" "$d/hosts/$h" || fail "port in $d"
		grep -qx 'Mode = switch' "$d/tinc.conf" || fail "mode in $d"
		for s in tinc-up tinc-down; do
			[ -x "$d/$s" ] || fail "no $s in $d"
		done
	done
done
n=$(cat "$dir"/tinc/*/*/rsa_key.priv | grep -c 'BEGIN RSA PRIVATE KEY')
[ "$n" -eq 6 ] || fail "$n private keys"
[ "$(sort -u "$dir"/tinc/*/*/rsa_key.priv | grep -cv -e BEGIN -e END)" -gt $((n * 20)) ] || fail "keys are not $n different ones"
[ -z "$(find "$dir/tinc" -type f ! -perm 600 ! -name 'tinc-up' ! -name 'tinc-down')" ] ||
	fail "files that others can read: $(find "$dir/tinc" -type f ! -perm 600)"

# Nobody of Ceph speaks past the tunnel: on the ports there is Tinc and nothing else.
on h1 ceph osd dump --format json >"$tmp/osds" || fail "ceph osd dump"
jq -e '[.osds[] | .public_addr, .cluster_addr] | all(startswith("10.1.0."))' "$tmp/osds" >/dev/null ||
	fail "an OSD is elsewhere: $(jq -c '[.osds[].public_addr]' "$tmp/osds")"
for h in h1 h2 h3; do
	on "$h" ss -Htn state established >"$tmp/ss"
	grep -q '10\.1\.0\..*10\.1\.0\.' "$tmp/ss" || fail "$h has no connection inside the tunnel"
	if grep '10\.99\.0\.' "$tmp/ss" | grep -v ':65[56]\b'; then fail "$h speaks past the tunnel"; fi
	on "$h" ip route >"$tmp/route"
	if grep -q default "$tmp/route"; then fail "a default route on $h"; fi
	if grep -q '10\.1\.0.*hcb-eth0' "$tmp/route"; then fail "$h has a way around the tunnel"; fi
	grep -q '10\.1\.0\.0/24 dev hcb-admin .*congctl cubic' "$tmp/route" || fail "congestion control on $h"
	on "$h" ss -Htni state established | grep -o ' mss:[0-9]*' | sort -u >"$tmp/mss"
	[ -s "$tmp/mss" ] || fail "no MSS on $h"
done
bytes() { # INTERFACE: sent and received on h1
	on h1 cat /proc/net/dev | sed -n "s/^ *$1: *//p" | awk '{ printf "%.0f\n", $1 + $9 }'
}
port=$(bytes hcb-eth0) tap=$(bytes hcb-admin)
on h1 rados -p main bench 6 write -b 1M -t 4 >"$tmp/bench" || fail "rados bench"
port=$(($(bytes hcb-eth0) - port)) tap=$(($(bytes hcb-admin) - tap))
wrote=$(awk '/^Total writes made/ { print $4 * 1048576 }' "$tmp/bench")
echo "written $wrote bytes; h1's tap carried $tap, its port $port"
# The client is on h1: it sends a third of the data to itself and two thirds away, and every
# copy that its OSD does not make itself comes or goes once more.
[ "$tap" -gt "$wrote" ] || fail "the tunnel carried $tap bytes of $wrote written"
if [ "$port" -lt "$tap" ] || [ "$port" -gt $((tap * 13 / 10)) ]; then
	fail "the port carried $port bytes for the tunnel's $tap"
fi

# What the way costs: the stream goes through the tunnel, and its daemons take time for it.
run lab path "$lab" --seconds 2 --json
expect_exit 0
echo "path: $(jq -c '[.rtt_ns, .bit_per_s, .tunnel_us_per_packet_from, .tunnel_us_per_packet_to]' "$out")"
jq -e '.tunnel and .interface == "hcb-admin" and .address == "10.1.0.2" and .rtt_ns > 0 and .mss_bytes < 1400
	and .bit_per_s > 1e6 and .bit_per_s < 1e9 and .tunnel_us_per_packet_from > 0 and .tunnel_us_per_packet_to > 0
	and .processor_us_per_packet > .tunnel_us_per_packet_from and .assumed_us_per_packet == [6, 14]' \
	"$out" >/dev/null || fail "path: $(jq -c . "$out")"
run lab path "$lab" --from h2 --to h2
expect_exit 2
expect_stderr_lines 1

# Held to a cost that no machine's tincd takes: the daemons run under a quota and meet it.
run lab tunnel "$lab" 100us --json
expect_exit 0
echo "held: $(jq -c '[.native_us_per_packet, .share, .achieved_us_per_packet, .path.bit_per_s, .path.host_busy]' "$out")"
jq -e '.share > 0 and .share < 1 and .achieved_us_per_packet[0] <= .achieved_us_per_packet[1] and .path.held_to_us_per_packet == 100
	and .path_before.held_to_us_per_packet == null' "$out" >/dev/null || fail "held: $(jq -c . "$out")"
group=$(find /sys/fs/cgroup -maxdepth 3 -path "*/hcb-$lab/admin.h1")
[ "$(cat "$group/cgroup.procs")" = "$(cut -d' ' -f1 <"$dir/run/tinc-admin.h1.pid")" ] ||
	fail "h1's tincd is not in $group"
awk '/^nr_throttled/ { exit $2 > 0 ? 0 : 1 }' "$group/cpu.stat" || fail "it never met its quota"
run lab tunnel "$lab" off
expect_exit 0
# Version 1 or 2 of control groups, whichever has the cpu controller here.
[ "$(cat "$group/cpu.cfs_quota_us" 2>/dev/null)" = -1 ] || grep -q '^max ' "$group/cpu.max" || fail "still held"
run lab tunnel "$lab" 100ns
expect_exit 2
expect_stderr_lines 1
expect_stderr "need a dilation of"
run lab tunnel "$lab" soon
expect_exit 2
expect_stderr_lines 1

# --- virtual machines --------------------------------------------------------------------
for h in h1 h2 h3; do
	on "${h}_vm" ip -o link show eth0 | grep -q 'mtu 1380' || fail "MTU of $h's machine"
	if on "${h}_vm" ip route | grep default; then fail "a default route in $h's machine"; fi
	OVS_RUNDIR=$dir/ovs/$h ovs-appctl -t "$dir/ovs/$h/vswitchd.ctl" stp/show vmbr1 >"$tmp/stp.$h" ||
		fail "no spanning tree on $h"
done
grep -q 'This bridge is the root' "$tmp/stp.h1" || fail "h1 is not the root: $(cat "$tmp/stp.h1")"
[ "$(cat "$tmp"/stp.* | grep -c 'blocking')" -eq 1 ] || fail "not a tree: $(cat "$tmp"/stp.*)"
admin=$(bytes hcb-admin) vmlink=$(bytes hcb-vmlink) port=$(bytes hcb-eth0)
run lab traffic "$lab" --rate 16Mbit --seconds 4 --json
expect_exit 0
admin=$(($(bytes hcb-admin) - admin)) vmlink=$(($(bytes hcb-vmlink) - vmlink)) port=$(($(bytes hcb-eth0) - port))
echo "VMs: $(jq -c '[.sent_bit_per_s, .received_bit_per_s, .retransmits]' "$out"); tap $vmlink, port $port"
# Only the limit is certain, and that something went through: a busy machine gives less.
jq -e '.received_bit_per_s > 1e6 and .received_bit_per_s < 19e6' "$out" >/dev/null || fail "traffic"
sent=$(jq '.received_bit_per_s * .seconds / 8 | floor' "$out")
if [ "$vmlink" -lt "$sent" ] || [ "$port" -lt "$((vmlink + admin))" ]; then
	fail "of $sent bytes the second tunnel carried $vmlink, the port $port"
fi
run lab traffic "$lab" --from h1 --to h1
expect_exit 2
expect_stderr_lines 1

# The shared address goes from one machine to the other; a second time there is no other.
run lab fault "$lab" kill-carp --json
expect_exit 0
echo "carp: $(jq -c '[.from, .to, .outage_s]' "$out")"
jq -e '.from == "h1" and .to == "h2" and .outage_s > 0.01 and .outage_s < 60' "$out" >/dev/null || fail "carp: $(jq -c . "$out")"
on h2_vm ip -o addr show eth0 | grep -q '10\.3\.0\.100' || fail "h2's machine has not the address"
run lab fault "$lab" kill-carp
expect_exit 1
expect_stderr_lines 1

# A tunnel's daemon dies, and comes back: so does what went through it.
run lab fault "$lab" kill-tincd h2
expect_exit 0
if on h1 timeout 2 bash -c 'exec 3<>/dev/tcp/10.1.0.2/3300' 2>/dev/null; then fail "h2 answers without its tunnel"; fi
RUN_TIMEOUT=120 run lab fault "$lab" heal
expect_exit 0
on h1 timeout 5 bash -c 'exec 3<>/dev/tcp/10.1.0.2/3300' || fail "h2 does not answer after heal"
for h in h1 h2; do
	if on "${h}_vm" ip -o addr show eth0 | grep '10\.3\.0\.100'; then fail "$h's machine kept the shared address"; fi
done
run lab traffic "$lab" --from h1 --to h2 --rate 8Mbit --seconds 1
expect_exit 0

t=$(now)
run lab down "$lab"
expect_exit 0
echo "down: $(since "$t")"
nothing_left "down"
