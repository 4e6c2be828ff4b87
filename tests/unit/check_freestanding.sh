#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Checks that the core's objects need nothing that a kernel does not have: no C++ runtime, no constructors
# before main, no symbols but those of the boundary and the few that compilers emit calls to.
# usage: check_freestanding.sh FILE   (FILE lists the objects, one a line)
set -eu
objects=$(cat "$1")
failed=0

fail() {
	echo "$1" >&2
	failed=1
}

for object in $objects; do
	sections=$(objdump -h "$object" | grep -oE '\.(init_array|ctors|preinit_array|tbss|tdata|gcc_except_table)[^ ]*' || true)
	[ -z "$sections" ] || fail "$object: sections that need a runtime: $sections"
done

# Undefined in one object and defined in another is fine; what is left must be on this list.
defined=$(mktemp)
trap 'rm -f "$defined"' EXIT
# shellcheck disable=SC2086 # one word for each object
nm --defined-only $objects | awk 'NF == 3 { print $3 }' | sort -u >"$defined"
# shellcheck disable=SC2086
unknown=$(nm -u $objects | awk '$1 == "U" { print $2 }' | sort -u | comm -23 - "$defined" |
	grep -vxE 'nvmev_host_[a-z_]+|mem(cpy|set|move|cmp)|str(len|nlen|cmp|ncmp)|v?snprintf|_GLOBAL_OFFSET_TABLE_' || true)
[ -z "$unknown" ] || fail "symbols from outside: $(echo $unknown)"

exit $failed
