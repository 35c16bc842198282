#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What systemd makes of a night's exit code, and what the one who is called gets to read.
. "$(dirname "$0")/lib.sh"
unit=$HCB_SRC/ci/systemd/hcbench-nightly.service

value() { # KEY: of the unit, continued lines joined
	sed -e ':a' -e '/\\$/{N;s/\\\n//;ba' -e '}' "$unit" | sed -n "s/^$1=//p"
}

# Storage that is worse calls somebody, whatever else has moved (11) too; a night that says
# nothing (12, 13) does not.
codes=" $(value SuccessExitStatus) "
for code in 1 2 10 11 14; do
	case $codes in *" $code "*) fail "exit code $code is a success to systemd" ;; esac
done
for code in 12 13; do
	case $codes in *" $code "*) ;; *) fail "exit code $code is a failure to systemd" ;; esac
done
value OnFailure | grep -qx 'hcbench-nightly-report@%n.service' || fail "nobody is called: $(value OnFailure)"
