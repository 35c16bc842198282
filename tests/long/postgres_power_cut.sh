#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A real PostgreSQL on ext4 on a served disk, under pgbench, through power cuts: after each
# the file system must be whole once its journal is replayed, PostgreSQL must come up, every
# row whose COMMIT a client was told of must be there, and no transaction may be there in
# part. Then the contrary: on a disk whose flushes lie, acknowledged rows are lost.
#
#   HCB_CUTS=20      power cuts that must be survived
#   HCB_LIES=5       cuts of the lying disk in which something must be lost; 0: leave it out
#   HCB_SCALE=10     of pgbench
#   HCB_LOAD=6       seconds of load before a cut at most
#   HCB_SEED=1       when, and what the cuts leave
#
# Each cut prints one line.
. "$(dirname "$0")/../system/lib.sh"
. "$(dirname "$0")/../served.sh"

requires_fuse
requires mkfs.ext4 e2fsck setpriv awk sync paste
pg=/usr/lib/postgresql/15/bin
[ -x $pg/pgbench ] || skip "postgresql-15 is not installed"
id postgres >/dev/null 2>&1 || skip "there is no user postgres"
cuts=${HCB_CUTS:-20} lies=${HCB_LIES:-5} scale=${HCB_SCALE:-10} load=${HCB_LOAD:-6} seed=${HCB_SEED:-1}
clients=8
fs=$tmp/fs run=$tmp/run bench='' postmaster=''
chmod 711 "$tmp"
mkdir "$fs"
mkdir -m 700 "$run" # the socket: nobody else is trusted
chown postgres "$run"
# shellcheck disable=SC2016 # expanded when the test ends
at_exit 'kill_bench; kill_postgres; unmount || umount -l "$fs"'

within() { # SECONDS COMMAND...
	_s=$1
	shift
	timeout -k 5 "$_s" "$@"
}

as_postgres() {
	within 120 setpriv --reuid postgres --regid postgres --init-groups \
		env HOME="$run" LC_ALL=C "$@"
}

sql() { # QUERY
	as_postgres $pg/psql -h "$run" -d postgres -AtXq -v ON_ERROR_STOP=1 -c "$1" </dev/null
}

roll() { # N: 0 to N-1 into $die
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	die=$((seed / 65536 % $1))
}

millis() {
	echo $(($(date +%s%N) / 1000000))
}

start_postgres() {
	as_postgres $pg/pg_ctl start -D "$fs/pg" -l "$run/log" -w -t 100 -s >"$run/pg_ctl" 2>&1 || return 1
	postmaster=$(head -n 1 "$fs/pg/postmaster.pid")
}

# As a power cut ends it: nothing is said good-bye to. The postmaster is found by its
# command line, so that also one that never came up is; the others are its children.
# Sets $killed.
kill_postgres() {
	killed=
	for _p in $(pgrep -f -- "^$pg/postgres -D $fs/pg( |\$)"); do
		killed="$killed $_p $(pgrep -P "$_p" | tr '\n' ' ')"
	done
	# shellcheck disable=SC2086 # a list
	[ -z "$killed" ] || kill -9 $killed 2>/dev/null
}

# A process that was not waited for yet is one to PostgreSQL, if postmaster.pid names it;
# also of a postmaster that gave up before it was killed.
await_dead() {
	n=0
	for _p in $postmaster $killed; do
		while kill -0 "$_p" 2>/dev/null; do
			n=$((n + 1))
			[ $n -lt 300 ] || fail "PostgreSQL ($_p) is not gone after 30 s"
			sleep 0.1
		done
	done
}

# shellcheck disable=SC2317 # called when the test ends
kill_bench() {
	[ -z "$bench" ] || kill "$bench" 2>/dev/null
}

unmount() { # 20 s at most
	n=0
	while mountpoint -q "$fs"; do
		within 20 umount "$fs" 2>/dev/null && break
		n=$((n + 1))
		[ $n -lt 200 ] || return 1
		sleep 0.1
	done
}

make_database() {
	make_loop
	within 60 mkfs.ext4 -q "$loop" 2>"$err" || fail "mkfs.ext4"
	within 60 mount "$loop" "$fs" || fail "mount"
	mkdir "$fs/pg"
	chown postgres "$fs/pg"
	as_postgres $pg/initdb -D "$fs/pg" -A trust -E UTF8 --locale=C -N >"$out" 2>"$err" || fail "initdb"
	cat >>"$fs/pg/postgresql.conf" <<-EOF
		listen_addresses = ''
		unix_socket_directories = '$run'
		shared_buffers = 64MB
		checkpoint_timeout = 30s
		max_wal_size = 256MB
	EOF
	start_postgres || fail "PostgreSQL does not start"
	as_postgres $pg/pgbench -h "$run" -i -q -s "$scale" postgres >"$out" 2>"$err" || fail "pgbench -i"
	sql 'CREATE TABLE told (run int, client int, n int, PRIMARY KEY (run, client, n))' || fail "create"
	# Each client counts its rows; that it goes on says that it was told of the last.
	cat >"$run/insert.sql" <<-'EOF'
		\set n :n + 1
		INSERT INTO told VALUES (:run, :client_id, :n);
	EOF
	# Now and then everything dirty is written at once, to be cut off in the middle.
	echo 'CHECKPOINT;' >"$run/checkpoint.sql"
	sql CHECKPOINT || fail "CHECKPOINT"
	within 60 sync -f "$fs" || fail "sync"
}

# One run of load, cut by a power cut. What the clients were told of goes to $run/told.RUN:
# pgbench logs a transaction when its end was acknowledged, and ends by itself when the
# server is gone, so its log is whole.
load_and_cut() { # RUN KEEP
	rm -f "$run"/log.[0-9]*
	(cd "$run" && exec timeout -k 5 90 setpriv --reuid postgres --regid postgres --init-groups \
		$pg/pgbench -h "$run" -n -c $clients -j 1 -T 60 -l --log-prefix="$run/log" \
		-D run="$1" -D n=0 -f "$run/insert.sql@100" -b tpcb-like@100 \
		-f "$run/checkpoint.sql@1" postgres) >"$run/bench" 2>&1 &
	bench=$!
	roll $((load * 1000 - 500))
	ms=$((500 + die))
	sleep "$(awk -v m=$ms 'BEGIN { print m / 1000 }')"
	kill -0 $bench 2>/dev/null || fail "pgbench ended by itself: $(grep -m 3 error "$run/bench"); $(tail -n 3 "$run/log")"
	roll 30000
	ctl "power cut $die $2%"
	kill_postgres # the host is off too; pgbench alone lives on to tell
	wait $bench
	bench=
	# script 0 is the insert, as -f comes first; a number is what a COMMIT took
	awk '$4 == 0 && $3 ~ /^[0-9]/ { told[$1]++ } END { for (c in told) print c, told[c] }' "$run"/log.[0-9]* >"$run/told.$1"
}

# The host was cut off with it: what it still holds of the disk must not be written to it.
let_go_of_disk() {
	await_dead
	unmount || fail "cannot unmount"
	was=/sys/block/${loop#/dev/}/loop
	drop_loop
	n=0
	while [ -e "$was" ]; do # held open by whoever looks at new devices
		n=$((n + 1))
		[ $n -lt 100 ] || fail "the loop device is not let go of"
		sleep 0.1
	done
}

# Power on, the journal replayed, the file system found whole. False: it is not.
come_back() {
	ctl 'power on' 'timing off'
	make_loop
	within 120 mount "$loop" "$fs" 2>"$err" || return 1
	unmount || fail "cannot unmount"
	within 120 e2fsck -fn "$loop" >"$run/e2fsck" 2>&1 || return 1
	within 60 mount "$loop" "$fs" || fail "mount"
	ctl 'timing on'
}

# How many of the rows that clients were told of are missing, over all runs so far.
missing() {
	for f in "$run"/told.*; do
		while read -r client n; do
			echo "($((${f##*.})),$client,$n)"
		done <"$f"
	done >"$run/values"
	[ -s "$run/values" ] || { echo 0 && return; }
	sql "SELECT coalesce(sum(v.n - (SELECT count(*) FROM told t
		WHERE t.run = v.run AND t.client = v.client AND t.n BETWEEN 1 AND v.n)), 0)
		FROM (VALUES $(paste -sd, "$run/values")) v(run, client, n)"
}

# Every transaction is there whole or not at all: pgbench's four sums are one.
whole() {
	sql "SELECT count(DISTINCT s) FROM (SELECT sum(abalance) s FROM pgbench_accounts
		UNION ALL SELECT sum(tbalance) FROM pgbench_tellers
		UNION ALL SELECT sum(bbalance) FROM pgbench_branches
		UNION ALL SELECT coalesce(sum(delta), 0) FROM pgbench_history) x"
}

told_in() { # RUN
	awk '{ n += $2 } END { print n + 0 }' "$run/told.$1"
}

# RUN KEEP; sets $lost: how many acknowledged rows, or why all of them
one_cut() {
	before_lost=$(stat_of sectors_lost) before_kept=$(stat_of sectors_kept)
	load_and_cut "$1" "$2"
	sectors="$(($(stat_of sectors_lost) - before_lost)) of $(($(stat_of sectors_lost) - before_lost + \
		$(stat_of sectors_kept) - before_kept))"
	let_go_of_disk
	begin=$(millis)
	if ! come_back; then
		lost="file system damaged"
	elif ! start_postgres; then
		lost="PostgreSQL does not start: $(grep -E 'PANIC|FATAL' "$run/log" | tail -n 1)"
	elif ! lost=$(missing 2>"$err"); then
		lost="database damaged: $(head -n 1 "$err")"
	elif [ "$lost" = 0 ] && [ "$(whole)" != 1 ]; then
		lost="transactions there in part"
	fi
	echo "cut $1: after $ms ms, sectors lost $sectors at risk (kept with $2 %);" \
		"acknowledged $(told_in "$1"), lost: $lost; back after $(($(millis) - begin)) ms"
}

serve generic-7200 --size 4GiB --filled 60% --seed "$seed" --timing off
make_database
ctl 'timing on'
cut=1
while [ $cut -le "$cuts" ]; do
	case $((cut % 4)) in 1) keep=50 ;; 2) keep=0 ;; 3) keep=90 ;; *) keep=10 ;; esac
	one_cut $cut $keep
	[ "$lost" = 0 ] || fail "an honest disk lost: $lost"
	cut=$((cut + 1))
done
told=0
for f in "$run"/told.*; do
	told=$((told + $(told_in "${f##*.}")))
done
echo "$cuts power cuts survived: $told acknowledged rows are there, no transaction in part"
[ "$told" -gt $((cuts * 5)) ] || fail "too little was acknowledged to show anything"

[ "$lies" -gt 0 ] || exit 0
ctl 'lie on'
lie=1
while [ $lie -le "$lies" ]; do
	one_cut $((cuts + lie)) 0
	[ "$lost" = 0 ] || break
	lie=$((lie + 1))
done
[ "$lost" != 0 ] || fail "a lying disk lost nothing in $lies cuts: this test shows nothing"
echo "a disk whose flushes lie: cut $lie of $lies lost: $lost"
exit 0
