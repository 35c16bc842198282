#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every mistake gets one clear line, its exit code, in bounded time, and changes nothing.
. "$(dirname "$0")/lib.sh"

bad() { # CODE TEXT ARGS...
	code=$1 text=$2
	shift 2
	RUN_TIMEOUT=10 run "$@"
	expect_exit "$code"
	expect_stderr_lines 1
	expect_stderr "$text"
	[ ! -s "$out" ] || fail "it printed something on standard output"
}

bad 2 'unknown workload "postgre"; did you mean "postgres"?' run postgre --on all=null:
bad 2 'unknown engine "hd"; did you mean "hdd"?' run postgres --on all=hd:generic-7200
bad 2 'unknown key "client"; did you mean "clients"?' run postgres --on all=null: --set client=4
bad 2 'clients=4x: expected a whole number' run postgres --on all=null: --set clients=4x
bad 2 'clients=0: out of range' run postgres --on all=null: --set clients=0
bad 2 'rate=40: expected a rate' run postgres --on all=null: --set rate=40
bad 2 'rate=40/x: expected a rate' run postgres --on all=null: --set rate=40/x
bad 2 'expected a time such as 60s' run postgres --on all=null: --duration 60
bad 2 'expected a time such as 60s' run postgres --on all=null: --duration 5mm
bad 2 'on what?' run postgres
bad 2 'volume data of workload postgres is on no target' run postgres --on wal=null:
bad 2 'given twice' run postgres --on all=null: --on all=null:
bad 2 'unknown key "sise"; did you mean "size"?' run postgres --on all=null:,sise=4GiB
bad 2 'expected real or virtual' run postgres --on all=null: --clock sundial
bad 2 'no-such-profile' run postgres --on all=hdd:no-such-profile
bad 1 'too small' run postgres --on all=null:,size=64MiB
bad 2 'No such file or directory' run "$tmp/none.ini"
bad 2 'think belongs to a closed loop' run postgres --on all=null: --set rate=4/s --set think=1s
bad 2 'unknown report "txt"; did you mean "text"?' report txt "$tmp/none"

bad 2 'unknown option "--seeed"; did you mean "--seed"?' run postgres --on all=null: --seeed 3
bad 2 'unknown option "--zzzz"; "hcbench run --help"' run postgres --on all=null: --zzzz
bad 2 'unknown option "-x"' run postgres --on all=null: -x
bad 2 '--seed: a value has to follow' run postgres --on all=null: --seed
bad 2 '--json: takes no value' run postgres --on all=null: --json=3
bad 2 'unknown option "--confrm=3"; did you mean "--confirm"?' claim "$tmp/none" --confrm=3

# A result is not written over what is no result, nor where it cannot be.
echo "my thesis" >"$tmp/thesis"
bad 14 'thesis' run postgres --on all=null: --duration 5s -o "$tmp/thesis"
[ "$(cat "$tmp/thesis")" = "my thesis" ] || fail "the file was changed"
bad 14 '/dev/null' run postgres --on all=null: --duration 5s -o /dev/null
bad 2 "$tmp/no/dir" run postgres --on all=null: --duration 5s -o "$tmp/no/dir/r.json"

# A hostile scenario file.
printf '[workload x]\ntype = postgres\non = all: null:\n\000\n' >"$tmp/nul.ini"
bad 2 'nul.ini' run "$tmp/nul.ini"
{ printf '[workload x]\ntype = '; head -c 100000 /dev/zero | tr '\0' a; } >"$tmp/long.ini"
bad 2 'long.ini' run "$tmp/long.ini"
printf '[workload x]\ntype = postgres\non = all: null:\nclents = 4\n' >"$tmp/typo.ini"
bad 2 'typo.ini:4: workload x: unknown key "clents"; did you mean "clients"' run "$tmp/typo.ini"
printf '[scenario]\nseed = 2\n[workload x]\ntype = postgre\non = all: null:\n' >"$tmp/type.ini"
bad 2 'type.ini:3: [workload x]: unknown workload "postgre"; did you mean' run "$tmp/type.ini"
printf '[workload x\ntype = postgres\n' >"$tmp/cut.ini"
bad 2 'cut.ini:1' run "$tmp/cut.ini"

# A full disk under the result file: exit 1, the old result stays, no litter.
if [ "$(id -u)" -eq 0 ] && mkdir "$tmp/small" && mount -t tmpfs -o size=64k tmpfs "$tmp/small" 2>/dev/null; then
	at_exit "umount '$tmp/small'"
	echo '{"schema": 1, "hcbench": "0", "kind": "run"}' >"$tmp/small/r.json"
	head -c 60000 /dev/zero >"$tmp/small/fill"
	run run postgres --on all=null: --duration 5s --clock virtual -o "$tmp/small/r.json"
	expect_exit 1
	expect_stderr_lines 1
	expect_stderr "No space left on device"
	expect_stdout "postgres, " "again: hcbench run postgres" # the result is shown all the same
	grep -q '"hcbench": "0"' "$tmp/small/r.json" || fail "the old result is gone"
	[ "$(find "$tmp/small" -type f | wc -l)" -eq 2 ] || fail "litter: $(ls -A "$tmp/small")"
fi

# Standard output that takes nothing: one line.
for form in --quiet --json; do
	"$HCBENCH" run postgres --on all=null: --duration 5s --clock virtual $form >/dev/full 2>"$err"
	status=$? last_run="hcbench run ... $form >/dev/full"
	[ "$status" -ne 0 ] || fail "exit code 0"
	expect_stderr_lines 1
	expect_stderr "write standard output: No space left on device"
done
