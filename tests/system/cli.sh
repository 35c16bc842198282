#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The command line as such: help, version, mistakes.
. "$(dirname "$0")/lib.sh"

run
expect_exit 2
run --help
expect_exit 0
expect_stderr_lines 0
expect_stdout "usage: hcbench VERB" list
run --version
expect_exit 0
expect_stdout "hcbench "
run lsit
expect_exit 2
expect_stderr_lines 1
expect_stderr 'unknown verb "lsit"; did you mean "list"?'
run list
expect_exit 0
expect_stdout " null:"

# Output that reached nobody is a failure.
"$HCBENCH" list >/dev/full 2>"$err"
status=$? last_run="hcbench list >/dev/full"
expect_exit 1
expect_stderr "No space left on device"
