#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# ci/nightly with everything it calls played by a script: what it does in which order, what
# becomes of exit codes and signals, when a canary is silent, and that one never gets into the
# real history. tests/lab and ci/sample-history have the real thing.
. "$(dirname "$0")/lib.sh"
requires jq flock
mkdir "$tmp/history" "$tmp/out"
echo real >"$tmp/history/history.db"
cat >"$tmp/hcbench" <<-'EOF'
	#!/bin/sh
	echo "$*" >>"$PLAY/log"
	case "$1 ${2-}" in
	"lab up") exit "${PLAY_UP:-0}" ;;
	"lab status") echo '[{"osds": [{"id": 0}, {"id": 2}]}]' ;;
	"lab fault") exit "${PLAY_FAULT:-0}" ;;
	"history where") echo "${HCBENCH_HISTORY:?}" ;;
	check*)
		echo "$HCBENCH_HISTORY" >"$PLAY/where"
		echo night >>"$HCBENCH_HISTORY/history.db"
		while [ $# -gt 1 ]; do
			[ "$2" != "${PLAY_JSON:-none}" ] || cp "$PLAY/check.json" "$2"
			shift
		done
		[ -z "${PLAY_WAIT-}" ] || {
			trap 'echo "check ended" >>"$PLAY/log"; exit 143' TERM
			: >"$PLAY/waits"
			while :; do sleep 0.05; done
		}
		exit "${PLAY_CHECK:-0}"
		;;
	esac
EOF
chmod +x "$tmp/hcbench"
real=$HCBENCH
HCBENCH=$tmp/hcbench PLAY=$tmp HCBENCH_HISTORY=$tmp/history HCB_NIGHTLY_OUT=$tmp/out HCB_NIGHTLY_LOCK=$tmp/lock
export HCBENCH PLAY HCBENCH_HISTORY HCB_NIGHTLY_OUT HCB_NIGHTLY_LOCK
[ -x "$real" ] || fail "no hcbench"

nightly() { # ARGS...
	last_run="ci/nightly $*"
	status=0
	rm -f "$tmp/log" "$tmp/where"
	: >"$tmp/log"
	timeout 60 sh "$HCB_SRC/ci/nightly" "$@" >"$out" 2>"$err" </dev/null || status=$?
}
called() { # LINE-PREFIX...: in this order, and nothing else
	_i=0
	for _want in "$@"; do
		_i=$((_i + 1))
		_got=$(sed -n "${_i}p" "$tmp/log")
		case $_got in "$_want"*) ;; *) fail "call $_i: \"$_got\", expected \"$_want\"" ;; esac
	done
	[ "$(wc -l <"$tmp/log")" -eq $# ] || fail "called: $(cat "$tmp/log")"
}
untouched() {
	[ "$(cat "$tmp/history/history.db")" = real ] || fail "the canary is in the real history"
}

# Up, the night, down; check's exit code is its own.
for code in 0 10 13; do
	PLAY_CHECK=$code nightly
	expect_exit $code
	called "lab up $HCB_SRC/lab/nightly/nightly.ini" "check --run $HCB_SRC/lab/nightly/postgres.ini --run $HCB_SRC/lab/nightly/commits.ini --lab nightly --blocks 5 --deadline 1h" "lab down nightly"
done
[ "$(cat "$tmp/where")" = "$tmp/history" ] || fail "another history: $(cat "$tmp/where")"
grep -q -- "--format prom -o $tmp/out/hcbench.prom" "$tmp/log" || fail "no .prom"
nightly --short --keep-lab -- --night n07
called "lab up" "check --run $HCB_SRC/lab/nightly/short/postgres.ini"
grep -q -- "--brief --night n07" "$tmp/log" || fail "$(cat "$tmp/log")"
nightly --no-lab-up
called "check --run"
# A lab that does not come up is taken down, and is no night.
PLAY_UP=1 nightly
expect_exit 1
called "lab up" "lab down nightly"

# A canary: the slowdown, on a copy; with its controls.
echo real >"$tmp/history/history.db"
series() { # STATE ANNOUNCE GATED [VERDICT]
	printf '{"verdict": "%s", "series": [{"label": "x.p50", "state": "OK", "gated": true, "announce": false},
		{"label": "commits.io.p99", "state": "%s", "announce": %s, "gated": %s}]}' "${4:-$1}" "$1" "$2" "$3" >"$tmp/check.json"
}
canary() { # KIND EXIT: of the script
	PLAY_JSON=$tmp/out/canary-$1/check.json
	export PLAY_JSON
	nightly --canary "$1"
	expect_exit "$2"
	untouched
}
series SUSPECT false true
canary disk 0
called "lab up" "history where" "lab status" "lab fault nightly slow-disk 0 1.5" "lab fault nightly slow-disk 2 1.5" \
	"check --run" "lab down nightly"
expect_stdout "canary: slower by a known disk, and the gate says commits.io.p99 SUSPECT"
grep '^check' "$tmp/log" | grep -q -- "--night zz-canary-disk" || fail "$(cat "$tmp/log")"
grep '^check' "$tmp/log" | grep -q -- "--no-controls" && fail "a canary without its controls is another night"
grep '^check' "$tmp/log" | grep -q -- "-o $tmp/out/hcbench.prom" && fail "a canary is somebody's alarm"
[ "$(cat "$tmp/where")" != "$tmp/history" ] || fail "on the real history"
[ ! -e "$(cat "$tmp/where")" ] || fail "its history is left"
canary link 0
called "lab up" "history where" "lab status" "lab fault nightly slow-link h1 10Mbit" "lab fault nightly slow-link h2 10Mbit" \
	"lab fault nightly slow-link h3 10Mbit" "check --run" "lab down nightly"
series ENVIRONMENT true true
canary disk 0
series REGRESSION true true
canary disk 0
# What was red before, what is not gated and what is well is no answer.
series REGRESSION false true
canary disk 12
expect_stderr "was red before it"
series SUSPECT false false OK
canary disk 1
expect_stderr "it is blind"
series OK false true
canary disk 1
expect_stderr "it is blind"
PLAY_CHECK=13 nightly --canary
expect_exit 13
PLAY_FAULT=1 nightly --canary
expect_exit 1
grep -q '^check' "$tmp/log" && fail "measured without its slowdown"
nightly --canary disk --no-lab-up
tail -n 1 "$tmp/log" | grep -qx "lab fault nightly heal" || fail "the lab that stays is left slow: $(cat "$tmp/log")"
HCBENCH_HISTORY=$tmp/none nightly --canary
expect_exit 12
untouched

# What would get around the copy, and what is no option.
for words in "--history $tmp/x" "--hist=$tmp/x"; do
	# shellcheck disable=SC2086
	nightly -- $words
	expect_exit 2
	expect_stderr "HCBENCH_HISTORY"
done
nightly --canary -- --night n01
expect_exit 2
nightly --canry
expect_exit 2
[ ! -s "$tmp/log" ] || fail "called: $(cat "$tmp/log")"

# Only one. A signal ends check first, then the lab.
flock "$tmp/lock" sleep 60 &
holder=$!
i=0
while flock -n "$tmp/lock" true && [ $i -lt 100 ]; do
	sleep 0.05
	i=$((i + 1))
done
nightly
expect_exit 13
[ ! -s "$tmp/log" ] || fail "called: $(cat "$tmp/log")"
pkill -P $holder
kill $holder 2>/dev/null
wait $holder
: >"$tmp/log"
last_run="ci/nightly, SIGTERM"
PLAY_WAIT=1 sh "$HCB_SRC/ci/nightly" >"$out" 2>"$err" </dev/null &
pid=$!
i=0
while [ ! -e "$tmp/waits" ] && [ $i -lt 200 ]; do
	sleep 0.05
	i=$((i + 1))
done
kill -TERM $pid
wait $pid
status=$?
expect_exit 143
called "lab up" "check --run" "check ended" "lab down nightly"
