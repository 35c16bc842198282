#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Devices that go bad under a run: one address gives EIO, the device goes away, shrinks, is
# read-only, does not answer. The run ends partial and names op and address, or goes on
# where asked; and ends. Block devices are loops over a served disk, NBD exports those of
# nbdkit and qemu-storage-daemon.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../served.sh"
requires_fuse
requires jq truncate blockdev pgrep nbdkit qemu-storage-daemon
RUN_TIMEOUT=30
at_exit "rm -rf '$tmp/nbd'"
mkdir "$tmp/nbd"
bad=716800 # the address that fails: not where signatures are looked for
doc=$tmp/result.json

io() { # ARGS...: 4 KiB ops on $target, one after the other, over its first MiB
	rm -f "$doc"
	run run micro --on "all=$target" --set bs=4KiB --set size=1MiB --set pattern=sequential \
		--warmup 0s --no-prefill -o "$doc" "$@"
}
told() { # PARTIAL REASON: what the document says
	jq -e --argjson p "$1" --arg r "$2" \
		'.partial == $p and .validity.verdict == "INVALID" and any(.validity.reasons[]; contains($r))' \
		"$doc" >/dev/null || fail "not partial=$1 for \"$2\": $(jq -c '[.partial, .validity.reasons]' "$doc")"
}
ended_at() { # OP ADDRESS ERROR: the run failed there
	expect_exit 1
	told true "failed: $1 of 4096 bytes at $2 of $target: $3"
	expect_stdout "INVALID (partial)" "at $2 of $target"
}
went_on() { # past failed ops, to its end
	expect_exit 13
	told false "operations failed"
	jq -e '.transactions[0] | .failed >= 1 and .count >= 1' "$doc" >/dev/null ||
		fail "$(jq -c '.transactions[0] | [.count, .failed]' "$doc") done and failed"
}
few_failed() { # one of 256 in each round over the MiB
	jq -e '.transactions[0] | .failed <= 1 + .count / 100' "$doc" >/dev/null ||
		fail "$(jq -c '.transactions[0] | [.count, .failed]' "$doc") done and failed"
}
under_way() { # the run on $target is past its opening: it has slept some hundred times
	for p in $(pgrep -f "run micro --on all=$target"); do
		[ "$(cat "/proc/$p/comm" 2>/dev/null)" = hcbench ] || continue
		awk '/^voluntary_ctxt/ { n = $2 } END { exit n < 300 }' "/proc/$p/status" 2>/dev/null && return
	done
	return 1
}
meanwhile() { # COMMAND...: once the next run is under way
	(
		n=0
		until under_way; do
			n=$((n + 1))
			[ $n -lt 200 ] || exit 1
			sleep 0.1
		done
		"$@"
	) &
	later=$!
}

# --- block devices --------------------------------------------------------------------

claimed_disk() { # ENGINE
	serve generic-7200 --size 64MiB --seed 3
	ctl 'timing off'
	make_loop
	run claim "$loop" --confirm="$dir/disk"
	expect_exit 0
	target=$1:$loop
}

block_device() { # ENGINE
	claimed_disk "$1"
	# One address gives EIO, to reads or to writes.
	ctl "error write $bad 4KiB"
	io --set kind=write --duration 10s
	ended_at write $bad "Input/output error"
	io --set kind=write --duration 700ms --keep-going
	went_on
	few_failed
	run run micro --on "all=$target" --set size=1MiB --duration 1s
	expect_exit 1
	expect_stderr "prefill $target: write of 1048576 bytes at 0: Input/output error"
	ctl 'error clear' "error read $bad 4KiB"
	io --set kind=read --duration 10s
	ended_at read $bad "Input/output error"
	io --set kind=read --duration 700ms --keep-going
	went_on
	few_failed
	ctl 'error clear'

	# Every flush fails: no commit is durable, and its op has no address.
	meanwhile "$HCBENCH" disk ctl "$dir" 'fail on'
	io --set kind=write --set flush=1 --duration 10s
	wait "$later"
	expect_exit 1
	told true "of $target: Input/output error"
	ctl 'fail off'

	# Does not answer. What is out stays with the kernel, and the run ends all the same.
	meanwhile "$HCBENCH" disk ctl "$dir" 'hang on'
	io --set kind=write --set depth=4 --duration 20s --stall-limit 1s --timeout 1s
	wait "$later"
	expect_exit 1
	told true "gave up: no completion for 1 s with 4 operations out"
	ctl 'hang off'

	# Its server is killed: the file system under the loop device is gone.
	meanwhile kill -9 "$server"
	io --set kind=write --set depth=4 --duration 20s
	expect_exit 1
	told true "failed: write of 4096 bytes at "
	io --set kind=read --duration 1s
	expect_exit 1
	expect_stderr "$loop"
	drop_loop
	umount -l "$dir"
	server=

	# And with --keep-going: it ends when its time is over.
	claimed_disk "$1"
	meanwhile kill -9 "$server"
	io --set kind=read --duration 2s --keep-going
	went_on
	drop_loop
	umount -l "$dir"
	server=
}

# Writes that are under way make the file longer again before the device has heard of it.
# shellcheck disable=SC2317 # called through meanwhile
shrink() {
	until [ "$(blockdev --getsize64 "$loop")" -lt $((1024 * 1024)) ]; do
		truncate -s "$bad" "$tmp/disk"
		losetup -c "$loop"
	done
}

# Smaller than when it was opened, and read-only.
changed_device() { # ENGINE
	truncate -s 64M "$tmp/disk"
	loop=$(losetup -f --show "$tmp/disk")
	target=$1:$loop
	run claim "$loop" --confirm="$loop"
	expect_exit 0
	tail -c 4096 "$tmp/disk" >"$tmp/mark"
	for kind in read write; do
		meanwhile shrink
		io --set kind=$kind --duration 10s
		wait "$later"
		expect_exit 1
		at=$(jq -r '.validity.reasons[0]' "$doc" | sed -n "s/^failed: $kind of 4096 bytes at \([0-9]*\) of .*/\1/p")
		[ "${at:-0}" -ge $bad ] || fail "shrunk to $bad, failed at \"$at\""
		told true "of $target: "
		io --set kind=$kind --duration 1s
		expect_exit 14
		truncate -s 64M "$tmp/disk"
		losetup -c "$loop"
		dd if="$tmp/mark" of="$loop" bs=4k seek=16383 conv=notrunc,fsync 2>/dev/null
	done
	at_exit "blockdev --setrw $loop" # it stays when the loop is detached
	meanwhile blockdev --setro "$loop"
	io --set kind=write --duration 10s
	wait "$later"
	expect_exit 1
	told true "of $target: Operation not permitted"
	blockdev --setrw "$loop"
	losetup -d "$loop"
	loop=$(losetup -r -f --show "$tmp/disk")
	target=$1:$loop
	io --set kind=write --duration 1s
	expect_exit 1
	expect_stderr "open $loop: the device is read-only"
	expect_stderr_lines 1
	drop_loop
}

for engine in libaio uring; do
	run run micro --on "all=$engine:$tmp/no-such-file" --duration 1s
	case $(cat "$err") in
	*"built without"* | *"is forbidden here"*) continue ;;
	esac
	block_device $engine
	changed_device $engine
done

# --- NBD exports ----------------------------------------------------------------------

run run micro --on "all=nbd:unix:$tmp/none" --duration 1s
case $(cat "$err") in
*"built without"*) exit 0 ;;
esac
sock=$tmp/nbd/s target=nbd:unix:$tmp/nbd/s,make=on pid=
# shellcheck disable=SC2016 # expanded when the test ends
at_exit '[ -z "$pid" ] || kill -9 $pid'

start() { # SERVER ARGS...
	rm -f "$sock"
	"$@" >"$tmp/server" 2>&1 &
	pid=$!
	n=0
	until [ -S "$sock" ]; do
		n=$((n + 1))
		[ $n -lt 100 ] || fail "$1 does not serve: $(cat "$tmp/server")"
		sleep 0.1
	done
}
stop() { # SIGNAL
	kill "-$1" "$pid"
	wait "$pid"
	pid=
}
qemu() { # KIND: that kind of op gives EIO at the bad address, always
	truncate -s 64M "$tmp/disk"
	start qemu-storage-daemon \
		--blockdev "driver=file,node-name=f,filename=$tmp/disk" \
		--blockdev "driver=blkdebug,node-name=d,image=f,inject-error.0.event=none,inject-error.0.iotype=$1,inject-error.0.errno=5,inject-error.0.once=off,inject-error.0.sector=$((bad / 512))" \
		--blockdev driver=raw,node-name=r,file=d \
		--nbd-server "addr.type=unix,addr.path=$sock" \
		--export type=nbd,id=e,node-name=r,name=,writable=on
}

rm -f "$tmp/disk"
for kind in write read; do # marked by the first, so that it need not be blank
	qemu $kind
	io --set kind=$kind --duration 10s
	ended_at $kind $bad "Input/output error"
	io --set kind=$kind --duration 700ms --keep-going
	went_on
	few_failed
	stop TERM
done

# Killed with ops out: each of them comes back.
start nbdkit -f -U "$sock" --filter=delay memory 64M wdelay=5ms
meanwhile kill -9 "$pid"
io --set kind=write --set depth=16 --duration 20s
wait "$later" "$pid"
pid=
expect_exit 1
told true "failed: write of 4096 bytes at "
told true "of $target: Transport endpoint is not connected"
jq -e '.totals.errors == 16' "$doc" >/dev/null || fail "$(jq -c .totals "$doc"): not all 16 came back"

# With --keep-going too it ends, as no later op can succeed.
start nbdkit -f -U "$sock" memory 64M
meanwhile kill -9 "$pid"
io --set kind=write --duration 20s --keep-going
wait "$later" "$pid"
pid=
expect_exit 13
told true "$target: the connection is lost: "

# Stopped: no answer, no end of the connection.
start nbdkit -f -U "$sock" memory 64M
meanwhile kill -STOP "$pid"
io --set kind=write --set depth=4 --duration 20s --stall-limit 1s --timeout 1s
wait "$later"
expect_exit 1
told true "gave up: no completion for 1 s with 4 operations out"
expect_stderr "4 ops without an answer after 1 s; the connection is cut"
io --set kind=write --duration 1s --timeout 1s
expect_exit 1
expect_stderr "did not finish the handshake within the deadline"
stop KILL

# Shrunk, and read-only.
rm -f "$tmp/disk"
truncate -s 64M "$tmp/disk"
start nbdkit -f -U "$sock" file "$tmp/disk"
meanwhile truncate -s $bad "$tmp/disk"
io --set kind=read --duration 20s
wait "$later"
expect_exit 1
told true "of $target: Input/output error"
stop TERM
start nbdkit -r -f -U "$sock" memory 64M
io --set kind=write --duration 1s
expect_exit 1
expect_stderr "the server offers it read-only"
stop TERM
exit 0
