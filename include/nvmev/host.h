/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The boundary between the device core (C++) and the host that runs it.
 *
 * A host is whatever puts the core into a world: the kernel module, the test host, the simulator.
 * Functions named nvmev_host_*() are what the core asks of its host; every host links its own. All
 * other functions are what the core offers. This is the only header that both sides include; C code
 * never sees C++ and C++ never sees a Linux header.
 *
 * Threads. A device has `dispatchers` dispatcher roles and `workers` worker roles, numbered from 0.
 * A role is run by one thread at a time; one thread may run several roles in turn. Everything else
 * may be called from any thread unless its comment says otherwise.
 *
 * Time is an argument everywhere: nanoseconds of one monotonic clock of the host's choice.
 * Errors are negative errno values (Linux numbers).
 */
#ifndef NVMEV_HOST_H
#define NVMEV_HOST_H

#if defined(__KERNEL__) && !defined(__cplusplus)
#include <linux/types.h>
#include <linux/stddef.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct nvmev_dev;  /* one emulated device; the core's */
struct nvmev_host; /* the host's own object for that device; the core only hands it back */
struct nvmev_function; /* the same for one of its controllers, each of which is a PCI function */

/* ---- Geometry of BAR 0 (16 KiB): fixed, so that the host can lay out its memory ------------- */

#define NVMEV_BAR_REGISTERS 0x0000u /* controller registers, NVMe 2.0 section 3.1.3 */
#define NVMEV_BAR_DOORBELLS 0x1000u /* doorbells, stride 4 bytes (CAP.DSTRD 0) */
#define NVMEV_BAR_MSIX_TABLE 0x2000u /* host's: MSI-X table, a page of its own */
#define NVMEV_BAR_MSIX_PBA 0x3000u /* host's: MSI-X pending bits */
#define NVMEV_BAR_SIZE 0x4000u
#define NVMEV_MAX_VECTORS 256u /* MSI-X vectors that fit the table page */

#define NVMEV_PCI_VENDOR_ID 0x0c51u /* also Identify VID and SSVID */
#define NVMEV_PCI_DEVICE_ID 0x0110u
#define NVMEV_PCI_OC_VENDOR_ID 0x1d1du /* of a device with an open-channel namespace */
#define NVMEV_PCI_OC_DEVICE_ID 0x1f1fu

#define NVMEV_CMB_BAR 2u /* Controller Memory Buffer: all of the BAR */
#define NVMEV_PMR_BAR 4u /* Persistent Memory Region: likewise */

#define NVMEV_PAGE_SIZE 4096u /* memory page of queues, PRPs (CC.MPS 0) and the medium */
#define NVMEV_NEVER UINT64_MAX /* a deadline that does not come */

#ifndef UINT64_MAX
#define UINT64_MAX 0xffffffffffffffffull
#endif

/* ---- Configuration --------------------------------------------------------------------------- */

#define NVMEV_ERROR_LEN 512

/* What was wrong, in one line for people: names the key, its value and what would be right. */
struct nvmev_error {
	char text[NVMEV_ERROR_LEN];
};

enum nvmev_medium {
	NVMEV_MEDIUM_PAGES = 0, /* taken page by page from the host when first written */
	NVMEV_MEDIUM_RESERVED = 1, /* one range that the host maps; contents are kept as found */
	NVMEV_MEDIUM_NONE = 2, /* keeps no data; reads return zeros */
};

/* How consecutive dies of a superblock are numbered. */
enum nvmev_stripe {
	NVMEV_STRIPE_CHANNEL = 0, /* neighbours are on different channels */
	NVMEV_STRIPE_WAY = 1, /* neighbours are on the same channel */
};

#define NVMEV_MAX_DIES 1024u

/* Open-channel SSD, see ftl/ocssd/ and docs/open-channel.md. 0 stands for a value that follows from the others. */
struct nvmev_open_channel {
	uint8_t version; /* 1: LightNVM 1.2, 2: 2.0 */
	uint8_t addressing; /* ltype: 0, by block */
	uint8_t lba_index, lba_formats; /* a sector has 512 << lba_index bytes */
	uint8_t planes; /* 1.2: of a LUN */
	uint8_t memory_type, flash_type; /* 1.2: lmtype, lfmtype */
	uint8_t l2p_mode, l2p_table; /* 1.2: DOM, and whether Get L2P Table is there */
	uint8_t max_sectors; /* 1.2: of a vector command */
	uint8_t capabilities; /* 2.0: MCCAP */
	uint8_t wear_threshold; /* 2.0: WIT */
	uint16_t channels; /* lchannels */
	uint16_t groups, units; /* 2.0: num_grp, num_pu */
	uint16_t channels12, luns12; /* 1.2: lnum_ch, lnum_lun */
	uint16_t page_sectors, block_pages; /* 1.2 */
	uint16_t metadata; /* bytes of a sector */
	uint32_t sector; /* bytes; 0: as lba_index says */
	uint32_t chunks, chunk_sectors; /* 2.0: num_chk, num_sec */
	uint32_t ws_min, ws_opt, mw_cunits; /* 2.0: sectors */
	uint32_t max_open, max_open_unit; /* 2.0: maxoc, maxocpu */
	uint32_t write_errors_after, write_errors; /* 1.2: lb_err_write, ln_err_write */
	uint32_t read_time, read_time_max, program_time, program_time_max, erase_time, erase_time_max; /* ns */
	union { /* as it is at attach */
		char chunk_state[64]; /* 2.0: `group/unit/chunk/state...+...` */
		char block_types[64]; /* 1.2, lbbtable: `channel/LUN/block/plane/type+...` */
	};
	char write_fail[64], reset_fail[64]; /* 2.0: `group/unit/chunk/...+...` */
};

/*
 * Everything that describes one device. Filled by nvmev_config_init(), then by nvmev_config_set()
 * for each `key = value`; the fields that the host fills itself are marked.
 */
struct nvmev_config {
	char type[16]; /* name of the FTL: "nvm" */
	/* Namespaces with FTLs of their own: `type:size[:key=value]...`, comma-separated; empty: one of `type`. */
	char namespaces[384];
	uint32_t medium; /* enum nvmev_medium */
	uint32_t lba_size; /* bytes of a logical block as attached: 512 or 4096 */
	uint64_t capacity; /* bytes; 0: the host must fill it before nvmev_config_check() */

	void *reserved_base; /* host: the mapped range of NVMEV_MEDIUM_RESERVED */
	uint64_t reserved_size; /* host: its bytes */

	/* Controller Memory Buffer and Persistent Memory Region, BARs 2 and 4: src/controller/controller_memory.h */
	uint32_t cmb_size, pmr_size; /* bytes of each controller, powers of two; 0: none */
	/* host: that memory, one controller's behind the other's, page-aligned; requesters see it as BARs */
	void *cmb_base, *pmr_base;

	uint64_t read_delay, read_time, read_trailing; /* ns, see ftl/nvm/ */
	uint64_t write_delay, write_time, write_trailing; /* ns */
	uint32_t io_unit_size; /* bytes */
	uint32_t nr_io_units;

	uint32_t time_scale_milli; /* modelled time is multiplied by this / 1000 */

	uint32_t controllers; /* of the NVM subsystem, numbered from 0 here: 1..NVMEV_MAX_CONTROLLERS */
	uint64_t ana; /* src/controller/ana.h */
	uint32_t ana_group; /* of the region's namespaces, as they come */
	uint32_t dispatchers; /* 1..NVMEV_MAX_DISPATCHERS */
	uint32_t workers; /* host: 1..NVMEV_MAX_WORKERS */
	uint32_t inflight; /* commands that each worker can hold, 64..65536 */

	uint32_t queues; /* I/O queue pairs offered, 1..NVMEV_MAX_VECTORS-1 */
	uint32_t queue_entries; /* largest queue, 2..65536 (CAP.MQES + 1) */
	uint32_t mdts; /* largest transfer: 2^mdts pages of 4 KiB, 1..9 */
	uint32_t apst; /* boolean: offers autonomous power state transitions */
	uint32_t shadow_doorbells; /* boolean: Doorbell Buffer Config is there */
	uint32_t ocp; /* boolean: log page C0h and the UUID List */
	uint32_t sanitize_fail; /* boolean: Sanitize operations that are started now fail */

	char serial[21]; /* Identify SN, at most 20 characters */
	char model[41]; /* Identify MN, at most 40 characters */

	/* Virtualization Enhancements, see src/controller/virtualization.h */
	uint8_t virtualization; /* boolean: controllers beyond the first are secondary controllers of it */
	uint8_t vq_flexible, vi_flexible; /* flexible resources: queue pairs, interrupt vectors; 0: half of queues + 1 */

	/* Flash, see ftl/flash/ and docs/parameters.md; ns, bytes, MB/s (10^6 bytes a second). */
	uint32_t channels, dies_per_channel, planes; /* planes: of a die */
	uint32_t page_size; /* bytes of one plane's page */
	uint32_t program_pages; /* pages of a plane that one operation programs */
	uint32_t pages_per_block;
	uint32_t blocks_per_plane; /* at least; a device too small for them gets shorter blocks */
	uint32_t cell; /* bits: 1..4 */
	uint32_t stripe; /* enum nvmev_stripe */
	uint32_t nand_multiplane, nand_plane_reads, nand_copyback, nand_cache; /* booleans */
	uint64_t nand_read_lsb, nand_read_csb, nand_read_msb, nand_read_tsb;
	uint64_t nand_read_saving; /* a read of at most 4 KiB takes so much less */
	uint64_t nand_program, nand_erase, nand_command;
	uint64_t nand_suspend; /* to suspend, and again to resume; 0: no suspension */
	uint32_t channel_bandwidth, pcie_bandwidth;
	uint32_t channel_transfer; /* bytes that go over a channel without letting others in between */
	uint32_t spare_blocks; /* per cent / 1000, of each die */
	uint32_t bad_blocks; /* per cent / 1000, at birth */
	uint32_t pe_cycles; /* rated program/erase cycles; 0: what is usual for the type */
	uint32_t ecc_correctable; /* bits in a codeword; 0: no model of errors */
	uint32_t ecc_errors_fresh, ecc_errors_worn, ecc_errors_day; /* bits in a codeword / 1000 */
	uint32_t read_retries, retention_speedup;

	/* Firmware: latency of a command, and what each 4 KiB adds; ns. */
	uint64_t fw_read_4k, fw_read, fw_write, fw_write_4k;
	uint64_t fw_transfer_4k; /* handling of each 4 KiB read */
	uint64_t fw_interval; /* the controller takes a command no more often */

	/* Page-mapped FTL, see ftl/conv/. Policies by name. */
	uint32_t mapping_unit; /* bytes */
	uint32_t over_provisioning; /* per cent / 1000, of the capacity */
	uint32_t superblock_dies; /* 0: all */
	uint64_t write_buffer_size;
	uint32_t early_completion, power_loss_protection; /* booleans */
	uint32_t atomic_write_unit; /* bytes; 0: a logical block */
	uint32_t atomic_write_unit_power_fail; /* bytes; of that at most */
	uint32_t atomic_boundary, atomic_boundary_offset; /* bytes; 0: none */
	uint32_t power_cuts; /* boolean: nvmev_dev_power_cut() works */
	char write_buffer[16], allocation[16], separation[16], victim[16], mapping_cache[16];
	uint32_t victim_choices; /* of d-choices and windowed */
	uint32_t gc_free_blocks; /* superblocks of a group; 0: as few as possible */
	uint32_t background_gc; /* per cent of the over-provisioned area to keep free in idle time */
	uint64_t gc_idle_delay; /* ns */
	uint32_t wear_leveling; /* erase counts may differ by so much; 0: no static wear levelling */
	uint64_t mapping_cache_size; /* bytes; 0: all of the map is in the controller's memory */
	uint64_t host_memory_buffer; /* bytes of the host's memory that the mapping cache can use as well; 0: none */
	uint32_t placement_handles; /* Flexible Data Placement; 0: none */
	uint32_t streams; /* Streams directive: streams that are kept apart; 0: none */
	uint32_t gc_isolation; /* boolean: collected data stay apart by placement handle */

	/* Zoned namespaces, see ftl/zns/; bytes, ns. */
	uint64_t zone_size, zone_capacity; /* capacity 0: as the size */
	uint64_t zone_write_buffer; /* of each active zone; 0: all share write_buffer_size */
	uint64_t finish_recommended, reset_recommended, zone_active_limit; /* ns since a zone is active, or full; 0: never */
	uint64_t zone_fault; /* include/nvmev/zones.h; 0: none */
	uint32_t max_active_zones, max_open_zones; /* 0: no limit */
	uint32_t zone_append_limit; /* bytes; 0: as mdts */
	uint32_t zone_dies; /* 0: all */
	uint32_t zone_descriptor_extension; /* bytes */
	uint32_t zrwa_size, zrwa_flush_granularity; /* bytes; 0: no random write areas */
	uint32_t zrwa_zones; /* 0: as active zones */
	uint32_t zone_read_across; /* boolean */
	uint64_t seed;

	/* Key-value store, see ftl/kv/. */
	uint32_t kv_timing; /* type whose timing values have: 0 "conv", 1 "nvm" */
	uint32_t value_unit; /* bytes: room for values is given out in these */
	uint64_t index_time; /* ns: to find a key */
	uint64_t index_cache_size; /* bytes; 0: all of the index is in the controller's memory */
	struct nvmev_open_channel oc;

	uint64_t keys_set[4]; /* which keys were given; bookkeeping of nvmev_config_set() */
};

#define NVMEV_MAX_DISPATCHERS 8u
#define NVMEV_MAX_CONTROLLERS 4u
#define NVMEV_MAX_WORKERS 64u

/* Fills in the defaults. Never fails. */
void nvmev_config_init(struct nvmev_config *config);

/*
 * Sets one key. Keys and values are those of the profile files (docs/parameters.md).
 * 0; -EINVAL for an unknown key, a malformed value or one that contradicts an earlier key; -ERANGE for a
 * value out of range. On error *config is unchanged and *error says why.
 */
int nvmev_config_set(struct nvmev_config *config, const char *key, const char *value,
		     struct nvmev_error *error);

/*
 * Reads a profile: lines `key = value`, `#` starts a comment. `name` is for messages only
 * ("name:line: ..."). Same errors as nvmev_config_set(); *config is unchanged on error.
 */
int nvmev_config_load(struct nvmev_config *config, const char *name, const char *text, size_t length,
		      struct nvmev_error *error);

/* Text of the embedded profile `name`, NULL if there is none; its length in *length. */
const char *nvmev_profile_text(const char *name, size_t *length);

/* Names of all embedded profiles, comma-separated: for messages. */
const char *nvmev_profile_names(void);

/* Names of the device types in this build, comma-separated: for messages. */
const char *nvmev_type_names(void);

/* Bytes that the keys ask for: `capacity`, or what `namespaces` add up to. 0 if that is left to the host. */
uint64_t nvmev_config_capacity(const struct nvmev_config *config);

/*
 * The PCI ids that a device of this configuration has: vendor in bits 15:0, device in bits 31:16. Hosts know
 * open-channel SSDs by theirs.
 */
uint32_t nvmev_config_pci_id(const struct nvmev_config *config);

/* Checks fields against each other, once everything is set. 0 or -EINVAL/-ERANGE with *error. */
int nvmev_config_check(const struct nvmev_config *config, struct nvmev_error *error);

/*
 * Parses a size: a decimal or 0x number with optional suffix K M G T (powers of 1024); a bare number
 * counts `unit` bytes. 0, -EINVAL (malformed), -ERANGE (over 64 bits).
 */
int nvmev_parse_size(const char *text, uint64_t unit, uint64_t *bytes);

/* ---- Life of a device ------------------------------------------------------------------------ */

/*
 * Makes a device. `bar` is NVMEV_BAR_SIZE bytes of zeroed memory for each controller, one behind the other, which
 * the requester sees as its BAR 0; the core uses the first two pages of each. The host keeps it until
 * nvmev_dev_destroy().
 * All memory that the I/O path will need is allocated here. May sleep.
 * 0 with *dev set; -ENOMEM, -EINVAL with *error.
 */
int nvmev_dev_create(const struct nvmev_config *config, struct nvmev_host *host, void *bar,
		     struct nvmev_dev **dev, struct nvmev_error *error);

/* Frees it. No thread may be in any other function of this device. Never fails. May sleep. */
void nvmev_dev_destroy(struct nvmev_dev *dev);

/*
 * State that survives: what the host's state file holds (nvmev_host_file_*()). nvmev_dev_load() reads it into a device
 * that has just been made; a file of 0 bytes leaves the device as it is. nvmev_dev_save() replaces what the file holds,
 * or leaves it: while no thread works for the device, or while it is held. `now` as for the threads. Both may sleep.
 * 0 or a negative errno with *error; a device that failed to load must be destroyed. nvmev_dev_save() returns 1 when
 * no command came since the last save, and writes nothing.
 */
int nvmev_dev_load(struct nvmev_dev *dev, struct nvmev_error *error);
int nvmev_dev_save(struct nvmev_dev *dev, uint64_t now, struct nvmev_error *error);

/*
 * Between nvmev_dev_hold() and nvmev_dev_release() the device takes no commands; what it has taken goes on. It is held once
 * nvmev_dev_held(): then no command changes anything. The threads go on calling nvmev_dispatch() and nvmev_work(). Of one
 * thread at a time.
 */
void nvmev_dev_hold(struct nvmev_dev *dev);
bool nvmev_dev_held(const struct nvmev_dev *dev);
void nvmev_dev_release(struct nvmev_dev *dev);

/*
 * Changes a key of a running device, as nvmev_config_set(). -EBUSY for keys that are fixed at attach. Takes
 * effect for commands fetched after the call.
 */
int nvmev_dev_set(struct nvmev_dev *dev, const char *key, const char *value,
		  struct nvmev_error *error);

/*
 * Asks for a Controller Level Reset of one controller from outside the register file (Function Level Reset, power
 * state change). Dispatcher 0 carries it out: call nvmev_host_wake()'s equivalent for it. Any context,
 * hard interrupt included.
 */
void nvmev_dev_request_reset(struct nvmev_dev *dev, unsigned int controller);

/*
 * Cuts the device off from power for a moment. It is over when nvmev_dev_reset_done() of all controllers: commands under way have gone without a
 * completion, registers are as after power-on, and of what was acknowledged and neither flushed nor forced to the medium
 * (FUA) some is lost, as `seed` chooses. -EINVAL with *error unless the device was made with power_cuts=1.
 */
int nvmev_dev_power_cut(struct nvmev_dev *dev, uint64_t seed, struct nvmev_error *error);

/* Bytes that the last power cut took. */
uint64_t nvmev_dev_power_cut_lost(const struct nvmev_dev *dev);

/* True once a requested reset was carried out: nothing of the requester's memory is touched any more. */
bool nvmev_dev_reset_done(const struct nvmev_dev *dev, unsigned int controller);

/* ---- Work of the threads --------------------------------------------------------------------- */

/*
 * One pass of dispatcher `d`: looks at registers (d = 0 only) and at doorbells, fetches, checks and plans
 * commands, hands them to workers. Bounded work. Returns how many things were done; 0: nothing to do.
 */
unsigned int nvmev_dispatch(struct nvmev_dev *dev, unsigned int d, uint64_t now);

/*
 * Whether nvmev_dispatch() would find something to do: a few loads, no store; any context, hard
 * interrupt included, concurrently with everything but nvmev_dev_destroy().
 */
bool nvmev_dispatch_pending(const struct nvmev_dev *dev, unsigned int d);

/*
 * One pass of worker `w`: moves data of newly arrived commands, posts the completions that are due at `now`,
 * raises interrupts. Bounded work. Returns how many things were done. *next is when the worker has something
 * to do if nothing new arrives (NVMEV_NEVER: nothing; <= now: call again at once).
 */
unsigned int nvmev_work(struct nvmev_dev *dev, unsigned int w, uint64_t now, uint64_t *next);

/* Whether something new has arrived for worker `w`. Same context rules as nvmev_dispatch_pending(). */
bool nvmev_work_pending(const struct nvmev_dev *dev, unsigned int w);

/* ---- What it tells ---------------------------------------------------------------------------- */

/* The interrupt vectors that each controller can raise: 0 .. result-1. */
unsigned int nvmev_dev_vectors(const struct nvmev_dev *dev);

/*
 * Statistics as text, one `name value` a line, written to buf (NUL-terminated, cut at size). Returns the length
 * that the whole text has, as snprintf() does.
 */
size_t nvmev_dev_report(const struct nvmev_dev *dev, char *buf, size_t size);

/*
 * A hash over the decisions that the device type has taken: the same commands at the same times give the same
 * hash on every host. Exact only while no command is in flight. May take long.
 */
uint64_t nvmev_dev_state_hash(const struct nvmev_dev *dev);

/* ---- What the core asks of its host ----------------------------------------------------------- */

/* Memory at attach: zeroed, aligned to a cache line, any size. May sleep. NULL when there is none. */
void *nvmev_host_alloc(struct nvmev_host *host, size_t size);
void nvmev_host_free(struct nvmev_host *host, void *memory, size_t size);

/*
 * A zeroed page of NVMEV_PAGE_SIZE for the medium, while running. Must not do I/O, must not wait for memory,
 * must leave the system enough to live on: NULL then, and the command ends in a Write Fault.
 */
void *nvmev_host_page_alloc(struct nvmev_host *host);
void nvmev_host_page_free(struct nvmev_host *host, void *page);

/* The host's object for a controller of the device, valid as long as the device. In nvmev_dev_create(). */
struct nvmev_function *nvmev_host_function(struct nvmev_host *host, unsigned int controller);

/*
 * Pointer to requester memory at bus address `bus`, valid for `length` bytes, which never cross a page of
 * NVMEV_PAGE_SIZE. NULL if that is not memory that the function may reach. Valid until the controller is disabled.
 */
void *nvmev_host_map(struct nvmev_function *function, uint64_t bus, uint32_t length);

/*
 * The requester has shut the device down (CC.SHN). True: the host will save its state, holding the device meanwhile; the
 * shutdown is complete when it releases it. Where nvmev_host_medium_stays(), only for the last controller that runs. From
 * dispatcher 0; must not wait.
 */
bool nvmev_host_save(struct nvmev_host *host);

/*
 * A controller is about to be ready: from now on commands change what the medium holds, so that a state beside it, where
 * nvmev_host_medium_stays(), does not count any more. From dispatcher 0; must not wait.
 */
void nvmev_host_enabled(struct nvmev_host *host);

/*
 * A state file begins with two blocks of this size; each of them counts only with these 8 bytes at its beginning. Where a host
 * keeps its file in memory, it says that the file has 0 bytes when neither has them.
 */
#define NVMEV_STATE_BLOCK 4096
#define NVMEV_STATE_MAGIC "NVMEVSTA"

/*
 * The state file. 0 or a negative errno; reads and writes are whole. They may sleep. Only in nvmev_dev_load() and
 * nvmev_dev_save(). keep says that besides the first two blocks only bytes [begin, end) matter from now on: the host gives the
 * room of all others back once nvmev_dev_save() has returned, for that can take longer than the save. Where that does not work
 * only room is lost.
 */
uint64_t nvmev_host_file_size(struct nvmev_host *host);
int nvmev_host_file_read(struct nvmev_host *host, uint64_t offset, void *data, size_t length);
int nvmev_host_file_write(struct nvmev_host *host, uint64_t offset, const void *data, size_t length);
int nvmev_host_file_sync(struct nvmev_host *host);
void nvmev_host_file_keep(struct nvmev_host *host, uint64_t begin, uint64_t end);

/*
 * Whether the medium keeps its data beside the state file: a state is without them then. Only with NVMEV_MEDIUM_RESERVED, the
 * same as when the state was saved.
 */
bool nvmev_host_medium_stays(struct nvmev_host *host);

/* Raises MSI-X vector `vector` of the function. From worker and dispatcher threads. */
void nvmev_host_interrupt(struct nvmev_function *function, unsigned int vector);

/* Worker `w` has something to do: wake it if it sleeps. Must be cheap when it does not. */
void nvmev_host_wake(struct nvmev_host *host, unsigned int w);

/* Between the two the calling thread is not preempted (it holds a spinlock for at most a page's copy). */
void nvmev_host_critical_begin(struct nvmev_host *host);
void nvmev_host_critical_end(struct nvmev_host *host);

enum nvmev_log_level { NVMEV_LOG_ERROR, NVMEV_LOG_WARNING, NVMEV_LOG_NOTICE, NVMEV_LOG_INFO, NVMEV_LOG_DEBUG };

/* One line, without newline or device name: the host adds both. Only conversions known to kernel and libc. */
void nvmev_host_log(struct nvmev_host *host, enum nvmev_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif

#endif /* NVMEV_HOST_H */
