# Helpers for tests that run inside a guest. Sourced, never run: `. "$(dirname "$0")/lib.sh"`.
#
# A guest test is an executable bash script tests/vm/test-NAME. scripts/guest-tests boots a guest,
# runs the script there as root, and takes its exit status: 0 passed, 77 skipped (use `skip WHY`),
# anything else failed. What it prints is shown when it fails. It finds the module at
# /nvmev/nvmev.ko, this folder at /nvmev/tests, and the stock nvme driver loaded.
#
# Comment lines that start with `# vm:` say what it needs; words are split and quoted as in a shell,
# several lines add up:
#
#   # vm: cpus=4 mem=4G            size of the guest (these are the defaults)
#   # vm: append='memmap=1G$4G'    words for the kernel's command line; adds up
#   # vm: iommu=intel              an IOMMU with interrupt remapping: intel or amd (none)
#   # vm: lightnvm=on              the LightNVM host of 5.10 at /nvmev/lightnvm (off)
#   # vm: qemu_nvme=1G             QEMU's own NVMe device beside ours (none)
#   # vm: kernels=all              which kernels: a list such as 5.10,6.1 or all (6.1,6.12)
#   # vm: timeout=240              seconds, boot not counted (240): five times what it takes on an idle machine, or more
#   # vm: group=NAME               may share a guest with tests of the same group and needs: it
#                                  leaves the module unloaded and everything else as it was (none)
#   # vm: alone=yes                no other guest runs beside it: it measures time (no)
#   # vm: simulator=yes            nvmev-sim, built first, is /nvmev/sim/nvmev-sim there (no)
#   # vm: disk=512M                a disk, empty at first: kept_disk tells its name (none)
#   # vm: boots=2                  the test is run so often, each time in a guest that has just booted;
#                                  BOOT is 1, 2 ..., the disk keeps what was written and synced (1)
#   # vm: cli=yes                  nvmev, the command line tool, is /nvmev/nvmev there (no)
#
# The shortest useful test:
#
#   #!/bin/bash
#   # vm: kernels=all group=plain
#   . "$(dirname "$0")/lib.sh"
#   load_nvmev capacity=1G
#   expect_eq "$(cat /sys/block/"$DISK"/size)" $((1 << 21)) "sectors"
#   unload_nvmev
#   dmesg_clean
#
# By hand: scripts/guest-tests 6.1 test-smoke, or scripts/vm run 6.1 -- /nvmev/tests/test-smoke.
# shellcheck shell=bash disable=SC2034 # tests use the variables

set -euo pipefail
trap 'echo "${0##*/}:$LINENO: failed: $BASH_COMMAND" >&2' ERR

MODULE=/nvmev/nvmev.ko
# Which boot of a test with several this is.
BOOT=$(sed -n 's/.*\bvm\.boot=\([0-9]\).*/\1/p' /proc/cmdline)
BOOT=${BOOT:-1}
# Set by load_nvmev, of the first controller that is ours: nvme0, /dev/nvme0; the namespace's disk
# nvme0n1, /dev/nvme0n1; the PCI function as /sys/bus/pci/devices names it.
CTRL='' CTRL_DEV='' DISK='' DISK_DEV='' PCI=''

# fail MESSAGE...: ends the test.
fail() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# skip REASON...: ends the test without a verdict.
skip() {
	echo "${0##*/}: skipped: $*" >&2
	exit 77
}

# expect_eq ACTUAL EXPECTED [WHAT]
expect_eq() {
	[ "$1" = "$2" ] || fail "${3:-value}: got '$1', expected '$2'"
}

# expect_match TEXT REGEX [WHAT]: REGEX is extended, and may match anywhere in TEXT.
expect_match() {
	[[ $1 =~ $2 ]] || fail "${3:-text}: '$1' does not match '$2'"
}

# expect_fails COMMAND...: the command must not succeed.
expect_fails() {
	if "$@" >/dev/null 2>&1; then fail "succeeded, and should not have: $*"; fi
}

# wait_until SECONDS COMMAND...: waits for the command to succeed; 1 when it never did. On a machine that does other work
# besides everything takes longer: it waits three times that.
wait_until() {
	local end=$((SECONDS + 3 * $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# wait_dev PATH [SECONDS=20]: waits for a device node.
wait_dev() {
	wait_until "${2:-20}" test -e "$1" || fail "no $1 after ${2:-20} s; dmesg ends:
$(dmesg | tail -15)"
}

# ns_path NSID [ng]: the node of the controller CTRL's namespace: its disk, or with `ng` its character device. Kernels that
# look at namespaces side by side do not number them by NSID. 1 when there is none (yet).
ns_path() {
	local node
	for node in /dev/"${2:-nvme}${CTRL#nvme}"n*; do
		[[ $node =~ n[0-9]+$ && -e $node ]] || continue
		if [[ $(nvme get-ns-id "$node" 2>/dev/null) =~ namespace-id:$1$ ]]; then
			echo "$node"
			return
		fi
	done
	return 1
}

# wait_ns NSID [ng]: waits for that node and prints its path.
wait_ns() {
	wait_until 20 ns_path "$@" || fail "no node of namespace $1 after 20 s; dmesg ends:
$(dmesg | tail -15)"
	ns_path "$@"
}

# kept_disk: the disk of `# vm: disk=`.
kept_disk() {
	local controller
	for controller in /sys/class/nvme/*; do
		if [[ $(<"$controller/serial") =~ ^kept ]]; then
			wait_dev "/dev/${controller##*/}n1"
			echo "/dev/${controller##*/}n1"
			return
		fi
	done
	fail "no kept disk"
}

# nvmev_controllers: the controllers that are ours, one a line (nvme0). Their PCI domain is above
# ffff, where no real one is.
nvmev_controllers() {
	local address
	for address in /sys/class/nvme/*/address; do
		[ -e "$address" ] || continue
		if [[ $(<"$address") =~ ^[0-9a-f]{5,}: ]]; then basename "${address%/address}"; fi
	done
}

_controller_there() { [ -n "$(nvmev_controllers)" ]; }
_controllers_there() { [ "$(nvmev_controllers | wc -l)" = "$1" ]; }

# load_nvmev [PARAMETER=VALUE...]: inserts the module, waits for all controllers and a disk, sets the variables above.
load_nvmev() {
	local controllers=1
	if [[ " $*" =~ " controllers="([0-9]+) ]]; then controllers=${BASH_REMATCH[1]}; fi
	insmod "$MODULE" "$@" || fail "insmod nvmev.ko $*: dmesg ends:
$(dmesg | tail -15)"
	wait_until 20 _controllers_there "$controllers" || fail "the driver found not $controllers controllers; dmesg ends:
$(dmesg | tail -15)"
	read -r CTRL < <(nvmev_controllers)
	PCI=$(<"/sys/class/nvme/$CTRL/address")
	CTRL_DEV=/dev/$CTRL
	DISK=${CTRL}n1
	# A namespace that is no disk may have been given the first number, and the disk of several controllers that of any of them.
	if [[ " $*" =~ " "(namespaces|controllers)= ]] && ! wait_until 2 test -e "/dev/$DISK"; then
		wait_until 20 _any_disk || fail "no disk; dmesg ends: $(dmesg | tail -15)"
		DISK=$(_any_disk)
	fi
	DISK_DEV=/dev/$DISK
	wait_dev "$DISK_DEV"
}

# The disk with the lowest number that the controllers have.
_any_disk() {
	local controller disk
	for controller in $(nvmev_controllers); do
		for disk in "/dev/${controller}n"[0-9]; do
			if [ -b "$disk" ]; then
				basename "$disk"
				return
			fi
		done
	done
	return 1
}

# unload_nvmev: removes the module; nothing of it may be left.
unload_nvmev() {
	rmmod nvmev || fail "rmmod failed"
	expect_nothing_left
}

# _left FILE PATTERN: fails when the file has the pattern.
_left() {
	if [[ $(<"$1") == *$2* ]]; then fail "$2 in $1: $(grep "$2" "$1")"; fi
}

# expect_nothing_left: no controller, PCI function, thread, address range or file of the module.
# Starts no program: it runs often.
expect_nothing_left() {
	! _controller_there || fail "controllers are left: $(nvmev_controllers | xargs)"
	local item name
	for item in /sys/bus/pci/devices/*; do
		if [[ ${item##*/} =~ ^[0-9a-f]{5,}: ]]; then fail "PCI function ${item##*/} is left"; fi
	done
	for item in /proc/[0-9]*/comm; do
		# A process may end meanwhile.
		if read -r name 2>/dev/null <"$item" && [[ $name == nvmev* ]]; then fail "a thread is left: $name"; fi
	done
	_left /proc/iomem nvmev
	_left /proc/interrupts NVMEV
	[ ! -e /sys/kernel/debug/nvmev ] || fail "/sys/kernel/debug/nvmev is left"
}

# nvmev_stat NAME: one figure of the device's statistics.
nvmev_stat() {
	awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }' \
		/sys/kernel/debug/nvmev/nvmev0/stats || fail "no statistic '$1'"
}

# vector_of CPU: the vector of the I/O queue that a CPU has for itself. Which, is up to the kernel.
vector_of() {
	awk -v cpu="$1" '/^vector\.[1-9][0-9]*\.cpu / && $2 == cpu { split($1, name, "."); print name[2]; found = 1; exit }
		END { exit !found }' /sys/kernel/debug/nvmev/nvmev0/stats || fail "no vector of CPU $1"
}

# nvmev_set PARAMETER VALUE: changes a parameter of the running device.
nvmev_set() {
	echo "$2" >"/sys/module/nvmev/parameters/$1" || fail "cannot set $1=$2; dmesg ends: $(dmesg | tail -1)"
}

# run_fio NAME [OPTION...]: fio with direct I/O on the disk; the test fails if it does, with what it
# said. Its report is left in /tmp/fio.NAME.
run_fio() {
	local name=$1
	shift
	fio --name="$name" --filename="$DISK_DEV" --direct=1 --ioengine=libaio --group_reporting "$@" \
		>"/tmp/fio.$name" 2>&1 || fail "fio $*:
$(cat "/tmp/fio.$name")"
}

# interrupt_fio PID FILE: ends a fio in the background, whose report is in the file; it had no errors up to now.
interrupt_fio() {
	kill -INT "$1"
	wait "$1" || true
	if ! grep -q 'err= 0' "$2" || grep -qE 'error|verify:' "$2"; then fail "fio: $(cat "$2")"; fi
}

_MARK=
# dmesg_mark: from here on dmesg_clean and dmesg_since look.
dmesg_mark() {
	_MARK="vm: mark $$.$SECONDS.$RANDOM"
	# At level warning, so that it is seen by whoever filters for warnings.
	echo "<4>$_MARK" >/dev/kmsg
}

# dmesg_since [DMESG-OPTION...]: the kernel's messages since the mark.
dmesg_since() {
	dmesg -t "$@" | awk -v mark="$_MARK" 'seen { print } index($0, mark) { seen = 1 }'
}

# nvmev_said: the module's own lines since the mark. The kernel may say something of its own at any moment.
nvmev_said() { dmesg_since | grep -E '^nvmev: ' || true; }

# What every out-of-tree module brings, and what an emulated CPU that runs late makes kernels say.
_NOISE='loading out-of-tree module taints kernel|module verification failed'
_NOISE+='|clocksource: |[Cc]locksource .*unstable|hrtimer: interrupt took|perf: interrupt took too long'
_NOISE+='|TSC found unstable after boot|tsc: Marking TSC unstable'
# The end of 'Restarting tasks ... done.', which is a warning by itself when another message comes in between.
_NOISE+='|^done\.$'
# Said once by the driver of 6.12 at a passthrough command to any drive without SGLs.
_NOISE+='|using unchecked (meta)?data buffer'
# Said once, at a passthrough command, by drivers that do not know the scopes of commands (NVMe 2.0, log 05h).
_NOISE+='|command:[0-9a-f]+ has unusual effects'

# dmesg_clean [REGEX]: fails when the kernel said anything at warning level or worse since the mark
# (at first: since the test began). Lines that match REGEX are expected.
dmesg_clean() {
	local bad
	bad=$(dmesg_since --level=emerg,alert,crit,err,warn | grep -vE "$_NOISE${1:+|$1}" || true)
	[ -z "$bad" ] || fail "the kernel complained:
$bad"
}

# expect_insmod_error ERRNO REGEX [PARAMETER=VALUE...]: insmod fails with the errno (as EINVAL),
# the module says exactly one line, which matches REGEX, and nothing of it is left.
expect_insmod_error() {
	local errno=$1 regex=$2 expected said
	shift 2
	case $errno in # as insmod puts it
	EINVAL) expected='Invalid parameters' ;;
	EBUSY) expected='Device or resource busy' ;;
	ENOMEM) expected='Cannot allocate memory' ;;
	ERANGE) expected='Numerical result out of range' ;;
	ENODEV) expected='No such device' ;;
	ENXIO) expected='No such device or address' ;;
	EEXIST) expected='File exists' ;;
	E2BIG) expected='Argument list too long' ;;
	ENOSPC) expected='No space left on device' ;;
	EOPNOTSUPP) expected='Operation not supported' ;;
	*) fail "expect_insmod_error does not know $errno" ;;
	esac
	dmesg_mark
	if said=$(LC_ALL=C insmod "$MODULE" "$@" 2>&1); then
		rmmod nvmev || true
		fail "insmod $* succeeded; expected $errno"
	fi
	[[ $said == *": $expected" ]] || fail "insmod $*: '$said', expected $errno ($expected)"
	said=$(nvmev_said | grep -vE "$_NOISE" || true)
	if [ -z "$said" ] || [[ $said == *$'\n'* ]]; then
		fail "insmod $*: not one line of the log, but
$(dmesg_since)"
	fi
	expect_match "$said" "$regex" "insmod $*: what the module said"
	[ ! -e /sys/module/nvmev ] || fail "insmod $* failed, and the module is there"
	expect_nothing_left
}

dmesg_mark
