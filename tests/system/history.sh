#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The history of results: what is kept, what is refused, what a rebuild makes of the files,
# and that nothing is lost when the database, the clock or another writer goes wrong.
. "$(dirname "$0")/lib.sh"
requires jq
jqs=$HCB_SRC/tests/system/night.jq
HCBENCH_HISTORY=$tmp/h TZ=UTC
export HCBENCH_HISTORY TZ
db=$HCBENCH_HISTORY/history.db

night() { # N FACTOR [KERNEL [CPU]]
	jq --arg i "$1" --arg f "$2" --arg k "${3:-6.8.4}" --arg c "${4:-test}" -f "$jqs" "$tmp/real.json" >"$tmp/n$1.json"
}

run run postgres --on all=hdd:generic-7200,filled=60% --clock virtual --seed 1 --duration 70s \
	--set checkpoint_timeout=10s --set scale=10 -q -o "$tmp/whole.json"
expect_exit 0
# Smaller, and so faster to add a hundred times.
jq '.intervals = [] | del(.blocks[].transactions[].histogram, .blocks[].streams)' "$tmp/whole.json" >"$tmp/real.json"
"$HCBENCH" history --help | grep -q 'not available' && skip "built without sqlite3"

# Of the real clock, for what it says of the machine.
run run micro --on all=null: --clock real --duration 1s --warmup 0s --set rate=10/s -q -o "$tmp/host.json"

# Nothing yet: said, and nothing made.
run history list
expect_exit 12
expect_stderr_lines 1
[ ! -e "$HCBENCH_HISTORY" ] || fail "looking made a directory"
run check
expect_exit 12

# A virtual run says not when it was.
run history add "$tmp/real.json"
expect_exit 2
expect_stderr "--night"

for i in 1 2 3; do night $i 1; done
run history add "$tmp/n1.json" "$tmp/n2.json" --name db
expect_exit 0
expect_stderr "night 2026-05-01" "night 2026-05-02"
run history add "$tmp/n1.json" --name db
expect_exit 0
expect_stderr "has it already"
[ "$(find "$HCBENCH_HISTORY/results" -name '*.json' | wc -l)" -eq 2 ] || fail "two results are not two files"
# The result as it came, and what it is to the history.
jq -e '.history == {night: "2026-05-01", name: "db", control: false, rerun: false}' \
	"$HCBENCH_HISTORY"/results/2026-05-01/*-db.json >/dev/null || fail "the stored file's member history"
jq -S 'del(.history)' "$HCBENCH_HISTORY"/results/2026-05-01/*-db.json >"$tmp/stored"
jq -S . "$tmp/n1.json" | cmp -s - "$tmp/stored" || fail "the stored result is not what was added"
"$HCBENCH" report text "$HCBENCH_HISTORY"/results/2026-05-01/*-db.json >/dev/null || fail "no report takes it"

run history list
expect_exit 0
expect_stdout "db.commit.p99" "gated by default"
run history show db.commit.p50
expect_exit 0
expect_stdout "2026-05-01" "7 blocks" "LEARNING"
run history show db.comit.p50
expect_exit 2
expect_stderr 'did you mean "db.commit.p50"?'
run history lst
expect_exit 2
expect_stderr 'did you mean "list"?'
run history add "$tmp/n3.json" --night ../etc
expect_exit 2
run history add "$tmp/n3.json" --fact tunnel
expect_exit 2
echo '{"schema":1' >"$tmp/half.json"
run history add "$tmp/half.json" "$tmp/n3.json" --name db
expect_exit 2
expect_stderr "half.json" "night 2026-05-03"

# Another machine: series of its own, and said; carried over only if somebody says so.
night 4 1 6.8.8 other
run history add "$tmp/n4.json" --name db
expect_exit 0
expect_stderr "another environment than before" "machine.cpu test -> other" "history link"
run history list --json
expect_exit 0
old=$(jq -r '.series[] | select(.label == "db.commit.p50" and .nights == 3) | .key' "$out")
new=$(jq -r '.series[] | select(.label == "db.commit.p50" and .nights == 1) | .key' "$out")
run history show "$new"
[ "$(grep -c 2026-05 "$out")" -eq 1 ] || fail "the new series has old nights"
run history link "$old" "$new"
expect_exit 0
run history show "$new"
[ "$(grep -c 2026-05 "$out")" -eq 4 ] || fail "the link carries nothing over"
run history link "$old" "$new"
expect_exit 2
expect_stderr_lines 1
run history ack "$new"
expect_exit 2
expect_stderr "--why"
# Nothing goes on that could be accepted, and its baseline is not thrown away by mistake.
run history ack "$new" --why 'new machine; "accepted"'
expect_exit 2
expect_stderr_lines 1
expect_stderr "is not in an episode on night 2026-05-04" "--force"
[ -z "$(find "$HCBENCH_HISTORY/acts" -name "*-ack-*")" ] || fail "an act without a decision"
run history ack "$new" --why 'new machine; "accepted"' --force
expect_exit 0

# Otava's shape: a line a night, empty where there is none.
run history export --csv
expect_exit 0
head -n 1 "$out" | grep -q '^time,db.checkpoint.mean' || fail "the header is $(head -n 1 "$out")"
[ "$(wc -l <"$out")" -eq 5 ] || fail "$(wc -l <"$out") lines for four nights"
[ "$(awk -F, '{ print NF }' "$out" | sort -u | wc -l)" -eq 1 ] || fail "lines of different lengths"
run history export
jq -e '[.series[] | select(.label == "db.commit.p50")] | map(.values | length) == [4]' "$out" >/dev/null ||
	fail "export: $(jq -c '.series[] | [.label, (.values | length)]' "$out")"

# A rebuild makes the same database; acts are in files too.
run history rebuild --compare
expect_exit 0
expect_stdout "4 results, 2 acts" "the database was equal"

# A file that cannot be read, or is of a schema of another time: named, and no success. The
# database knows what is in it and stays, as it would not if it were made anew.
one=$(ls "$HCBENCH_HISTORY"/results/2026-05-02/*)
act=$(ls "$HCBENCH_HISTORY"/acts/*-link-*.json)
cp "$one" "$tmp/one.json"
cp "$act" "$tmp/act.json"
sum=$(cksum <"$db")
damage() {
	case $1 in
	empty) : >"$one" ;;
	cut) head -c 5000 "$tmp/one.json" >"$one" ;;
	newer) jq '.schema = 99' "$tmp/one.json" >"$one" ;;
	older) jq '.schema = 0' "$tmp/one.json" >"$one" ;;
	act) echo '{}' >"$act" ;;
	esac
}
for how in empty cut newer older act; do
	damage $how
	for option in '' --compare; do
		# shellcheck disable=SC2086 # none, or one word
		run history rebuild $option
		expect_exit 1
		expect_stdout "1 file passed over"
		case $how in
		act) expect_stderr "${act##*/}" ;;
		*er) expect_stderr "${one##*/}" "schema" ;;
		*) expect_stderr "${one##*/}" ;;
		esac
	done
	[ "$sum" = "$(cksum <"$db")" ] || fail "the database was replaced, with less in it"
	run history show db.commit.p50
	expect_stdout 2026-05-02
	cp "$tmp/one.json" "$one"
	cp "$tmp/act.json" "$act"
done
# Without a database what there is makes one.
mkdir "$tmp/less"
cp -a "$HCBENCH_HISTORY/results" "$HCBENCH_HISTORY/acts" "$tmp/less/"
echo none >"$tmp/less/results/2026-05-02/${one##*/}"
run history rebuild --history "$tmp/less"
expect_exit 1
expect_stdout "3 results, 2 acts" "1 file passed over"
run history show db.commit.p50 --history "$tmp/less"
expect_stdout 2026-05-01
run history rebuild --compare
expect_exit 0

# Two (here eight) writers at once lose nothing.
mkdir "$tmp/many"
for i in 1 2 3 4 5 6 7 8; do
	jq --arg i $i '.run.id = "feed000\($i)"' "$tmp/n3.json" >"$tmp/many/$i.json"
	"$HCBENCH" history add "$tmp/many/$i.json" --history "$tmp/h2" --night many 2>"$tmp/many/$i.err" &
	pids="${pids:-} $!"
done
for p in $pids; do wait "$p" || fail "a writer failed: $(cat "$tmp"/many/*.err)"; done
run history show postgres.commit.p50 --history "$tmp/h2"
expect_stdout "8 runs"
run history rebuild --compare --history "$tmp/h2"
expect_exit 0
expect_stdout "8 results" "equal"

# Too few blocks, partial, INVALID: kept, shown with the reason, not used.
for change in '.blocks |= .[:3]' '.partial = true' '.validity = {verdict: "INVALID", reasons: ["the bench was late"]}'; do
	rm -rf "$tmp/h3"
	jq "$change" "$tmp/n3.json" >"$tmp/bad.json"
	run history add "$tmp/bad.json" --history "$tmp/h3"
	expect_exit 0
	run history show postgres.commit.p50 --history "$tmp/h3"
	expect_stdout INVALID
	grep -qE '3 blocks, 5 needed|partial|the bench was late' "$out" || fail "no reason"
	run check --history "$tmp/h3"
	expect_exit 13
done

# Clocks that jumped: a result from the future is refused unless its night is named; nights
# out of the order of their runs are said.
jq '.run.started = "2097-01-01T00:00:00Z" | .run.id = "f00d"' "$tmp/n3.json" >"$tmp/future.json"
run history add "$tmp/future.json" --name db
expect_exit 2
expect_stderr_lines 1
expect_stderr "future"
run history add "$tmp/future.json" --history "$tmp/h2" --night later
expect_exit 0
run history add "$tmp/n2.json" --history "$tmp/h2" --night z-last
expect_exit 0
run check --history "$tmp/h2"
expect_stdout "a clock jumped: night later"

# A night that a wrong clock has named goes out again: nothing of it is used, all of it is
# kept, and a rebuild makes the same history.
run history add "$tmp/n4.json" --history "$tmp/h2" --night alone # series of its own
expect_exit 0
run check --history "$tmp/h2"
[ -e "$tmp/h2/checks/z-last.json" ] || fail "no check is kept"
cp -a "$tmp/h2" "$tmp/h4"
for night in alone later z-last; do
	run history drop-night $night --why "the clock was wrong" --history "$tmp/h2"
	expect_exit 0
	expect_stderr "night $night: no longer used; 1 result in $tmp/h2/dropped/$night"
	run history rebuild --compare --history "$tmp/h2"
	expect_exit 0
	expect_stdout "the database was equal"
done
[ -s "$tmp/h2/dropped/z-last-check.json" ] || fail "what was said of it is lost"
[ ! -e "$tmp/h2/checks/z-last.json" ] || fail "what was said of it stays"
run history show postgres.commit.p50 --history "$tmp/h2"
expect_stdout many
! grep -qE 'later|z-last' "$out" || fail "a dropped night is there"
run check --history "$tmp/h2"
! grep -q "a clock jumped" "$out" || fail "a dropped night is judged by"
jq -e '.night == "later" and .why == "the clock was wrong"' "$tmp"/h2/acts/*-drop-night-later.json >/dev/null || fail "no act"
run history drop-night later --history "$tmp/h2"
expect_exit 2
expect_stderr_lines 1
expect_stderr "no night later; the newest is many"
run history drop-night ../h4 --history "$tmp/h2"
expect_exit 2
# Under the right name, and dropped again: what was dropped before is not written over.
run history add "$tmp"/h2/dropped/later/*.json --night later --name postgres --history "$tmp/h2"
expect_exit 0
run history drop-night later --history "$tmp/h2"
expect_exit 0
expect_stderr "$tmp/h2/dropped/later.2"
[ "$(find "$tmp/h2/dropped" -name '*.json' | wc -l)" -eq 5 ] || fail "$(find "$tmp/h2/dropped")"
# Interrupted half way, either way: the same again ends it.
mkdir "$tmp/h4/dropped"
mv "$tmp/h4/results/later" "$tmp/h4/dropped/later"
run history drop-night later --history "$tmp/h4"
expect_exit 0
run history rebuild --compare --history "$tmp/h4"
expect_exit 0

# Which machine a result is from: two that are alike are two; one of unknown origin is of
# the first that is known. A rebuild knows.
for i in 1 2 3 4; do
	case $i in 3) host='"aaaaaaaaaaaaaaaa"' ;; 4) host='"bbbbbbbbbbbbbbbb"' ;; *) host=null ;; esac
	jq ".facts.machine.host = $host | .facts.machine.cpu = \"test\"" "$tmp/n$i.json" >"$tmp/m$i.json"
	run history add "$tmp/m$i.json" --history "$tmp/hosts" --name db
	expect_exit 0
	case $i in
	3) expect_stderr_lines 2 && expect_stderr "series carry on those of results that do not say" ;;
	4) expect_stderr "another environment than before" "machine.host aaaaaaaaaaaaaaaa -> bbbbbbbbbbbbbbbb" ;;
	*) expect_stderr_lines 1 ;;
	esac
done
for what in 'rebuild --compare' 'rebuild'; do
	# shellcheck disable=SC2086 # words
	run history $what --history "$tmp/hosts"
	expect_exit 0
	rm -f "$tmp"/hosts/history.db*
done
run history rebuild --history "$tmp/hosts"
run history list --json --history "$tmp/hosts"
jq -e '[.series[] | select(.label == "db.commit.p50" and (.carried | not)) | .key] | length == 2' "$out" >/dev/null ||
	fail "$(jq -c '.series[] | select(.label == "db.commit.p50")' "$out")"
run history show db.commit.p50 --history "$tmp/hosts"
[ "$(grep -c 2026-05 "$out")" -eq 1 ] || fail "judged by another machine's nights"
jq -e '(.facts.machine.host | test("^[0-9a-f]{16}$")) or (.facts.machine.host == null)' "$tmp/host.json" >/dev/null ||
	fail "$(jq -c .facts.machine "$tmp/host.json")"
if [ -s /etc/machine-id ]; then
	! grep -qF "$(cat /etc/machine-id)" "$tmp/host.json" || fail "the machine-id is in the result"
	[ "$(jq .facts.machine.host "$tmp/host.json")" != null ] || fail "which machine it is"
fi

# A damaged database: refused with what to do; a rebuild moves it aside and loses nothing.
cp "$db" "$tmp/whole.db"
printf 'no database at all' >"$db"
rm -f "$db-wal" "$db-shm"
for verb in "history list" check "history add $tmp/n1.json"; do
	# shellcheck disable=SC2086 # words
	run $verb
	expect_exit 1
	expect_stderr_lines 1
	expect_stderr "damaged" "history rebuild"
done
run history rebuild
expect_exit 0
expect_stdout "4 results, 2 acts" "no readable database" "the former database is now $db."
grep -q 'no database at all' "$db".2* || fail "the damaged file is gone"
run history show "$new"
[ "$(grep -c 2026-05 "$out")" -eq 4 ] || fail "the rebuilt history has not four nights"
expect_stdout acknowledged
# In the middle, where only a query comes by.
size=$(stat -c %s "$db")
[ "$size" -gt 40000 ] || fail "a database of $size bytes"
dd if=/dev/zero of="$db" bs=4096 seek=1 count=$((size / 4096 - 1)) conv=notrunc 2>/dev/null
run history rebuild --compare
expect_exit 1
run history rebuild
expect_exit 0
run history rebuild --compare
expect_exit 0
# None where results are; an empty file.
rm "$db"
run history list
expect_exit 1
expect_stderr "history rebuild"
: >"$db"
run history add "$tmp/n1.json" --name db
expect_exit 1
run history rebuild
expect_exit 0

# A row that is not in the files: the rebuild says which table, keeps the former one.
if command -v sqlite3 >/dev/null; then
	sqlite3 "$db" "UPDATE night SET value = value * 2"
	run history rebuild --compare
	expect_exit 1
	expect_stdout "the database differed: night"
	run history rebuild
	expect_exit 0
	run history rebuild --compare
	expect_exit 0
	# A newer schema is left alone, byte by byte.
	sqlite3 "$db" "PRAGMA user_version = 99"
	sum=$(cksum <"$db")
	run history list
	expect_exit 1
	expect_stderr "newer hcbench"
	[ "$sum" = "$(cksum <"$db")" ] || fail "a newer database was changed"
fi
