#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The most load of a model disk, in virtual time: the interval is held against single runs
# outside it; killed, interrupted and resumed searches; what cannot be searched.
. "$(dirname "$0")/lib.sh"
requires jq

disk=hdd:generic-7200,filled=60%
export TMPDIR="$tmp/own" # of this test alone
mkdir "$TMPDIR"
set -- postgres --on "all=$disk" --set checkpoint_timeout=30s --set scale=10 --set clients=2 \
	--load rate --from 20/s --to 400/s

run search "$@" --slo commit.p99=800ms --seed 3 -o "$tmp/s.json"
expect_exit 0
expect_stdout "REGULAR  commit.p99: kept up to" "good (long)" "overload" "again: hcbench search postgres"
expect_stderr "plan: rate from" "trial 1: " "(bracket)" "(confirm)" "(verify)"
jq -e '.kind == "search" and .partial == false and .end == "regular"
	and (.goals | length) == 1 and .goals[0].verified and .goals[0].width < 0.2
	and .spent.trials == (.trials | length) and .spent.budget_s == null
	and ([.trials[].seed] == [range(3; 3 + (.trials | length))])' "$tmp/s.json" >/dev/null ||
	fail "$(jq -c .goals "$tmp/s.json")"
lower=$(jq .goals[0].lower "$tmp/s.json")
upper=$(jq .goals[0].upper "$tmp/s.json")

# By hand: a tenth below the interval is good, a tenth above it is not. The median of
# three, since one trial is one throw.
p99_at() { # RATE: of three runs the middle one, 1e18 for overload
	for seed in 101 102 103; do
		run run postgres --on "all=$disk" --set checkpoint_timeout=30s --set scale=10 \
			--set clients=2 --set "rate=$1/s" --seed "$seed" -q -o "$tmp/r.json"
		jq '.transactions[0].response_ns.p99 // 1e18' "$tmp/r.json"
	done | sort -g | sed -n 2p
}
below=$(p99_at "$(jq -n "0.9 * $lower")")
above=$(p99_at "$(jq -n "1.1 * $upper")")
jq -n -e "$below <= 800e6 and $above > 800e6" >/dev/null ||
	fail "p99 is $below ns at 0.9 * $lower/s and $above ns at 1.1 * $upper/s"

# Resumed from any point it comes to the same, number by number.
same() { # FILE FILE: but for what jq makes of 60.0
	jq . "$1" >"$tmp/x" && jq . "$2" >"$tmp/y" && cmp -s "$tmp/x" "$tmp/y"
}
jq '.partial = true | .trials |= .[:4]' "$tmp/s.json" >"$tmp/cut.json"
run search "$@" --slo commit.p99=800ms --seed 3 -o "$tmp/cut.json" --resume
expect_exit 0
expect_stderr "trial 5: "
grep -q "trial 4: " "$err" && fail "did the fourth trial again"
same "$tmp/cut.json" "$tmp/s.json" || fail "a resumed search ends elsewhere"
# Done is done: nothing is run.
run search "$@" --slo commit.p99=800ms --seed 3 -o "$tmp/cut.json" --resume
expect_exit 0
grep -q "trial" "$err" && ! grep -q "plan" "$err" && fail "ran a trial of a search that was done"
same "$tmp/cut.json" "$tmp/s.json" || fail "a search that was done has changed"

# Another search is refused, and the file stays.
for other in "--slo commit.p99=801ms --seed 3" "--slo commit.p99=800ms --seed 4" \
	"--slo commit.p99=800ms --seed 3 --set scale=11"; do
	# shellcheck disable=SC2086 # words
	run search "$@" $other -o "$tmp/cut.json" --resume
	expect_exit 2
	expect_stderr_lines 1
	expect_stderr "another search"
done
same "$tmp/cut.json" "$tmp/s.json" || fail "a refused --resume wrote"
jq '.search.rule += 1' "$tmp/s.json" >"$tmp/ruled.json"
cp "$tmp/ruled.json" "$tmp/ruled.was"
run search "$@" --slo commit.p99=800ms --seed 3 -o "$tmp/ruled.json" --resume
expect_exit 2
expect_stderr_lines 1
expect_stderr "another search" "another rule"
cmp -s "$tmp/ruled.json" "$tmp/ruled.was" || fail "a refused --resume wrote"
jq '.trials[1].load = 1' "$tmp/s.json" >"$tmp/bent.json"
run search "$@" --slo commit.p99=800ms --seed 3 -o "$tmp/bent.json" --resume
expect_exit 1
expect_stderr "trial 2" "damaged"
run search "$@" --slo commit.p99=800ms -o "$tmp/none.json" --resume
expect_exit 1
expect_stderr "none.json"

# Out of budget: both bounds, and that they are not believed; more budget goes on.
run search "$@" --slo commit.p99=800ms --seed 3 --budget 12m -o "$tmp/b.json"
expect_exit 11
expect_stdout "IRREGULAR" "the budget is spent" "too few to believe it"
jq -e '.goals[0] | .end == "the budget is spent" and .lower != null and .upper != null and (.regular | not)' \
	"$tmp/b.json" >/dev/null || fail "$(jq -c .goals "$tmp/b.json")"
run search "$@" --slo commit.p99=800ms --seed 3 --budget 10h -o "$tmp/b.json" --resume -q
expect_exit 0
jq -e --slurpfile s "$tmp/s.json" '.goals == $s[0].goals' "$tmp/b.json" >/dev/null ||
	fail "a search that went on after its budget ends elsewhere"

# Interrupted: what there is is kept, and goes on.
"$HCBENCH" search "$@" --slo commit.p99=800ms --seed 3 -o "$tmp/i.json" >"$out" 2>"$err" &
pid=$!
n=0
while ! grep -q "trial 2: " "$err" && [ $n -lt 200 ]; do
	n=$((n + 1))
	sleep 0.05
done
kill -INT "$pid"
status=0
wait "$pid" || status=$?
# A background job of sh ignores SIGINT unless the program says otherwise: it does.
expect_exit 130
jq -e '.partial and (.trials | length) >= 2' "$tmp/i.json" >/dev/null || fail "$(jq -c .spent "$tmp/i.json")"
run search "$@" --slo commit.p99=800ms --seed 3 -o "$tmp/i.json" --resume -q
same "$tmp/i.json" "$tmp/s.json" || fail "an interrupted search, resumed, ends elsewhere"

# Trials of 10 s contradict each other: all of them tell, and the report says so.
run search postgres --on "all=$disk" --set checkpoint_timeout=30s --set scale=10 --set clients=2 \
	--load rate --from 50/s --to 200/s --duration 10s --slo commit.p95=200ms --seed 3 -q -o "$tmp/coarse.json"
case $status in 0 | 11) ;; *) fail "exit code $status" ;; esac
jq -e '.goals[0].fit_trials == ([.trials[] | select(.verify | not)] | length)
	and .goals[0].lower_believed and .goals[0].upper_believed
	and .goals[0].lower < .goals[0].upper' "$tmp/coarse.json" >/dev/null || fail "$(jq -c .goals "$tmp/coarse.json")"
jq -e '.goals[0].fit_trials == 0' "$tmp/s.json" >/dev/null || fail "a fit where nothing was in doubt"
n=$(jq '.goals[0].fit_trials' "$tmp/coarse.json")
[ "$(grep -c "by a curve through all $n trials" "$out")" -eq 2 ] || fail "not said where the ends come from"

# Nothing passes; everything does; whole loads; several objectives.
run search micro --on all=hdd:generic-7200 --slo io.p50=1us --load rate --from 20/s --to 100/s \
	--set kind=read --duration 5s -q
expect_exit 11
expect_stdout "IRREGULAR" "even the least load fails" "missed from 20/s on"
run search micro --on all=null: --slo io.p50=1s --load rate --from 20/s --to 100/s --duration 5s -q
expect_exit 11
expect_stdout "even the greatest load passes" "kept up to 100/s"
run search postgres --on "all=$disk" --set checkpoint_timeout=30s --set scale=10 --slo commit.p50=40ms \
	--slo commit.p99=400ms --load clients --to 64 --each -q -o "$tmp/c.json"
case $status in 0 | 11) ;; *) fail "exit code $status" ;; esac
jq -e '(.goals | map(.name)) == ["all", "commit.p50", "commit.p99"] and all(.goals[]; .searched)
	and all(.trials[]; .load == (.load | floor))
	and .goals[0].upper <= ([.goals[1:][].upper | select(. != null)] | min)' "$tmp/c.json" >/dev/null ||
	fail "$(jq -c .goals "$tmp/c.json")"

# Too few samples will be too few again: said after one trial. Users start where there are
# enough, by the workload's own account.
run search postgres --on "all=$disk" --slo checkpoint.p50=5s --load rate --set checkpoint_timeout=30s \
	--from 20/s --to 40/s -q
expect_exit 11
expect_stderr_lines 1
expect_stderr "trial 1: checkpoint.p50: 2 samples, 6 needed" "longer trials"
run search mastodon --on "all=$disk" --slo commit.p99=10s --load users --to 4000 --set checkpoint_timeout=60s \
	--duration 60s --budget 3m --seed 1
expect_exit 11
expect_stderr "plan: users from 1012 to 4000"

# One workload of several is searched while the other goes on.
cat >"$tmp/two.ini" <<-END
	[scenario]
	seed = 5
	duration = 20s
	[workload log]
	type = micro
	flush = 1
	rate = 20/s
	on = all: hdd:generic-7200@a
	[workload bulk]
	type = micro
	kind = read
	on = all: hdd:generic-7200@a
END
run search "$tmp/two.ini" --slo bulk.io.p50=20ms --slo log.durable.p50=100ms --load bulk.rate \
	--from 20/s --to 200/s -q -o "$tmp/two.json"
case $status in 0 | 11) ;; *) fail "exit code $status" ;; esac
jq -e '.search.load == "bulk.rate" and .search.seed == 5 and .goals[0].upper > .goals[0].lower
	and .goals[0].lower > 20 and .goals[1].name == "bulk.io.p50" and (.goals[1].searched | not)' \
	"$tmp/two.json" >/dev/null || fail "$(jq -c .goals "$tmp/two.json")"

# What cannot be: one line, exit code 2, and nothing was run.
bad() { # TEXT ARGS...
	text=$1
	shift
	run search "$@" -o "$tmp/bad.json"
	expect_exit 2
	expect_stderr_lines 1
	expect_stderr "$text"
	[ ! -e "$tmp/bad.json" ] || fail "wrote a document"
}
on="--on all=$disk"
slo="--slo commit.p99=50ms"
# shellcheck disable=SC2086 # words
{
	bad "commit.p99=50" postgres $on --slo commit.p99=50 --load rate
	bad "p98" postgres $on --slo commit.p98=50ms --load rate
	bad "it has commit, checkpoint" postgres $on --slo comit.p99=50ms --load rate
	bad "twice" postgres $on $slo --slo commit.p99=800ms --load rate
	bad "--slo" postgres $on --load rate
	bad "--load" postgres $on $slo
	bad "it has rate, clients" postgres $on $slo --load users
	bad "such as 40/s" postgres $on $slo --load rate --from 10
	bad "such as 40/s" postgres $on $slo --load rate --to 10/x
	bad "whole number" postgres $on $slo --load clients --to 10/s
	bad "--from 0/s" postgres $on $slo --load rate --from 0/s
	bad "too few" postgres $on $slo --load rate --from 0.1/s
	bad "the least first" postgres $on $slo --load rate --from 90/s --to 80/s
	bad "rate is what is searched" postgres $on $slo --load rate --set rate=3/s
	bad "--budget" postgres $on $slo --load rate --budget 2
	bad "no_such" postgres $on $slo --load rate --set no_such=1
	bad "workload" $on $slo --load rate
	bad "whose? e.g. log.rate" "$tmp/two.ini" --slo bulk.io.p50=20ms --load rate
	bad "it has log.io" "$tmp/two.ini" --slo io.p50=20ms --load log.rate
	bad "did you mean" postgres $on $slo --laod rate
}
run search postgres --on all=hdd:no-such --slo commit.p99=50ms --load rate -q
[ "$status" -ne 0 ] || fail "a profile that is not there"
expect_stderr_lines 1
expect_stderr "trial 1 at" "no-such"
run search postgres --on "all=$disk" --slo commit.p99=50ms --load rate --resume
expect_exit 2
expect_stderr "-o FILE"
[ -z "$(ls -A "$TMPDIR")" ] || fail "left its directory behind"
