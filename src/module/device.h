/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One emulated device as the kernel host sees it, and the functions of the files in this folder.
 *
 * Functions named nvmev_X_start() and nvmev_X_stop() are called once each by device.c, in the order
 * in which they stand here and the reverse. A start that fails has left nothing behind.
 */
#ifndef NVMEV_DEVICE_H
#define NVMEV_DEVICE_H

#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/irqdomain.h>
#include <linux/list.h>
#include <linux/msi.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <nvmev/host.h>

#include "settings.h"

/* What can be tuned while devices run; the same for all of them. Written by params.c only. */
struct nvmev_tunables {
	unsigned int idle_spin; /* us */
	unsigned int idle_poll; /* us */
	unsigned int wake_early; /* us */
	unsigned int min_free; /* MiB; 0: a sixteenth of the memory */
	unsigned int nr_devices; /* made of the module's parameters; fixed */
};

extern struct nvmev_tunables nvmev_tunables;

/* A kthread and the roles that it runs. */
struct nvmev_thread {
	struct nvmev_host *host;
	struct task_struct *task;
	struct hrtimer timer;
	int dispatcher; /* role, or -1 */
	int worker; /* role, or -1 */
	int cpu; /* where it is pinned, or -1 */
	u64 deadline; /* ns: when the timer wakes the thread in any case */

	bool asleep
		____cacheline_aligned_in_smp; /* others may clear it, and then must wake the task */

	u64 passes ____cacheline_aligned_in_smp;
	u64 sleeps;
	u64 wakes; /* by others, the timer's for new work included */
	u64 work; /* things done */
};

/* What delivers one MSI-X vector. */
struct nvmev_vector {
	unsigned long state; /* bits below */
	atomic_t running; /* deliveries in progress */
	unsigned int virq; /* 0: nobody has asked for it */
	unsigned int cpu; /* where it is to be delivered */
	bool masked; /* by the interrupt core */
	struct nvmev_function *function;
	call_single_data_t csd; /* to another CPU */
	struct irq_work work; /* to this CPU */
	atomic64_t raised;
	atomic64_t delivered;
} ____cacheline_aligned_in_smp;

#define NVMEV_VECTOR_PENDING 0 /* raised, not delivered */
#define NVMEV_VECTOR_QUEUED 1 /* csd is on its way */

struct nvmev_irq {
	struct irq_domain *domain;
	struct fwnode_handle *fwnode;
	struct msi_domain_info info;
	struct nvmev_vector *vectors;
	unsigned int nr_vectors;
	bool open; /* MSI-X is enabled and the function not masked */
};

/* Configuration space of a function: what lies beyond reads as zeros. */
#define NVMEV_CONFIG_SIZE 256

/* Memory that a controller shows as a BAR of its own: see NVMEV_CMB_BAR and NVMEV_PMR_BAR. */
struct nvmev_memory_bar {
	const char *key; /* of the configuration */
	unsigned int number; /* of the BAR */
	u64 size; /* bytes of one controller's, a power of two; 0: there is none */
	u64 total; /* bytes of all, one behind the other, in the order of the controllers */
	void *memory;
	phys_addr_t phys; /* aligned to the size */
	bool is_ram; /* pages of the kernel's, or else a part of the reserved range */
};

enum { NVMEV_CMB, NVMEV_PMR, NVMEV_MEMORY_BARS };

/* A controller of the device: function 0 of the PCI device with its number. */
struct nvmev_function {
	struct nvmev_host *host;
	unsigned int index; /* of the controller, from 0 */

	void *bar; /* NVMEV_BAR_SIZE bytes */
	phys_addr_t bar_phys;
	struct nvmev_irq irq;
	struct pci_dev __rcu *pdev; /* while the PCI core knows it */

	/* Configuration space */
	raw_spinlock_t lock;
	u8 value[NVMEV_CONFIG_SIZE];
	u8 writable[NVMEV_CONFIG_SIZE]; /* bits that take what is written */
	u8 clearable[NVMEV_CONFIG_SIZE]; /* bits that are cleared by writing 1 */
	bool resetting; /* until the core has carried out a Function Level Reset */
	bool absent; /* answers nothing: power is gone */
	bool may_access_memory; /* bus master, and in D0 */
};

/* Where a function's part of the memory is. */
static inline phys_addr_t nvmev_memory_bar_phys(const struct nvmev_memory_bar *bar,
						const struct nvmev_function *function)
{
	return bar->phys + function->index * bar->size;
}

struct nvmev_host {
	struct list_head node; /* of the list in device.c */
	unsigned int id;
	char name[NVMEV_NAME_MAX + 1];
	int numa_node; /* of the CPUs given, or NUMA_NO_NODE */

	struct nvmev_config config; /* kept up to date by param_set.c */
	struct nvmev_dev *dev;

	struct resource *range; /* of the reserved medium: behind the memory BARs */

	struct nvmev_function functions[NVMEV_MAX_CONTROLLERS];
	unsigned int nr_functions;
	void *bars; /* NVMEV_BAR_SIZE bytes for each of them */
	struct nvmev_memory_bar memory_bars[NVMEV_MEMORY_BARS];

	struct nvmev_thread *threads;
	unsigned int nr_threads;
	struct hlist_node hotplug_node; /* for threads.c */
	struct nvmev_thread *dispatcher_thread[NVMEV_MAX_DISPATCHERS];
	struct nvmev_thread *worker_thread[NVMEV_MAX_WORKERS];

	struct pci_host_bridge *bridge;
	struct pci_bus *bus;

	struct {
		struct file *file; /* or NULL: see area */
		struct list_head node; /* of devices with a file */
		void *area; /* of the reserved range, or NULL: without a file, the device keeps no state */
		u64 area_size; /* bytes */
		u64 magics[2]; /* of the area, while what is there counts for nothing */
		bool running; /* a controller was enabled since its state was asked for last */
		char label[NVMEV_PATH_LEN + 16]; /* the parameter as given, for messages */
		const char *place; /* the same */
		struct mutex lock; /* one save at a time */
		u64 keep_begin, keep_end; /* all that matters of the file when a save is over; end 0: nothing new */
		struct work_struct work; /* a save that the core asked for */
	} state;

	struct dentry *debugfs;
	bool dying; /* nothing but nvmev_dev_destroy() runs */

	atomic_long_t pages; /* held by the medium */
	atomic64_t pages_refused;
	atomic64_t map_refused;
};

/* ---- params.c: module parameters ------------------------------------------------------------- */

/* Reads them, and makes the device that they describe. 0 or a negative errno, told in the log. May sleep. */
int nvmev_params_start(void); /* once a module */
void nvmev_params_stop(void);

/* ---- configfs.c: more devices ---------------------------------------------------------------- */

int nvmev_configfs_init(void); /* once a module */
void nvmev_configfs_exit(void);

/* ---- cpus.c ---------------------------------------------------------------------------------- */

/*
 * Parses a list such as 1,3,17-19 into settings->cpus, in the order given. 0, -EINVAL or -ENODEV
 * with *error.
 */
int nvmev_cpus_parse(const char *text, struct nvmev_settings *settings, struct nvmev_error *error);

/* ---- device.c: life of a device -------------------------------------------------------------- */

/*
 * Makes a device and shows it to the PCI core. On failure *error says why in one line, and nothing
 * is left. May sleep.
 */
struct nvmev_host *nvmev_host_create(const struct nvmev_settings *settings,
				     struct nvmev_error *error);

/* The device vanishes, as by surprise removal for whoever uses it. May sleep. */
void nvmev_host_destroy(struct nvmev_host *host);

/* ---- medium.c: reserved memory --------------------------------------------------------------- */

/*
 * Checks and maps the range of NVMEV_MEDIUM_RESERVED into host->config; fills in the default
 * capacity. The memory BARs are the first thing in the range.
 */
int nvmev_medium_start(struct nvmev_host *host, const struct nvmev_settings *settings,
		       struct nvmev_error *error);
void nvmev_medium_stop(struct nvmev_host *host);

/* ---- memory_bar.c: the memory behind the other BARs ------------------------------------------ */

/* What the configuration asks for; nothing is taken. */
void nvmev_memory_bars_init(struct nvmev_host *host);

/*
 * Takes memory for those that the reserved range has not given any, and puts all into host->config.
 * 0 or a negative errno with *error.
 */
int nvmev_memory_bars_start(struct nvmev_host *host, struct nvmev_error *error);
void nvmev_memory_bars_stop(struct nvmev_host *host);

/* ---- bar.c: the memory behind the BARs 0 ----------------------------------------------------- */

int nvmev_bar_start(struct nvmev_host *host);
void nvmev_bar_stop(struct nvmev_host *host);

/* As long as no driver maps it: whether our mapping is as those that sysfs makes. May sleep. */
void nvmev_bar_set_uncached(struct nvmev_function *function, bool uncached);

/* ---- state.c: the state file ----------------------------------------------------------------- */

/*
 * Opens the file that the settings name, or uses the end of the reserved range, if they say so. After
 * nvmev_medium_start(). 0 or a negative errno with *error.
 */
int nvmev_state_open(struct nvmev_host *host, const struct nvmev_settings *settings,
		     struct nvmev_error *error);

/* Reads it into the device, before any thread runs. 0 or a negative errno with *error. */
int nvmev_state_load(struct nvmev_host *host, struct nvmev_error *error);

/* The device begins to run: what is in the reserved range is its state no more. */
void nvmev_state_begin(struct nvmev_host *host);

/* Saves a running device. -ENOENT without a state file. May sleep long. */
int nvmev_state_save(struct nvmev_host *host);

/* Waits for a save that the core asked for. Threads run. */
void nvmev_state_finish(struct nvmev_host *host);

/*
 * Saves and closes, when no thread runs any more; or only closes, as if the device had never begun to
 * run.
 */
void nvmev_state_close(struct nvmev_host *host);
void nvmev_state_drop(struct nvmev_host *host);

/* ---- irq.c: MSI-X ---------------------------------------------------------------------------- */

int nvmev_irq_start(struct nvmev_function *function);
void nvmev_irq_stop(struct nvmev_function *function);

/*
 * What the MSI-X capability says changed: vectors pending are delivered when `open`. Any context.
 */
void nvmev_irq_set_open(struct nvmev_function *function, bool open);

/* ---- threads.c ------------------------------------------------------------------------------- */

int nvmev_threads_init(void); /* once a module */
void nvmev_threads_exit(void);

/*
 * How many worker roles the settings give: what goes into config.workers. 0 or -EINVAL with *error.
 */
int nvmev_threads_count(const struct nvmev_settings *settings, unsigned int *workers,
			struct nvmev_error *error);

int nvmev_threads_start(struct nvmev_host *host, const struct nvmev_settings *settings);
void nvmev_threads_stop(struct nvmev_host *host);

/* Dispatcher `d` has something to do. Any context. */
void nvmev_threads_wake_dispatcher(struct nvmev_host *host, unsigned int d);

/* ---- config_space.c -------------------------------------------------------------------------- */

/* Puts configuration space into the state after power-on. */
void nvmev_config_space_init(struct nvmev_function *function);

/* Accesses of `size` 1, 2 or 4 bytes, aligned to it, at `where` below 4096. Any context. */
u32 nvmev_config_space_read(struct nvmev_function *function, int where, int size);
void nvmev_config_space_write(struct nvmev_function *function, int where, int size, u32 value);

/* Whether accesses find nothing there, as with a function that was pulled out. Any context. */
void nvmev_config_space_set_absent(struct nvmev_function *function, bool absent);

/* ---- power.c --------------------------------------------------------------------------------- */

/*
 * Cuts the running device off from power: `seed` chooses what is lost. Its driver loses it, and finds it
 * again when it returns, at least `away_ms` milliseconds later. 0 or a negative errno, with a line in the
 * log. Sleeps until then.
 */
int nvmev_power_cut(struct nvmev_host *host, u64 seed, unsigned int away_ms);

/* ---- pci.c: host bridge and bus -------------------------------------------------------------- */

int nvmev_pci_init(void); /* once a module */
void nvmev_pci_exit(void);

/* Shows the functions to the PCI core; drivers bind, so everything else must run. */
int nvmev_pci_start(struct nvmev_host *host);

/* Takes them away; returns when no driver uses any of them any more. */
void nvmev_pci_stop(struct nvmev_host *host);

/* The functions leave the bus, and come back as after power-on. May sleep. */
void nvmev_pci_remove_functions(struct nvmev_host *host);
void nvmev_pci_add_functions(struct nvmev_host *host);

/* ---- debugfs.c ------------------------------------------------------------------------------- */

void nvmev_debugfs_init(void); /* once a module */
void nvmev_debugfs_exit(void);
void nvmev_debugfs_start(struct nvmev_host *host);
void nvmev_debugfs_stop(struct nvmev_host *host);

/* ---- messages -------------------------------------------------------------------------------- */

/* Writes *error for people. Returns `result`. */
__printf(3, 4) int nvmev_fail(struct nvmev_error *error, int result, const char *format, ...);

#define nvmev_info(host, format, ...) \
	pr_info("nvmev: %s: " format "\n", (host)->name, ##__VA_ARGS__)
#define nvmev_warn(host, format, ...) \
	pr_warn("nvmev: %s: " format "\n", (host)->name, ##__VA_ARGS__)
#define nvmev_err(host, format, ...) pr_err("nvmev: %s: " format "\n", (host)->name, ##__VA_ARGS__)

#endif /* NVMEV_DEVICE_H */
