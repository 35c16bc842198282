#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# --verify: a target that keeps its word through a power cut passes, one that lies about
# its flush is caught, and what is wrong with a file is named by address.
. "$(dirname "$0")/lib.sh"
requires jq dd

# In virtual time. The power is cut at half of it; nothing is out then, and the run goes on.
load="--set size=8MiB --set rate=2000/s --set flush=4 --set depth=4 --duration 4s --verify -q"
# shellcheck disable=SC2086 # a list of words, here and below
run run micro --on all=mem:,volatile=on,cut=2s $load -o "$tmp/honest.json"
expect_exit 0
expect_stdout "VALID  micro" "verified: " "all are there"
jq -e '.verify.read_back and .verify.blocks_checked > 1500 and .verify.promised_blocks > 1500
	and .verify.lost + .verify.torn + .verify.foreign + .verify.stale == 0
	and .targets[0].facts.power_cuts == 1 and (.verify.first | length) == 0' \
	"$tmp/honest.json" >/dev/null || fail "an honest target: $(jq -c .verify "$tmp/honest.json")"

# shellcheck disable=SC2086
run run micro --on all=mem:,volatile=on,cut=2s,lie=on $load -o "$tmp/liar.json"
expect_exit 1
expect_stdout "INVALID  micro" "because data lost: " "DATA LOST: " "torn       byte "
jq -e '.verify.lost > 0 and .verify.torn > 0 and .verify.promised_blocks > 1500
	and (.verify.first[0] | .volume == "all" and .offset % 4096 == 0 and .expected_seq > 0
		and .target == "mem:,volatile=on,cut=2s,lie=on" and .when == "read back")
	and ([.verify.first[] | select(.kind == "lost" and .found_seq >= .expected_seq)] == [])' \
	"$tmp/liar.json" >/dev/null || fail "a liar: $(jq -c .verify "$tmp/liar.json")"
# shellcheck disable=SC2086
run run micro --on all=mem:,volatile=on,cut=2s,lie=on $load -o "$tmp/again.json"
cmp -s "$tmp/liar.json" "$tmp/again.json" || fail "the same seed gave other bytes"
# Without the cut nobody is found out, and without the flushes nothing is promised.
# shellcheck disable=SC2086
run run micro --on all=mem:,volatile=on,lie=on $load
expect_exit 0
# shellcheck disable=SC2086
run run micro --on all=mem:,volatile=on,cut=2s,lie=on $load --set flush=0 -o "$tmp/none.json"
expect_exit 0
jq -e '.verify.promised_blocks == 0 and .verify.rolled_back > 100' "$tmp/none.json" >/dev/null ||
	fail "nothing was flushed: $(jq -c .verify "$tmp/none.json")"
expect_stdout "a power cut may do that"

# The model disk, whose ops take time: those that are out at the cut fail.
load="--set size=256MiB --set depth=8 --set flush=4 --duration 8s --verify --keep-going -q"
# shellcheck disable=SC2086
run run micro --on all=hdd:generic-7200,store=on,cut=4s $load -o "$tmp/hdd.json"
expect_exit 13
jq -e '.verify.lost + .verify.torn + .verify.foreign + .verify.stale == 0
	and .verify.promised_blocks > 1000 and .totals.errors == 8' "$tmp/hdd.json" >/dev/null ||
	fail "an honest disk: $(jq -c .verify "$tmp/hdd.json")"
# shellcheck disable=SC2086
run run micro --on all=hdd:generic-7200,store=on,cut=4s,lie=on $load -o "$tmp/hdd.json"
expect_exit 1
jq -e '.verify.torn + .verify.foreign > 100' "$tmp/hdd.json" >/dev/null || fail "a lying disk passed"

# postgres, whose journal commits with FUA, native or by a flush: log, data, journal.
for disk in store=on,cut=20s store=on,cut=20s,fua=on store=on,cut=20s,cache=off; do
	run run postgres --on "all=hdd:generic-7200,$disk" --native-fua --set scale=2 \
		--set checkpoint_timeout=10s --duration 20s --verify --keep-going -q -o "$tmp/pg.json"
	case $status in 0 | 13) ;; *) fail "exit code $status" ;; esac # was anything out?
	jq -e '.verify.lost + .verify.torn + .verify.foreign + .verify.stale == 0
		and .verify.promised_blocks > 2000' "$tmp/pg.json" >/dev/null ||
		fail "postgres on $disk: $(jq -c .verify "$tmp/pg.json")"
done
run run postgres --on all=hdd:generic-7200,store=on,cut=20s,lie=on --set scale=2 \
	--set checkpoint_timeout=10s --duration 20s --verify --keep-going -q -o "$tmp/pg.json"
expect_exit 1
expect_stdout "by volume: wal "
jq -e '[.verify.volumes[] | select(.volume == "wal" and .wrong_blocks > 0)] | length == 1' \
	"$tmp/pg.json" >/dev/null || fail "a lying disk under postgres: $(jq -c .verify "$tmp/pg.json")"
# One that writes nothing out of itself loses of every volume.
run run postgres --on all=mem:,volatile=on,cut=20s,lie=on --set scale=2 --set rate=100/s \
	--set checkpoint_timeout=10s --duration 20s --verify --keep-going -q -o "$tmp/pg.json"
expect_exit 1
jq -e '[.verify.volumes[] | select(.wrong_blocks > 0)] | length > 1' "$tmp/pg.json" >/dev/null ||
	fail "lying memory under postgres: $(jq -c .verify "$tmp/pg.json")"

# Who keeps nothing cannot be asked; who ends with the process needs no log.
run run micro --on all=null: --duration 1s --verify
expect_exit 2
expect_stderr "null:: keeps no data"
run run micro --on all=hdd:generic-7200 --duration 1s --verify
expect_exit 2
expect_stderr "store=on makes it keep some"
run run micro --on all=mem: --duration 1s --clock real --verify-log "$tmp/log"
expect_exit 2
expect_stderr "ends with this process"
[ ! -e "$tmp/log" ] || fail "a log was written"
echo "my thesis" >"$tmp/thesis"
run run micro --on all=mem: --duration 1s --verify-log "$tmp/thesis"
expect_exit 14
run verify "$tmp/thesis"
expect_exit 2
expect_stderr "not a log of --verify"
run verify "$tmp/none"
expect_exit 2
run verify
expect_exit 2

# --- files, in real time -------------------------------------------------------------------

wrong() { # what there is of each kind, on one line
	jq -r '[.verify | to_entries[] | select(.key == ("lost", "torn", "misplaced", "foreign",
		"unreadable", "stale") and .value > 0) | "\(.key)=\(.value)"] | join(" ")' "$tmp/v.json"
}

files=0
for engine in libaio uring; do
	"$HCBENCH" list | grep -A1 "^ $engine:" | grep -q "not available" && continue
	f=$tmp/$engine.file
	run run micro --on "all=$engine:$f,make=on" --set size=1MiB --set depth=8 --set flush=2 \
		--set pattern=sequential --set kind=mixed --set mix=30% --duration 1s --verify --verify-log "$tmp/log" -q -o "$tmp/r.json"
	case $(tail -n 1 "$err") in
	*forbidden* | *"not permitted"* | *"not implemented"*) continue ;;
	esac
	files=$((files + 1))
	case $status in 0 | 11 | 13) ;; *) fail "exit code $status" ;; esac
	jq -e --arg log "$tmp/log" '.verify.read_back and .verify.promised_blocks == 256 and
		.verify.in_run.blocks_checked > 0 and .verify.cost.writes == .totals.writes
		and .verify.log == $log' "$tmp/r.json" >/dev/null ||
		fail "$engine: $(jq -c .verify "$tmp/r.json")"
	run verify "$tmp/log" -o "$tmp/v.json" -q
	expect_exit 0
	expect_stdout "all are there" "written by: hcbench run micro"
	jq -e '.kind == "verify" and .partial == false and .verify.cost == null
		and .run.command != null and .targets[0].facts.path != null
		and .facts.machine.cpus > 0' "$tmp/v.json" >/dev/null || fail "a verify document lacks something"
	run report json "$tmp/v.json"
	expect_exit 0

	# One block overwritten: that one is named, and no other.
	cp "$f" "$tmp/copy"
	dd if=/dev/zero of="$f" bs=4096 seek=60 count=1 conv=notrunc,fsync 2>/dev/null
	run verify "$tmp/log" -o "$tmp/v.json" -q
	expect_exit 1
	expect_stdout "DATA LOST" "byte 245760 of $engine:$f"
	[ "$(wrong)" = "foreign=1" ] || fail "zeros over one block: $(wrong)"
	jq -e '.verify.first | length == 1 and .[0].offset == 245760 and .[0].detail == "zeros"' \
		"$tmp/v.json" >/dev/null || fail "another block was named"
	# Another block's content there, and one byte changed elsewhere.
	dd if="$tmp/copy" of="$f" bs=4096 skip=120 seek=60 count=1 conv=notrunc,fsync 2>/dev/null
	printf '!' | dd of="$f" bs=1 seek=$((200 * 4096 + 1000)) conv=notrunc,fsync 2>/dev/null
	cmp -s "$tmp/copy" "$f" && fail "nothing was changed"
	run verify "$tmp/log" -o "$tmp/v.json" -q
	expect_exit 1
	[ "$(wrong)" = "torn=1 misplaced=1" ] || fail "swapped and changed: $(wrong)"
	jq -e '.verify.first[0].detail == "written to byte 491520 of \(.targets[0].target)"
		and .verify.first[1].offset == 819200 and .verify.first[1].bad_sectors == 1' \
		"$tmp/v.json" >/dev/null || fail "named wrongly: $(jq -c .verify.first "$tmp/v.json")"

	# It moved; nothing is made where it was.
	mv "$tmp/copy" "$tmp/moved"
	rm "$f"
	run verify "$tmp/log" -q
	expect_exit 1
	expect_stderr "No such file or directory"
	[ ! -e "$f" ] || fail "verify made a file"
	run verify "$tmp/log" --on "all=$engine:$tmp/moved" -q
	expect_exit 0
	run verify "$tmp/log" --on "wal=$engine:$tmp/moved" -q
	expect_exit 2
	expect_stderr "had no such volume"
	mv "$tmp/moved" "$f"

	# Interrupted: the log is kept, and holds for what had been done.
	"$HCBENCH" run micro --on "all=$engine:$f" --set size=1MiB --set depth=16 --set flush=1 \
		--duration 30s -q --verify --verify-log "$tmp/log" -o "$tmp/cut.json" >"$out" 2>"$err" &
	pid=$!
	sleep 1
	kill -INT $pid
	status=0
	wait $pid || status=$?
	expect_exit 130
	jq -e '.partial and (.verify.read_back | not) and .verify.not_read_because == "interrupted"' \
		"$tmp/cut.json" >/dev/null || fail "no partial result"
	run verify "$tmp/log" -q --json
	expect_exit 0
	jq -e '.verify.promised_blocks > 0' "$out" >/dev/null || fail "nothing was promised"

	# A log that was damaged is not believed.
	printf '!' | dd of="$tmp/log" bs=1 seek=400 conv=notrunc 2>/dev/null
	run verify "$tmp/log"
	expect_exit 2
	expect_stderr "checksum"
	rm -f "$tmp/log"
done
[ "$files" -gt 0 ] || skip "liburing or libaio, or a kernel that lets us use them"
