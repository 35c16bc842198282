#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# probe on a real pool: its disks' flush is what bounds it; with 100 Mbit/s ports in place of
# 1 Gbit/s it is the network, and both are measured. It leaves nothing in the pool.
. "$(dirname "$0")/../system/lib.sh"
. "$(dirname "$0")/lib.sh"
requires_lab
requires rbd rados tc

# Fresh OSDs flush as often as warm ones do (docs/lab.md).
RUN_TIMEOUT=120 run lab up "$tmp/$lab.ini" --cold
expect_exit 0

images() {
	"$HCBENCH" lab exec "$lab" h1 -- rbd ls main
}

# All that one is asked for and the other not is the ports.
probe() { # DOCUMENT
	t=$(now)
	RUN_TIMEOUT=90 run probe main --lab "$lab" --duration 10s -q -o "$1"
	head -n 1 "$out"
	echo "probe took $(since "$t")"
	case $status in
	0 | 11) ;;
	13) jq -r .validity.reasons[] "$1" ;; # a busy machine; what bounds the pool stays so
	*) fail "exit code $status" ;;
	esac
	[ -z "$(images)" ] || fail "left in the pool: $(images)"
	# A region of few objects may leave an OSD without a primary, and its path unmeasured.
	jq -e '.probe.removed == true and .partial == false
		and ([.notes[] | select(test("has its primary there") | not)] == [])
		and (.measured | length) == 4 and (.osds | length) == 3 and (.paths | length) == 3
		and all(.osds[]; .commit_ns > 4e6 and .commits_ns > 4e6 and .class == "hdd"
			and .rotational and .write_cache == "write back")
		and ([.paths[] | select(.local)] | length) == 1
		and all(.paths[]; .rtt_ns > 0 and .tunnel == false
			and (.answer_ns == null or .answer_ns > .rtt_ns))
		and .bound.commit.resource == "disk_flush"
		and .bound.commit.disk_ns > .bound.commit.op_ns / 3' "$1" >/dev/null ||
		fail "not as it should be: $(jq -c '[.probe, .notes, .measured, .osds, .paths, .bound]' "$1")"
}

# What the OSDs on other hosts are said to carry, least and most, in Mbit/s.
carries() { # DOCUMENT LEAST MOST
	jq -e --argjson lo "$2" --argjson hi "$3" '[.paths[] | select(.local | not)
		| .from_osd_bytes_per_s, .to_osd_bytes_per_s | select(. != null) | . * 8 / 1e6]
		| length >= 2 and all(.[]; . > $lo and . < $hi)' "$1" >/dev/null ||
		fail "paths: $(jq -c .paths "$1")"
}

probe "$tmp/wide.json"
expect_stdout "bound by: disk flush (a flushed 8 KiB write takes" "FSYNCS/SECOND" \
	"pveperf on a node times that node's own disk, not the pool" "10.99.0.2"
carries "$tmp/wide.json" 250 1000
jq -e '.bound.resource == "disk_flush" and .bound.stream.nearest == "disk"' \
	"$tmp/wide.json" >/dev/null || fail "1 Gbit/s: $(jq -c .bound "$tmp/wide.json")"

# The controls of a night: a second says that the cluster is fit; one sample of each finds the
# disk that has become slow, and what the links carry.
RUN_TIMEOUT=30 run probe --controls main --lab "$lab" --look --json
expect_exit 0
jq -e '.environment | .unanswered == null and .cluster.status == "HEALTH_OK" and .cluster.osds_up == 3
	and (.cluster.recovery or .cluster.deep_scrub or .cluster.degraded | not)' "$out" >/dev/null ||
	fail "the surroundings: $(jq -c .environment "$out")"
run lab fault "$lab" slow-disk 0 3
expect_exit 0
t=$(now)
RUN_TIMEOUT=60 run probe --controls main --lab "$lab" --samples 1 -q -o "$tmp/c.json"
expect_exit 0
echo "one sample of each control took $(since "$t")"
jq -e '.notes == [] and .partial == false and ([.metrics[] | {(.name): .value}] | add
	| ."osd.0.bench" < 0.6 * ."osd.1.bench" and ."osd.1.bench" < 200 and ."osd.2.bench" < 200
	and ."osd.1.commit" > 1e6 and ."path.h2.rtt" > 1e4 and ."path.h2.from" > 20 and ."path.h3.to" < 125
	and ."direct.rtt" > 1e4 and ."direct.carries" > 60 and ."direct.carries" < 125)' "$tmp/c.json" >/dev/null ||
	fail "controls: $(jq -c '[.notes, (.metrics | map({(.name): .value}) | add)]' "$tmp/c.json")"
[ -z "$("$HCBENCH" lab exec "$lab" h1 -- rados -p main -N hcbench ls)" ] || fail "the controls left an object"
run lab fault "$lab" slow-disk 0 1
expect_exit 0

# A pool in use, as size sees it: its copies and what room there is, beside what is there.
for image in sized other; do
	run lab exec "$lab" h1 -- rbd create --size 64M main/$image
	expect_exit 0
done
{
	printf '[size]\ndemand = 40/s\nload = db.rate\nslo = db.commit.p99=50ms\nneed = 500GiB\n'
	printf '[workload db]\ntype = postgres\nscale = 10\n[workload bulk]\ntype = micro\nrate = 10/s\n'
	printf '[layout shared]\nkind = shared\non = db.all: rbd:main/sized\non = bulk.all: rbd:main/other\n'
	printf '[layout device]\nkind = split\non = db.all: uring:%s/db,make=on\non = bulk.all: rbd:main/other\n' "$tmp"
} >"$tmp/use.ini"
last_run="size of a pool in use"
CEPH_CONF=$HCBENCH_LAB_DIR/$lab/ceph.conf timeout 60 ip netns exec "hcb-$lab-h1" \
	"$HCBENCH" size "$tmp/use.ini" --check -q -o "$tmp/use.json" >"$out" 2>"$err" || fail "exit code $?"
expect_stdout "that are there" "a dead disk takes its data with it"
jq -e '.layouts[0].space | .known and .ratio > 1 and (.classes | length) == 1
	and (.classes[0] | .class == "hdd" and .osds == 3 and .hosts == 3 and .copies == 3
		and .stored_bytes > 1e6 and .stored_bytes < .raw_bytes / 30
		and (.usable_bytes + .stored_bytes) / .raw_bytes * 3 < 0.8501
		and (.usable_bytes + .stored_bytes) / .raw_bytes * 3 > 0.84)' "$tmp/use.json" >/dev/null ||
	fail "a pool in use: $(jq -c '.layouts[0].space' "$tmp/use.json")"
for image in sized other; do
	run lab exec "$lab" h1 -- rbd rm --no-progress main/$image
	expect_exit 0
done

for h in h1 h2 h3; do
	for end in "hcb-$lab-$h hcb-eth0" "hcb-$lab-sw hcb-$h"; do
		# shellcheck disable=SC2086 # a namespace and a device
		set -- $end
		ip netns exec "$1" tc qdisc change dev "$2" root tbf rate 100mbit burst 128kb \
			latency 50ms || fail "tc in $1"
	done
done
probe "$tmp/narrow.json"
expect_stdout "bound by: network (streams: " "; commits: disk flush ("
carries "$tmp/narrow.json" 80 100
jq -e '.bound.resource == "network" and .bound.stream.resource == "network"
	and .bound.stream.port_busy > 0.5 and .bound.stream.port_busy < 1.15
	and .bound.stream.disk_busy < 0.6' "$tmp/narrow.json" >/dev/null ||
	fail "100 Mbit/s: $(jq -c .bound "$tmp/narrow.json")"
# The stream is slower by what the ports are, the commits are what they were.
jq -e -n --slurpfile w "$tmp/wide.json" --slurpfile n "$tmp/narrow.json" '
	($w[0].measured[2].bytes_per_s > 1.8 * $n[0].measured[2].bytes_per_s)
	and ($n[0].measured[0].per_s > 0.5 * $w[0].measured[0].per_s)' >/dev/null ||
	fail "wide $(jq -c .measured "$tmp/wide.json"), narrow $(jq -c .measured "$tmp/narrow.json")"

# Interrupted while it writes, it takes its image away.
"$HCBENCH" probe main --lab "$lab" -q -o "$tmp/i.json" >"$out" 2>"$err" &
pid=$!
sleep 3
[ -n "$(images)" ] || fail "after 3 s there is no image to interrupt"
kill -TERM "$pid"
wait "$pid"
status=$? last_run="hcbench probe main, SIGTERM"
expect_exit 143
[ -z "$(images)" ] || fail "left in the pool: $(images)"
jq -e '.partial and .probe.removed' "$tmp/i.json" >/dev/null || fail "not said that it was cut short"

# Somebody else's image is not touched, and stays.
"$HCBENCH" lab exec "$lab" h1 -- rbd create main/theirs --size 512M || fail "rbd create"
RUN_TIMEOUT=60 run probe rbd:main/theirs --lab "$lab" -q
expect_exit 14
expect_stderr_lines 1
[ "$(images)" = theirs ] || fail "the pool has: $(images)"
RUN_TIMEOUT=60 run probe nopool --lab "$lab" -q
expect_exit 1
expect_stderr "nopool"

RUN_TIMEOUT=60 run lab down "$lab"
expect_exit 0
nothing_left "down"
