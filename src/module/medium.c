// SPDX-License-Identifier: GPL-2.0-only
/*
 * The range of physical memory that the user reserved at boot with memmap=, for a medium that keeps
 * its data.
 */
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/sizes.h>

#include <asm/cacheflush.h>
#include <asm/processor.h>

#include "device.h"

#define NVMEV_RANGE_MIN SZ_1M

/* What the kernel gives descriptors of pages to at once, as it does for memory that drivers share. */
#define NVMEV_RANGE_BAR_MIN SZ_2M

/* Below, firmware reports no holes in memory. */
#define NVMEV_PROBE_STEP SZ_64M

struct nvmev_range {
	u64 start, size;
	const char *text; /* as given, for messages */
};

/* ---- Is the range ours to take? -------------------------------------------------------------- */

static int nvmev_range_check_numbers(const struct nvmev_range *range, struct nvmev_error *error)
{
	u64 last = range->start + range->size - 1;

	if (!PAGE_ALIGNED(range->start) || !PAGE_ALIGNED(range->size))
		return nvmev_fail(error, -EINVAL,
				  "%s: start and size in multiples of %lu bytes are right",
				  range->text, PAGE_SIZE);
	if (range->size < NVMEV_RANGE_MIN)
		return nvmev_fail(error, -EINVAL,
				  "%s: too small, memmap_size of 1M or more is right", range->text);
	if (last < range->start || last > (1ull << boot_cpu_data.x86_phys_bits) - 1)
		return nvmev_fail(error, -ERANGE,
				  "%s: ends beyond the %u address bits of this machine",
				  range->text, boot_cpu_data.x86_phys_bits);
	return 0;
}

static int nvmev_range_check_not_ram_in_use(const struct nvmev_range *range,
					    struct nvmev_error *error)
{
	if (region_intersects(range->start, range->size, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) ==
	    REGION_DISJOINT)
		return 0;
	return nvmev_fail(
		error, -EBUSY,
		"%s: the kernel uses memory in this range, booting with memmap=%lluK$%lluK would reserve it",
		range->text, range->size >> 10, range->start >> 10);
}

static int nvmev_range_check_no_device(const struct nvmev_range *range, struct nvmev_error *error)
{
	struct pci_dev *pdev = NULL;
	u64 last = range->start + range->size - 1;
	int i;

	for_each_pci_dev(pdev) {
		for (i = 0; i < PCI_NUM_RESOURCES; i++) {
			const struct resource *r = &pdev->resource[i];

			if (!(r->flags & IORESOURCE_MEM) || !resource_size(r) || r->start > last ||
			    r->end < range->start)
				continue;
			nvmev_fail(error, -EBUSY,
				   "%s: PCI device %s is there, a range of memory is right",
				   range->text, pci_name(pdev));
			pci_dev_put(pdev);
			return -EBUSY;
		}
	}
	return 0;
}

/*
 * What is no memory forgets what is written to it, once the cache does. The word gets back what it
 * had. Reading alone would not tell: where nothing answers, some machines read all ones, others
 * zeros.
 */
static bool nvmev_is_backed(u64 *word)
{
	u64 before = READ_ONCE(*word);
	bool backed;

	WRITE_ONCE(*word, ~before);
	clflush_cache_range(word, sizeof(*word));
	backed = READ_ONCE(*word) == ~before;
	WRITE_ONCE(*word, before);
	clflush_cache_range(word, sizeof(*word));
	return backed && READ_ONCE(*word) == before;
}

static int nvmev_range_check_backed(const struct nvmev_range *range, void *base,
				    struct nvmev_error *error)
{
	u64 offset = 0;

	for (;;) {
		if (!nvmev_is_backed(base + offset))
			return nvmev_fail(
				error, -ENXIO,
				"%s: no memory at 0x%llx, a range that memmap= reserved is right",
				range->text, range->start + offset);
		if (offset == range->size - sizeof(u64))
			return 0;
		offset = min(offset + NVMEV_PROBE_STEP, range->size - sizeof(u64));
		cond_resched();
	}
}

/* ---- Taking it ------------------------------------------------------------------------------- */

/*
 * Drivers map BARs as what may not be cached, and are refused a mapping that differs from ours, unless ours
 * writes through: then they get the same. But not of the buffer, for which nvme makes pages: the kernel
 * cannot map those with large pages like that (prot_sethuge() warns).
 */
static int nvmev_bar_map(struct nvmev_memory_bar *bar, struct nvmev_error *error)
{
	const struct nvmev_range range = { bar->phys, bar->total, bar->key };
	int result;

	if (bar->number == NVMEV_CMB_BAR)
		bar->memory = (__force void *)ioremap(bar->phys, bar->total);
	else
		bar->memory = memremap(bar->phys, bar->total, MEMREMAP_WT);
	if (!bar->memory)
		return nvmev_fail(error, -ENOMEM, "%s: cannot be mapped", bar->key);
	result = nvmev_range_check_backed(&range, bar->memory, error);
	if (result) {
		memunmap(bar->memory);
		bar->memory = NULL;
	}
	return result;
}

static void nvmev_bars_unmap(struct nvmev_host *host)
{
	unsigned int i;

	for (i = 0; i < NVMEV_MEMORY_BARS; i++) {
		struct nvmev_memory_bar *bar = &host->memory_bars[i];

		if (bar->memory && !bar->is_ram) {
			memunmap(bar->memory);
			bar->memory = NULL;
		}
	}
}

/* Takes the memory BARs off the front of the range. They are not requested: that is for their driver. */
static int nvmev_range_take_bars(struct nvmev_host *host, struct nvmev_range *range, u64 keep_state,
				 struct nvmev_error *error)
{
	u64 end = range->start + range->size;
	unsigned int i;
	int result;

	for (i = 0; i < NVMEV_MEMORY_BARS; i++) {
		struct nvmev_memory_bar *bar = &host->memory_bars[i];

		if (!bar->size)
			continue;
		if (bar->size < NVMEV_RANGE_BAR_MIN)
			return nvmev_fail(error, -ERANGE,
					  "%s=%llu: in reserved memory %u or more is right", bar->key,
					  bar->size, NVMEV_RANGE_BAR_MIN);
		bar->phys = round_up(range->start, bar->size);
		if (bar->phys + bar->total + keep_state + NVMEV_RANGE_MIN > end)
			return nvmev_fail(error, -ERANGE,
					  "%s=%llu: %s has no room for it beside %uM of data", bar->key,
					  bar->size, range->text, NVMEV_RANGE_MIN >> 20);
		range->start = bar->phys + bar->total;
	}
	range->size = end - range->start;
	for (i = 0; i < NVMEV_MEMORY_BARS; i++) {
		if (!host->memory_bars[i].size)
			continue;
		result = nvmev_bar_map(&host->memory_bars[i], error);
		if (result) {
			nvmev_bars_unmap(host);
			return result;
		}
	}
	return 0;
}

static int nvmev_range_map(struct nvmev_host *host, const struct nvmev_range *range,
			   struct nvmev_error *error)
{
	void *base;
	int result;

	host->range = request_mem_region(range->start, range->size, "nvmev");
	if (!host->range)
		return nvmev_fail(error, -EBUSY, "%s: overlaps what is in use, see /proc/iomem",
				  range->text);
	base = memremap(range->start, range->size, MEMREMAP_WB);
	if (!base) {
		result = nvmev_fail(error, -ENOMEM, "%s: cannot be mapped", range->text);
		goto release;
	}
	result = nvmev_range_check_backed(range, base, error);
	if (result)
		goto unmap;
	host->config.reserved_base = base;
	host->config.reserved_size = range->size;
	return 0;

unmap:
	memunmap(base);
release:
	release_mem_region(range->start, range->size);
	host->range = NULL;
	return result;
}

int nvmev_medium_start(struct nvmev_host *host, const struct nvmev_settings *settings,
		       struct nvmev_error *error)
{
	struct nvmev_range range = {
		.start = settings->memmap_start,
		.size = settings->memmap_size,
		.text = settings->memmap_text,
	};
	int result;

	host->config.capacity = nvmev_config_capacity(&host->config);
	if (host->config.medium != NVMEV_MEDIUM_RESERVED) {
		/* As large as tmpfs would be. */
		if (!host->config.capacity)
			host->config.capacity =
				round_down((u64)totalram_pages() << PAGE_SHIFT >> 1, SZ_1M);
		return 0;
	}

	result = nvmev_range_check_numbers(&range, error);
	if (!result)
		result = nvmev_range_check_not_ram_in_use(&range, error);
	if (!result)
		result = nvmev_range_check_no_device(&range, error);
	if (!result)
		result = nvmev_range_take_bars(host, &range, settings->keep_state, error);
	if (result)
		return result;
	result = nvmev_range_map(host, &range, error);
	if (result) {
		nvmev_bars_unmap(host);
		return result;
	}
	host->config.reserved_size -= settings->keep_state;
	if (!host->config.capacity)
		host->config.capacity = host->config.reserved_size;
	return 0;
}

void nvmev_medium_stop(struct nvmev_host *host)
{
	if (!host->range)
		return;
	memunmap(host->config.reserved_base);
	release_mem_region(host->range->start, resource_size(host->range));
	host->range = NULL;
	nvmev_bars_unmap(host);
}
