#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The split decision on model disks, in virtual time: sharing is kept at a small demand and
# not at a large one, with the flip between; two pools on one disk are no split; settings
# come before splits; killed and resumed; what cannot be a plan.
. "$(dirname "$0")/lib.sh"
requires jq
mkdir "$tmp/t"
export TMPDIR="$tmp/t" # where nobody else's directories are

plan() { # DEMAND TO BULK: on standard output
	cat <<EOF
[size]
demand = $1
load = db.rate
slo = db.io.p99=200ms
from = 20/s
to = $2
duration = 30s
pairs = 2
[workload db]
type = micro
kind = write
pattern = random
bs = 8KiB
flush = 1
depth = 16
size = 256MiB
[workload bulk]
type = micro
kind = write
pattern = random
depth = 4
$3
size = 4GiB
[layout shared]
kind = shared
on = db.all: hdd:generic-7200@one,filled=60%
on = bulk.all: hdd:generic-7200@one,filled=60%
EOF
}
split() { # NAME DISK
	cat <<EOF
[layout $1]
kind = split
on = db.all: hdd:generic-7200@one,filled=60%
on = bulk.all: hdd:generic-7200@$2,filled=60%
EOF
}
tuned() {
	printf '[layout fewer-flushes]\nkind = tuned\nset = db.flush=4\ngives_up = recent-commits\n'
}

# ---- much beside it: sharing is fine for little, more takes a setting, more yet a split ----

heavy() { # DEMAND
	plan "$1" 200/s 'bs = 256KiB
rate = 30/s'
}
{
	heavy 15/s
	split disk-of-its-own two
	tuned
} >"$tmp/heavy.ini"
mkdir "$tmp/a"
cd "$tmp/a" || exit 1
run size "$tmp/heavy.ini" --keep h -o "$tmp/h.json"
expect_exit 0
expect_stdout "interference: alone it carries" "Sharing is fine up to a demand of" \
	"gives up: the last commits before a crash"
expect_stderr "plan: 4 searches of db.rate"
jq -e '.kind == "size" and .partial == false and .decision.verdict == "OPTIONAL"
	and (.layouts | map(.kind)) == ["shared", "split", "tuned"]
	and .layouts[1].disks_more == 1 and .layouts[1].p99_ratio_lo >= 1.3
	and .interference.factor.lo > 1 and .layouts[1].gain.lo > 1 and .layouts[2].gain.lo > 1
	and .decision.flip_lo < .decision.flip_hi
	and .sensitivity[3].factor == 1 and .sensitivity[3].verdict == "OPTIONAL"' "$tmp/h.json" >/dev/null ||
	fail "$(jq -c .decision "$tmp/h.json")"
# A capacity is that of its search.
jq -e --slurpfile s h/shared.json '.layouts[0].capacity | .lower == $s[0].goals[0].lower
	and .upper == $s[0].goals[0].upper and .regular' "$tmp/h.json" >/dev/null ||
	fail "$(jq -c .layouts[0].capacity "$tmp/h.json") is not $(jq -c .goals h/shared.json)"

# The same searches answer for other demands and for fewer layouts, just outside the flip
# either way. A trial that is marked stays as it is.
jq '.trials[0].seed = 424242' h/shared.json >"$tmp/x"
cp "$tmp/x" h/shared.json
at() { # FACTOR OF BOUND VERDICT [LAYOUTS]: split, tuned
	{
		heavy "$(jq -n "$1 * $(jq "$2" "$tmp/h.json")")/s"
		case ${4:-} in *split*) split disk-of-its-own two ;; esac
		case ${4:-} in *tuned*) tuned ;; esac
	} >"$tmp/at.ini"
	run size "$tmp/at.ini" --keep h --resume -o "$tmp/at.json"
	case $3 in INCONCLUSIVE) expect_exit 11 ;; *) expect_exit 0 ;; esac
	[ "$(jq '.trials[0].seed' h/shared.json)" = 424242 ] || fail "measured again what is kept"
	got=$(jq -r .decision.verdict "$tmp/at.json")
	[ "$got" = "$3" ] || fail "$got at $1 x $2 with ${4:-nothing else}, expected $3"
}
at 0.98 .decision.flip_lo "KEEP SHARED"
# A search that was cut off after so few trials may overlook a split that would be worth
# having; of one that ended by itself, or had more, there is no word of it.
n=$(jq '.layouts[0].capacity.trials' "$tmp/at.json")
[ "$n" -lt 24 ] || fail "$n trials are not few"
if grep -q "A search was over" "$out"; then fail "its search was not cut off"; fi
jq '.goals[0].regular = false' "$tmp/x" >h/shared.json
at 0.98 .decision.flip_lo "KEEP SHARED"
expect_stdout "A search was over after $n trials: with fewer than 24"
jq '.goals[0].regular = false | .trials |= (. + . + .)' "$tmp/x" >h/shared.json
at 0.98 .decision.flip_lo "KEEP SHARED"
[ "$(jq '.layouts[0].capacity.trials' "$tmp/at.json")" -eq $((3 * n)) ] || fail "not the trials that were kept"
if grep -q "A search was over" "$out"; then [ $((3 * n)) -lt 24 ] || fail "$((3 * n)) trials are few"; fi
cp "$tmp/x" h/shared.json
# Without a split there is none that fails.
at 4 .decision.flip_hi INCONCLUSIVE
expect_stdout "no split is among the layouts"
at 1.02 .decision.flip_lo INCONCLUSIVE "split tuned"
at 1.02 .decision.flip_hi TUNE "split tuned"
jq -e '.decision.layout == "fewer-flushes"' "$tmp/at.json" >/dev/null || fail "chose another setting"
at 1.02 .decision.flip_hi SPLIT split
jq -e '.decision.layout == "disk-of-its-own"' "$tmp/at.json" >/dev/null || fail "chose another split"
at 1.01 .layouts[2].flip_hi SPLIT "split tuned"
at 4 .decision.flip_hi NEITHER "split tuned"

# Another plan's searches are not taken for this one's.
sed 's/^depth = 16/depth = 15/' "$tmp/heavy.ini" >"$tmp/other.ini"
run size "$tmp/other.ini" --keep h --resume
expect_exit 2
expect_stderr "another plan"

# Nor is a file written over that hcbench did not make.
mkdir "$tmp/mine"
cp "$tmp/heavy.ini" "$tmp/mine/shared.ini"
run size "$tmp/mine/shared.ini" --keep "$tmp/mine"
expect_exit 14
cmp -s "$tmp/heavy.ini" "$tmp/mine/shared.ini" || fail "wrote over a file that is not its own"

# ---- little beside it, at a demand that is known: no split is worth having ----
# A trial has the samples for its p95; runs at the demand are longer, for a p99.

{
	plan 22/s 23/s 'bs = 64KiB
rate = 1/s'
	split disk-of-its-own two
	split pool-of-its-own one
} | sed 's/^load = .*/&\ndemand_sigma = 0\ninterference = off/
	s/^slo = .*/slo = db.io.p95=200ms/; s/^duration = .*/duration = 10s/' >"$tmp/light.ini"
run size "$tmp/light.ini" --keep "$tmp/l" -o "$tmp/l.json"
expect_exit 0
expect_stderr "plan: 3 searches of db.rate" "layout pool-of-its-own: no split"
expect_stdout "KEEP SHARED" "p99 at the demand: shared over this x" \
	"no split: every volume of db is on disks that something else is on (hdd:generic-7200@one)"
jq -e '.decision.verdict == "KEEP SHARED" and .interference == null and .decision.flip_hi == null
	and (.layouts | map(.kind)) == ["shared", "split", "none"]
	and (.layouts[1].p99_ratio_lo | type == "number" and . < 1.3) and .layouts[2].p99_ratio_lo == null
	and .layouts[0].capacity.lower == .layouts[2].capacity.lower' "$tmp/l.json" >/dev/null ||
	fail "$(jq -c .decision "$tmp/l.json")"

# ---- interrupted: what there is is kept, and goes on ----

# All searches but the last one are there already.
cp -r "$tmp/a" "$tmp/b"
rm "$tmp/b/h/shared.alone.json"
cd "$tmp/b" || exit 1
"$HCBENCH" size "$tmp/heavy.ini" --keep h --resume -o "$tmp/i.json" >"$out" 2>"$err" &
pid=$!
n=0
while [ ! -e h/shared.alone.json ] && [ $n -lt 400 ]; do
	n=$((n + 1))
	sleep 0.05
done
kill -INT "$pid"
status=0
wait "$pid" || status=$?
last_run="size, interrupted"
expect_exit 130
jq -e '.partial and .layouts[0].capacity != null and .interference.factor == null' "$tmp/i.json" >/dev/null ||
	fail "$(jq -c .interference "$tmp/i.json")"
run size "$tmp/heavy.ini" --keep h --resume -q -o "$tmp/i.json"
expect_exit 0
jq -S . "$tmp/h.json" >"$tmp/x"
jq -S . "$tmp/i.json" >"$tmp/y"
cmp -s "$tmp/x" "$tmp/y" || fail "interrupted and resumed it comes to something else: $(diff "$tmp/x" "$tmp/y")"

# ---- out of its budget: more of it, and it goes on ----

sed 's/^load = .*/&\nbudget = 60s/' "$tmp/light.ini" >"$tmp/budget.ini"
run size "$tmp/budget.ini" --keep "$tmp/few" -q -o "$tmp/few.json"
few=$(jq -s 'map(.spent.trials) | add' "$tmp"/few/*.json)
grep -q '"the budget is spent"' "$tmp"/few/shared.json || fail "the budget was enough: $few trials"
run size "$tmp/budget.ini" --keep "$tmp/few" --resume -q -o "$tmp/few.json"
[ "$(jq -s 'map(.spent.trials) | add' "$tmp"/few/*.json)" -eq "$few" ] || fail "more trials of the same budget"
run size "$tmp/light.ini" --keep "$tmp/few" --resume -q -o "$tmp/more.json"
jq -S ".layouts | map(del(.search_command))" "$tmp/l.json" >"$tmp/x"
jq -S ".layouts | map(del(.search_command))" "$tmp/more.json" >"$tmp/y"
cmp -s "$tmp/x" "$tmp/y" || fail "with more budget it comes to something else: $(diff "$tmp/x" "$tmp/y" | head -n 20)"

# ---- disks and space of a cluster file, without a lab ----

{
	printf '[size]\ndemand = 40/s\nload = db.rate\nslo = db.commit.p99=50ms\nneed = 500GiB\n'
	printf '[workload db]\ntype = postgres\n[workload bulk]\ntype = micro\nrate = 10/s\n'
	printf '[layout shared]\nkind = shared\nlab = seed-direct\non = db.all: rbd:main/db\non = bulk.all: rbd:main/bulk\n'
	for l in split-pool split-disk ssd-db split-single; do
		printf '[layout %s]\nkind = split\nlab = %s\non = db.all: rbd:db/db\non = bulk.all: rbd:main/bulk\n' $l $l
	done
	printf '[layout system-disk]\nkind = split\nlab = system-disk\n'
	printf 'on = db.all: uring:{system h1}/db,make=on\non = bulk.all: rbd:main/bulk\n'
	printf '[layout deferred]\nkind = tuned\nosd = bluestore_max_defer_interval=1\n'
} >"$tmp/labs.ini"
run size "$tmp/labs.ini" --check -o "$tmp/c.json" -q
expect_exit 0
expect_stdout "a dead disk takes its data with it" "cannot be rebuilt until it is replaced"
jq -e '(.layouts | map([.name, .kind])) == [["shared", "shared"], ["split-pool", "none"],
	["split-disk", "split"], ["ssd-db", "split"], ["split-single", "split"], ["system-disk", "split"], ["deferred", "tuned"]]
	and (.layouts | map(.disks_more)) == [0, 0, 3, 3, 1, 0, 0]
	and all(.layouts[]; .space.known)' "$tmp/c.json" >/dev/null ||
	fail "$(jq -c '.layouts | map([.name, .kind, .disks_more])' "$tmp/c.json")"
# What the storage does not copy is found, whatever the plan says; and it has the room of
# its one disk, the system disk as well.
jq -e '(.layouts | map(.gives_up_rank)) == [0, 0, 0, 0, 4, 4, 0]
	and (.layouts[4].gives_up | contains("rbd:db/db, a pool of size 1"))
	and (.layouts[5].gives_up | contains("{system h1}/db"))
	and (.layouts[5].space.classes | map([.class, .copies, .used])) == [["hdd", 3, true], ["system h1", 1, true]]
	and all(.layouts[4, 5].space.classes[1]; (.usable_bytes / .raw_bytes - 0.85 | fabs) < 1e-9
		and .need_bytes == 500 * 1073741824)' "$tmp/c.json" >/dev/null ||
	fail "$(jq -c '.layouts[4, 5] | [.gives_up_rank, .gives_up, .space]' "$tmp/c.json")"
# 2 TB a disk, one a host, three copies: 0.85 of one disk; 500 GiB of it are needed.
jq -e '.layouts[0].space.classes[0] | (.usable_bytes / .raw_bytes * 3 - 0.85 | fabs) < 1e-9
	and (.left_bytes - (.usable_bytes - 500 * 1073741824) | fabs) < 1' "$tmp/c.json" >/dev/null ||
	fail "$(jq -c '.layouts[0].space' "$tmp/c.json")"
# A fourth host could take a lost one's data: what fits then is what three of them hold.
sed 's/^lab = seed-direct/lab = four-hosts/' "$tmp/labs.ini" >"$tmp/four.ini"
run size "$tmp/four.ini" --check -q -o "$tmp/c.json"
jq -e '.layouts[0].space.classes[0] | .hosts == 4
	and (.usable_bytes / .raw_bytes * 4 - 0.85 | fabs) < 1e-9' "$tmp/c.json" >/dev/null ||
	fail "four hosts: $(jq -c '.layouts[0].space' "$tmp/c.json")"
sed 's/^need = .*/need = 100TiB/' "$tmp/labs.ini" >"$tmp/large.ini"
run size "$tmp/large.ini" --check -q
expect_stdout "IT DOES NOT FIT"
# Two pools on one class, of three copies and of one: they have the disks once, and a byte
# of the one takes as much as two of the other, which a host's loss leaves two disks for.
sed '/^\[pool db/,$d; /class=db/d' "$HCB_SRC/lab/clusters/split-disk.ini" >"$tmp/mixed.ini"
printf '[pool db]\nsize = 1\nmin_size = 1\npg_num = 32\nclass = hdd\ndomain = host\n' >>"$tmp/mixed.ini"
sed "s|^lab = split-pool|lab = $tmp/mixed.ini|; s/^type = .*/&\nneed = 600GiB/" "$tmp/labs.ini" >"$tmp/both.ini"
run size "$tmp/both.ini" --check -q -o "$tmp/c.json"
expect_exit 0
jq -e '.layouts[1] | .kind == "none" and (.gives_up | contains("a pool of size 1"))
	and (.space.classes | length) == 1
	and (.space.classes[0] | .copies == 1 and .need_bytes == 1200 * 1073741824
		and (.usable_bytes / .raw_bytes - 0.85 * 2 / 3 | fabs) < 1e-9
		and (.usable_bytes - .left_bytes - 1800 * 1073741824 | fabs) < 1)' "$tmp/c.json" >/dev/null ||
	fail "two pools: $(jq -c '.layouts[1] | [.kind, .gives_up, .space]' "$tmp/c.json")"

# ---- the shipped plans are plans ----

for f in "$HCB_SRC"/lab/plans/*.ini; do
	run size "$f" --check -q
	expect_exit 0
done

# ---- what is no plan: one line with file and line, exit code 2, nothing is built ----

bad() { # TEXT SED-EXPRESSION: done to the labs' plan
	sed "$2" "$tmp/labs.ini" >"$tmp/bad.ini"
	run size "$tmp/bad.ini" -o "$tmp/bad.json"
	expect_exit 2
	expect_stderr_lines 1
	expect_stderr "bad.ini" "$1"
	[ ! -e "$tmp/bad.json" ] || fail "wrote a document"
}
bad "a rate with its unit, such as 40/s" 's|^demand = .*|demand = 40|'
bad "did you mean" 's/^demand/demnd/'
bad "no layout of kind=shared" 's/^kind = shared/kind = split/'
bad "kind=shared is given twice" 's/^kind = tuned/kind = shared/'
bad "is on no target" 's/^on = db.all: rbd:main/on = db.wal: rbd:main/'
bad "has no volume wall; did you mean \"wal\"" 's/^on = db.all: rbd:main/on = db.wall: rbd:main/'
bad "it has commit, checkpoint" 's/comit/x/; s/db.commit.p99/db.comit.p99/'
bad "p98" 's/p99=50ms/p98=50ms/'
bad "there is no [workload bd]; did you mean \"db\"" 's/^load = db/load = bd/'
bad "has no such load; it has rate, clients" 's/^load = db.rate/load = db.users/; s/^demand = .*/demand = 5000/'
bad "a whole number" 's/^load = db.rate/load = db.users/'
bad "has no pool mian; did you mean \"main\"" 's/rbd:main/rbd:mian/'
bad "no host h9 with a system disk" 's/{system h1}/{system h9}/'
bad "no-such-lab" 's/^lab = split-disk/lab = no-such-lab/'
bad "healthy" 's/^need = .*/states = host-down/'
bad "did you mean" 's/^type = postgres/type = postgers/'
bad "layout deferred" 's/^osd = .*/set = db.checkpoint_timeot=15m/'
sed 's/^osd = [^,]*/osd = wd-re4-2tb/' "$HCB_SRC/lab/clusters/seed-direct.ini" >"$tmp/other.ini"
bad "lies on other disks" "s|^kind = tuned|&\nlab = $tmp/other.ini|"
bad "lies on other disks" 's/^kind = tuned/&\nlab = split-disk\non = db.all: rbd:db\/db\non = bulk.all: rbd:main\/bulk/'
bad "a cluster that is in use is not changed" 's/^lab = .*//'
bad "such as 50ms" 's/p99=50ms/p99=50/'
bad "slo" '/^slo/d'
bad "no volume" 's/^on = bulk.all/on = bulk.wal/'
# A class no OSD has, in a cluster file of one's own.
sed 's/^class = db/class = nvme/' "$HCB_SRC/lab/clusters/split-disk.ini" >"$tmp/mine.ini"
bad "no OSD has this class" "s|^lab = split-disk|lab = $tmp/mine.ini|"
run size "$tmp/labs.ini" --resume
expect_exit 2
expect_stderr "--keep"
run size "$tmp/none.ini"
expect_exit 2
run size --plan-help
expect_exit 0
expect_stdout "[layout NAME]" "demand_sigma=0.3"
[ -z "$(ls -A "$tmp/t")" ] || fail "left behind: $(ls -A "$tmp/t")"
