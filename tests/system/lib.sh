# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by every script in tests/system and tests/lab:  . "$(dirname "$0")/lib.sh"
#
#   run ARGS...             hcbench ARGS; its exit code in $status, its output in $out and $err
#   expect_exit CODE        of the last run
#   expect_stderr_lines N   of the last run
#   expect_stdout TEXT...   each text occurs in it;  expect_stderr TEXT... likewise
#   fail TEXT               ends the test, showing the last run
#   skip TEXT               ends the test as skipped: TEXT names what is missing
#   requires CMD...         skips unless each command is there;  requires_root
#   at_exit COMMAND         runs when the test ends, last given first
#   $tmp                    a directory of the test's own
set -u
: "${HCBENCH:?is set by tests/run}"
tmp=$(mktemp -d)
out=$tmp/.out err=$tmp/.err status=0 last_run="(nothing was run)" _at_exit=

_cleanup() {
	eval "$_at_exit"
	rm -rf "$tmp"
}
trap _cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
: >"$out"
: >"$err"

at_exit() {
	_at_exit="$*
$_at_exit"
}

fail() {
	echo "FAILED: $*"
	echo "last run: $last_run (exit $status)"
	sed 's/^/stdout: /' "$out" | tail -n 30
	sed 's/^/stderr: /' "$err" | tail -n 30
	exit 1
}

skip() {
	echo "SKIP: $*"
	exit 77
}

run() {
	last_run="hcbench $*"
	status=0
	timeout -k 5 "${RUN_TIMEOUT:-60}" "$HCBENCH" "$@" >"$out" 2>"$err" </dev/null || status=$?
}

expect_exit() {
	[ "$status" -eq "$1" ] || fail "exit code $status, expected $1"
}

expect_stderr_lines() {
	_n=$(wc -l <"$err")
	[ "$_n" -eq "$1" ] || fail "$_n lines on standard error, expected $1"
}

_expect_in() { # FILE NAME TEXT...
	_f=$1 _what=$2
	shift 2
	for _t in "$@"; do
		grep -qF -- "$_t" "$_f" || fail "\"$_t\" is not on $_what"
	done
}

expect_stdout() {
	_expect_in "$out" "standard output" "$@"
}

expect_stderr() {
	_expect_in "$err" "standard error" "$@"
}

requires() {
	for _c in "$@"; do
		command -v "$_c" >/dev/null || skip "$_c is not installed"
	done
}

requires_root() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
}
