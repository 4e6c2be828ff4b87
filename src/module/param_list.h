/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parameters that describe a device: of the module for the device that it comes with (params.c),
 * files of configfs for others (configfs.c). Most are keys of the core's configuration and read by the
 * core's parser, the one for profiles.
 */
#ifndef NVMEV_PARAM_LIST_H
#define NVMEV_PARAM_LIST_H

#include <linux/types.h>

/* What a parameter stands for. */
enum nvmev_param_kind {
	NVMEV_PARAM_TEXT, /* a key of the core: text */
	NVMEV_PARAM_NUMBER, /* ... a number as it stands in the configuration */
	NVMEV_PARAM_MICRO, /* ... a number of us, ns in the configuration */
	NVMEV_PARAM_MILLI, /* ... a factor, thousandths in the configuration */
	NVMEV_PARAM_EVENT, /* ... something that is to happen; shown as given */
	NVMEV_PARAM_OWN, /* this module's: text that a function of settings.c reads */
};

#define NVMEV_LIVE 0644
#define NVMEV_FIXED 0444

/* clang-format off */
/*
 * X(name, kind, where, permissions, description), in the order in which they are read: what comes later overrides.
 * `where` is for settings.c, permissions are those of the module's parameters.
 */
#define NVMEV_DEVICE_PARAMS(X) \
	X(profile, OWN, NVMEV_READER(profile), NVMEV_FIXED, \
	  "name of an embedded profile, or the path of one of your own; the other parameters override it (none)") \
	X(state_file, OWN, NVMEV_READER(state_file), NVMEV_FIXED, \
	  "path of the file in which the device's state survives; made if it is not there (none)") \
	X(keep_state, OWN, NVMEV_READER(keep_state), NVMEV_FIXED, \
	  "of the reserved memory, what keeps the device's state beside its data: MiB, or with suffix " \
	  "K, M, G, T (none)") \
	X(keys, OWN, NVMEV_READER(keys), NVMEV_LIVE, \
	  "other keys of a profile, such as channels=4,victim=fifo; they override it, too (none)") \
	X(memmap_start, OWN, NVMEV_READER(memmap_start), NVMEV_FIXED, \
	  "start of the memory that memmap= reserved at boot: GiB, or with suffix K, M, G, T (none)") \
	X(memmap_size, OWN, NVMEV_READER(memmap_size), NVMEV_FIXED, \
	  "its size: MiB, or with suffix K, M, G, T (none)") \
	X(cpus, OWN, NVMEV_READER(cpus), NVMEV_FIXED, \
	  "CPUs of the threads, such as 1,3,17-19: the first dispatch, the others complete; " \
	  "one does both (any CPU)") \
	X(medium, OWN, NVMEV_READER(medium), NVMEV_FIXED, \
	  "where data are: reserved (memmap_*), pages (memory when first written), none, " \
	  "or auto: reserved if given, else pages (auto)") \
	X(type, TEXT, NVMEV_CONFIG(type), NVMEV_FIXED, \
	  "device type: nvm, conv, zns, kv or ocssd (nvm)") \
	X(namespaces, TEXT, NVMEV_CONFIG(namespaces), NVMEV_FIXED, \
	  "namespaces with FTLs of their own, such as conv:8G,nvm:1G:lba_size=4096 (one of type)") \
	X(capacity, NUMBER, NVMEV_CONFIG(capacity), NVMEV_FIXED, \
	  "bytes, or with suffix K, M, G, T (the reserved range, else half of the memory)") \
	X(lba_size, NUMBER, NVMEV_CONFIG(lba_size), NVMEV_FIXED, \
	  "bytes of a logical block: 512 or 4096 (512)") \
	X(serial, TEXT, NVMEV_CONFIG(serial), NVMEV_FIXED, \
	  "serial number, up to 20 characters (NVMEV00000000001)") \
	X(model, TEXT, NVMEV_CONFIG(model), NVMEV_FIXED, \
	  "model name, up to 40 characters (NVMeVirt)") \
	X(read_latency, MICRO, NVMEV_CONFIG(read_time), NVMEV_LIVE, \
	  "us: time that an I/O unit takes to read, another unit for read_time (10)") \
	X(write_latency, MICRO, NVMEV_CONFIG(write_time), NVMEV_LIVE, \
	  "us: time that an I/O unit takes to write, another unit for write_time (10)") \
	X(read_delay, NUMBER, NVMEV_CONFIG(read_delay), NVMEV_LIVE, \
	  "ns: fixed time that each read takes besides (0)") \
	X(read_time, NUMBER, NVMEV_CONFIG(read_time), NVMEV_LIVE, \
	  "ns: time that an I/O unit takes to read (10000)") \
	X(read_trailing, NUMBER, NVMEV_CONFIG(read_trailing), NVMEV_LIVE, \
	  "ns: time that a read keeps its I/O units busy after completion (0)") \
	X(write_delay, NUMBER, NVMEV_CONFIG(write_delay), NVMEV_LIVE, \
	  "ns: fixed time that each write takes besides (0)") \
	X(write_time, NUMBER, NVMEV_CONFIG(write_time), NVMEV_LIVE, \
	  "ns: time that an I/O unit takes to write (10000)") \
	X(write_trailing, NUMBER, NVMEV_CONFIG(write_trailing), NVMEV_LIVE, \
	  "ns: time that a write keeps its I/O units busy after completion (0)") \
	X(time_scale, MILLI, NVMEV_CONFIG(time_scale_milli), NVMEV_LIVE, \
	  "factor on all modelled time, such as 1, 20 or 0.5 (1)") \
	X(zone_fault, EVENT, NVMEV_NOWHERE, NVMEV_LIVE, \
	  "ZONE:STATE, what is to become of a zone: read-only, offline, full, ... (none)") \
	X(io_unit_size, NUMBER, NVMEV_CONFIG(io_unit_size), NVMEV_FIXED, \
	  "bytes that an I/O unit serves at once (4096)") \
	X(nr_io_units, NUMBER, NVMEV_CONFIG(nr_io_units), NVMEV_FIXED, \
	  "count: I/O units that work in parallel (8)") \
	X(controllers, NUMBER, NVMEV_CONFIG(controllers), NVMEV_FIXED, \
	  "count: controllers of the NVM subsystem, a PCI function each (1)") \
	X(ana, TEXT, NVMEV_NOWHERE, NVMEV_LIVE, \
	  "ANA states of controllers, such as 1:optimized+2:inaccessible (all are optimized)") \
	X(queues, NUMBER, NVMEV_CONFIG(queues), NVMEV_FIXED, \
	  "count: I/O queue pairs offered (128)") \
	X(queue_entries, NUMBER, NVMEV_CONFIG(queue_entries), NVMEV_FIXED, \
	  "count: entries of the largest queue (1024)") \
	X(mdts, NUMBER, NVMEV_CONFIG(mdts), NVMEV_FIXED, \
	  "power of two: largest transfer, in pages of 4 KiB (7)") \
	X(inflight, NUMBER, NVMEV_CONFIG(inflight), NVMEV_FIXED, \
	  "count: commands that a worker can hold (4096)") \
	X(cmb, NUMBER, NVMEV_CONFIG(cmb_size), NVMEV_FIXED, \
	  "bytes, or with suffix K, M, G: Controller Memory Buffer, BAR 2 (none)") \
	X(pmr, NUMBER, NVMEV_CONFIG(pmr_size), NVMEV_FIXED, \
	  "bytes, or with suffix K, M, G: Persistent Memory Region, BAR 4 (none)") \
	X(dispatchers, NUMBER, NVMEV_CONFIG(dispatchers), NVMEV_FIXED, \
	  "count: threads that fetch commands (1)")
/* clang-format on */

#define NVMEV_PARAM_ENUMERATOR(key, ...) NVMEV_PARAM_##key,
enum nvmev_param_id { NVMEV_DEVICE_PARAMS(NVMEV_PARAM_ENUMERATOR) NVMEV_NR_PARAMS };
#undef NVMEV_PARAM_ENUMERATOR

#endif /* NVMEV_PARAM_LIST_H */
