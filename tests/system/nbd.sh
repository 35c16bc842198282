#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A run on an NBD export as qemu-storage-daemon serves a disk image: refused, taken, filled
# once, flushed, verified, interrupted. Whether the machine is quiet enough is not asked.
. "$(dirname "$0")/lib.sh"
requires jq truncate qemu-storage-daemon
"$HCBENCH" list | grep -A1 "^ nbd:" | grep -q "not available" && skip "libnbd"
sock=$tmp/s
# shellcheck disable=SC2016 # expanded when the test ends
at_exit '[ -z "${server:-}" ] || kill "$server"'
truncate -s 512M "$tmp/disk"
printf 'my thesis' | dd of="$tmp/disk" bs=1 seek=1000000 conv=notrunc 2>/dev/null
qemu-storage-daemon \
	--blockdev "driver=file,node-name=f,filename=$tmp/disk,discard=unmap" \
	--blockdev driver=raw,node-name=r,file=f,discard=unmap \
	--nbd-server "addr.type=unix,addr.path=$sock" \
	--export type=nbd,id=e,node-name=r,name=disk,writable=on >"$tmp/server" 2>&1 &
# shellcheck disable=SC2034 # used at exit
server=$!
n=0
until [ -S "$sock" ]; do
	n=$((n + 1))
	[ $n -lt 100 ] || fail "no server: $(cat "$tmp/server")"
	sleep 0.1
done
uri="nbd:nbd+unix:///disk?socket=$sock"

# Somebody's data: not without being told twice, and not by telling something else.
before=$(md5sum <"$tmp/disk")
for keys in "" ",make=on" ",destroy=unix:$sock"; do
	run run micro --on "all=$uri$keys" --set size=8MiB --duration 1s
	expect_exit 14
	expect_stderr_lines 1
	expect_stderr "$sock"
	[ "$(md5sum <"$tmp/disk")" = "$before" ] || fail "a refused run wrote to the export"
done

# Blank: taken, filled once, and known again by another name.
dd if=/dev/zero of="$tmp/disk" bs=1M count=1 conv=notrunc 2>/dev/null
run run micro --on "all=$uri,make=on" --set size=8MiB --set depth=8 --set flush=4 --duration 1s -q -o "$tmp/r.json"
case $status in 0 | 11 | 13) ;; *) fail "exit code $status" ;; esac
jq -e '.facts.prefilled_bytes == 8388608 and .totals.errors == 0 and .totals.flushes > 0
	and (.targets[0].facts | .server_flush and .server_fua and .server_trim
		and .server_max_block_bytes == 33554432 and (.mark.uuid | length) == 36)' \
	"$tmp/r.json" >/dev/null || fail "the result lacks something: $(jq -c '.targets[0].facts' "$tmp/r.json")"
on="all=nbd:unix:$sock,export=disk"
run run micro --on "$on" --set size=8MiB --set kind=read --duration 1s -q -o "$tmp/r.json"
jq -e '.facts.prefilled_bytes == 0 and .totals.reads > 0 and .totals.writes == 0' \
	"$tmp/r.json" >/dev/null || fail "filled twice, or did not read"

# A database with the server's FUA; what it was promised is there.
run run postgres --on "$on,fua=on" --native-fua --verify --set scale=1 --set wal_segments=5 \
	--set clients=4 --duration 1s -q -o "$tmp/r.json"
case $status in 11 | 13) ;; *) fail "exit code $status" ;; esac # a second holds no cycle
jq -e '.verify.promised_blocks > 0 and .verify.lost == 0 and .totals.errors == 0
	and .targets[0].facts.fua_method == "native"' "$tmp/r.json" >/dev/null ||
	fail "$(jq -c '[.verify, .targets[0].facts.fua_method]' "$tmp/r.json")"

# A signal ends it in good order.
"$HCBENCH" run micro --on "$on" --set size=8MiB --set depth=32 --duration 30s -q \
	-o "$tmp/cut.json" >"$out" 2>"$err" &
pid=$!
sleep 1
kill -INT $pid
status=0
wait $pid || status=$?
expect_exit 130
jq -e '.partial and .totals.errors == 0' "$tmp/cut.json" >/dev/null || fail "no partial result"
exit 0
