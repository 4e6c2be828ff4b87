// SPDX-License-Identifier: GPL-2.0-only
/*
 * A power cut on demand: the device loses what was not durable, vanishes from the bus as by surprise
 * removal, and returns, at once or after a while.
 */
#include <linux/delay.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "device.h"

static int nvmev_power_cut_core(struct nvmev_host *host, u64 seed)
{
	struct nvmev_error *error = kzalloc(sizeof(*error), GFP_KERNEL);
	int result;

	if (!error)
		return -ENOMEM;
	result = nvmev_dev_power_cut(host->dev, seed, error);
	if (result)
		nvmev_err(host, "power_cut: %s", error->text);
	kfree(error);
	return result;
}

static void nvmev_set_absent(struct nvmev_host *host, bool absent)
{
	unsigned int i;

	for (i = 0; i < host->nr_functions; i++)
		nvmev_config_space_set_absent(&host->functions[i], absent);
}

static void nvmev_wait_for_resets(struct nvmev_host *host)
{
	unsigned int i;

	for (i = 0; i < host->nr_functions; i++) {
		while (!nvmev_dev_reset_done(host->dev, i))
			usleep_range(50, 500);
	}
}

int nvmev_power_cut(struct nvmev_host *host, u64 seed, unsigned int away_ms)
{
	int result;

	mutex_lock(&host->state.lock);
	nvmev_set_absent(host, true);
	result = nvmev_power_cut_core(host, seed);
	if (!result) {
		nvmev_threads_wake_dispatcher(host, 0);
		nvmev_wait_for_resets(host);
		nvmev_pci_remove_functions(host);
		/* A signal brings the power back, too. */
		msleep_interruptible(away_ms);
	}
	nvmev_set_absent(host, false);
	if (!result)
		nvmev_pci_add_functions(host);
	mutex_unlock(&host->state.lock);
	return result;
}
