# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced after system/lib.sh by tests that serve a disk.
#
#   requires_fuse           skips unless a disk can be served here
#   serve ARGS...           hcbench disk serve ARGS --mount $dir; $dir and $server (its pid)
#   unserve                 ends it and waits until it is gone
#   stat_of KEY             a number or word of DIR/stat
#   ctl LINE...             hcbench disk ctl $dir LINE..., which must succeed
#   make_loop               $loop: a loop device on $dir/disk as a lab makes it
#   drop_loop               detaches it

# shellcheck disable=SC2154 # tmp is system/lib.sh's
dir=$tmp/m server='' loop='' looped=no

requires_fuse() {
	requires_root
	[ -c /dev/fuse ] || skip "no /dev/fuse"
	requires dd cmp umount mountpoint losetup pgrep
	mkdir "$dir"
	# shellcheck disable=SC2016 # expanded when the test ends
	at_exit 'end_disk'
}

# Whatever state it is in: a server that hangs is killed, which ends its connection.
end_disk() {
	[ -z "$server" ] || kill -9 "$server" 2>/dev/null
	[ -z "$loop" ] || losetup -d "$loop" 2>/dev/null
	if mountpoint -q "$dir"; then umount -l "$dir"; fi
}

server_pid() { # of the process that serves $dir
	pgrep -n -f "disk serve .*--mount $dir( |\$)"
}

serve() {
	run disk serve "$@" --mount "$dir"
	expect_exit 0
	server=$(server_pid)
	[ -n "$server" ] || fail "no process serves $dir"
}

wait_gone() { # until it is unmounted and the process has ended, 10 s at most
	n=0
	while mountpoint -q "$dir" || kill -0 "$server" 2>/dev/null; do
		n=$((n + 1))
		[ $n -lt 100 ] || fail "not gone after 10 s"
		sleep 0.1
	done
	server=
}

unserve() {
	kill -TERM "$server"
	wait_gone
}

stat_of() {
	sed -n "s/^ *\"$1\": \"\\{0,1\\}\\([^\",]*\\)\"\\{0,1\\},\\{0,1\\}\$/\\1/p" "$dir/stat" | head -n 1
}

ctl() {
	run disk ctl "$dir" "$@"
	expect_exit 0
}

make_loop() {
	loop=$(losetup -f --show --direct-io=on --sector-size "$(stat_of block_bytes)" "$dir/disk" 2>"$err") || {
		[ "$looped" = no ] || fail "losetup" # it could before
		skip "no loop device can be set up"
	}
	looped=yes
	echo 1 >"/sys/block/${loop#/dev/}/queue/rotational"
	echo none >"/sys/block/${loop#/dev/}/queue/scheduler"
}

drop_loop() {
	losetup -d "$loop"
	loop=
}
