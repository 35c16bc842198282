#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Ceph inside Tinc: keys and files as on real hosts, all of Ceph's traffic in the tunnel and
# the tunnel's in the port, and "lab up" killed at the steps that only this lab has.
. "$(dirname "$0")/../system/lib.sh"
. "$(dirname "$0")/lib.sh"
requires_lab
requires tincd rados ceph ss
lab_like seed-tinc
sed -i '/^vm /d' "$tmp/$lab.ini"

on() { # HOST COMMAND...
	_h=$1
	shift
	timeout 60 "$HCBENCH" lab exec "$lab" "$_h" -- "$@"
}

for step in tunnels disks tunnelled; do
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
	and .network.cluster == "tinc"
	and [.hosts[] | .address, .cluster_address, .link_address] ==
		["10.1.0.1", "10.1.0.1", "10.99.0.1", "10.1.0.2", "10.1.0.2", "10.99.0.2",
		"10.1.0.3", "10.1.0.3", "10.99.0.3"]' "$out" >/dev/null || fail "addresses"
dir=$(jq -r .dir "$out")
run lab status "$lab"
expect_stdout "public tinc, cluster tinc" "h2 10.1.0.2, port 10.99.0.2"

# Three host files on each host, alike everywhere; a private key of its own for each.
for h in h1 h2 h3; do
	[ "$(find "$dir/tinc/$h/admin/hosts" -type f | wc -l)" -eq 3 ] || fail "host files on $h"
	cmp -s "$dir/tinc/$h/admin/hosts/h1" "$dir/tinc/h1/admin/hosts/h1" || fail "h1's key on $h"
	grep -qx 'Port = 655' "$dir/tinc/$h/admin/hosts/$h" || fail "port of $h"
	grep -qx 'Mode = switch' "$dir/tinc/$h/admin/tinc.conf" || fail "mode of $h"
	for s in tinc-up tinc-down; do
		[ -x "$dir/tinc/$h/admin/$s" ] || fail "no $s on $h"
	done
done
n=$(cat "$dir"/tinc/*/*/rsa_key.priv | grep -c 'BEGIN RSA PRIVATE KEY')
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

t=$(now)
run lab down "$lab"
expect_exit 0
echo "down: $(since "$t")"
nothing_left "down"
