#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# probe: what bounds a model disk, in virtual time; a file of its own, made, timed, removed,
# also when interrupted; nobody else's file or device. Whether the machine is quiet enough
# is not asked.
. "$(dirname "$0")/lib.sh"
requires jq

# --- a model: the verdict first, the same bytes twice, the same report from the file ------
run probe hdd:generic-7200,filled=60% -o "$tmp/a.json"
expect_exit 0
head -n 1 "$out" | grep -q '^bound by: disk flush (a flushed 8 KiB write takes .* the flush itself); streams: disk (' ||
	fail "the first line does not name the disk's flush"
expect_stdout "FSYNCS/SECOND" "what that figure hides" "at most 512 MiB a second" "again: hcbench probe"
cp "$out" "$tmp/said"
run report text "$tmp/a.json"
expect_exit 0
cmp -s "$out" "$tmp/said" || fail "report text says otherwise than probe did"
run probe hdd:generic-7200,filled=60% -o "$tmp/b.json"
cmp -s "$tmp/a.json" "$tmp/b.json" || fail "the same probe twice, and other bytes"

# Flushed writes cannot come faster than the model's platter turns, streams not faster than
# its outermost track, and what the phases did adds up.
jq -e '.bound.resource == "disk_flush" and .bound.stream.resource == "disk"
	and (.measured | map(.name)) == ["commit", "commits", "stream", "read"]
	and (.measured[0] | .per_s > 40 and .per_s < 120 and .latency_ns.p50 > 8e6)
	and .measured[1].per_s > .measured[0].per_s
	and (.measured[2].bytes_per_s < 176e6)
	and .fsyncs.per_s == .measured[0].per_s and .fsyncs.counted == false
	and .probe.region_bytes == 268435456 and .probe.removed == null
	and .osds == [] and .paths == [] and .validity.verdict == "VALID"' "$tmp/a.json" >/dev/null ||
	fail "numbers: $(jq -c '[.bound.resource, .measured, .fsyncs.per_s, .validity]' "$tmp/a.json")"

# Without its cache the write waits for the platter, and the flush for nothing.
run probe hdd:generic-7200,cache=off --json
expect_exit 0
jq -e '.bound.resource == "disk" and (.bound.commit.flush_ns < .bound.commit.op_ns / 10)' \
	"$out" >/dev/null || fail "cache off: $(jq -c .bound.commit "$out")"

# A cap that holds is named, is kept, and is no blemish.
run probe hdd:generic-7200 --cap-rate 2MiB --json
expect_exit 0
jq -e '.bound.stream.resource == "rate_cap" and .bound.stream.nearest == "disk"
	and .bound.resource == "disk_flush" and .measured[2].held > 0
	and (.measured[2].bytes_per_s | . > 1.9e6 and . <= 2097152)
	and .probe.written_bytes <= 24 * 2097152' "$out" >/dev/null ||
	fail "cap: $(jq -c '[.bound.stream, .measured[2], .probe]' "$out")"

# --- a directory: a file of its own there, and pveperf's count -----------------------------
mkdir "$tmp/d"
run probe "$tmp/d" --duration 4s -o "$tmp/f.json"
case $status in 0 | 11 | 13) ;; *) fail "exit code $status" ;; esac
jq -e '(.measured | length) == 4 and all(.measured[]; .count > 0)
	and .probe.storage == "file" and .probe.removed == true
	and .fsyncs.counted and .fsyncs.per_s > 0
	and .probe.written_bytes > 0 and .probe.cap_bytes_per_s == 33554432
	and .target_facts.mark.uuid != null and .partial == false' "$tmp/f.json" >/dev/null ||
	fail "a file: $(jq -c '[.measured, .probe, .fsyncs, .notes]' "$tmp/f.json")"
[ -z "$(ls -A "$tmp/d")" ] || fail "left behind: $(ls -A "$tmp/d")"

# Interrupted, it removes its file and says that it was.
"$HCBENCH" probe "$tmp/d" -q -o "$tmp/i.json" >"$out" 2>"$err" &
pid=$!
sleep 1
[ -n "$(ls -A "$tmp/d")" ] || fail "after 1 s there is no file to interrupt"
kill -TERM "$pid"
status=0
wait "$pid" || status=$?
last_run="hcbench probe DIR, SIGTERM"
expect_exit 143
jq -e '.partial and .probe.removed and .validity.verdict != "VALID"' "$tmp/i.json" >/dev/null ||
	fail "not said: $(jq -c '[.partial, .probe.removed, .validity]' "$tmp/i.json")"
[ -z "$(ls -A "$tmp/d")" ] || fail "left behind: $(ls -A "$tmp/d")"

# --- what is not ours -----------------------------------------------------------------------
echo "my thesis" >"$tmp/thesis"
truncate -s 300M "$tmp/thesis"
run probe "$tmp/thesis" -q
expect_exit 14
expect_stderr_lines 1
expect_stderr "was not made by hcbench"
[ "$(head -n 1 "$tmp/thesis")" = "my thesis" ] || fail "the file was changed"
if [ "$(id -u)" -eq 0 ] && loop=$(losetup -f --show "$tmp/thesis" 2>/dev/null); then
	at_exit "losetup -d $loop"
	run probe "$loop" -q
	expect_exit 14
	expect_stderr_lines 1
	expect_stderr "hcbench claim"
	[ "$(head -n 1 "$tmp/thesis")" = "my thesis" ] || fail "the device was changed"
fi

# --- words it does not understand -------------------------------------------------------------
run probe
expect_exit 2
run probe hddd:generic-7200
expect_exit 2
expect_stderr 'did you mean "hdd"'
run probe hdd:generic-7200 --duration 2s
expect_exit 2
run probe hdd:generic-7200 --cap-rate 5
expect_exit 2
run probe "$tmp/d" --id bench
expect_exit 2
expect_stderr "belong to pools"
run probe "$tmp/none/none"
expect_exit 1
run probe hdd:generic-7200 -o "$tmp/thesis"
case $status in 2 | 14) ;; *) fail "exit code $status for a result over a file of someone's" ;; esac
CEPH_CONF=$tmp/none run probe nopool
expect_exit 1
expect_stderr_lines 1
