// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of a device: everything that it consists of, in order.
 */
#include <linux/idr.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "device.h"

static DEFINE_IDA(nvmev_ids);
static DEFINE_MUTEX(nvmev_hosts_lock);
static LIST_HEAD(nvmev_hosts);

static void nvmev_list_add(struct nvmev_host *host)
{
	mutex_lock(&nvmev_hosts_lock);
	list_add_tail(&host->node, &nvmev_hosts);
	mutex_unlock(&nvmev_hosts_lock);
}

static void nvmev_list_del(struct nvmev_host *host)
{
	mutex_lock(&nvmev_hosts_lock);
	list_del(&host->node);
	mutex_unlock(&nvmev_hosts_lock);
}

static void nvmev_functions_init(struct nvmev_host *host)
{
	unsigned int i;

	host->nr_functions = host->config.controllers;
	for (i = 0; i < host->nr_functions; i++) {
		host->functions[i].host = host;
		host->functions[i].index = i;
	}
}

static void nvmev_irqs_stop(struct nvmev_host *host, unsigned int count)
{
	while (count--)
		nvmev_irq_stop(&host->functions[count]);
}

static int nvmev_irqs_start(struct nvmev_host *host)
{
	unsigned int i;
	int result;

	for (i = 0; i < host->nr_functions; i++) {
		result = nvmev_irq_start(&host->functions[i]);
		if (result) {
			nvmev_irqs_stop(host, i);
			return result;
		}
	}
	return 0;
}

static int nvmev_host_init(struct nvmev_host *host, const struct nvmev_settings *settings,
			   struct nvmev_error *error)
{
	int id;

	host->config = settings->config;
	nvmev_functions_init(host);
	nvmev_memory_bars_init(host);
	host->numa_node = settings->nr_cpus ? cpu_to_node(settings->cpus[0]) : NUMA_NO_NODE;
	id = ida_alloc(&nvmev_ids, GFP_KERNEL);
	if (id < 0)
		return id;
	host->id = id;
	strscpy(host->name, settings->name, sizeof(host->name));
	return nvmev_threads_count(settings, &host->config.workers, error);
}

static void nvmev_host_free_memory(struct nvmev_host *host)
{
	ida_free(&nvmev_ids, host->id);
	kfree(host);
}

static void nvmev_host_describe(const struct nvmev_host *host)
{
	static const char *const media[] = {
		[NVMEV_MEDIUM_PAGES] = "pages",
		[NVMEV_MEDIUM_RESERVED] = "reserved",
		[NVMEV_MEDIUM_NONE] = "none",
	};

	nvmev_info(host, "%s of %llu MiB, medium %s, PCI domain 0x%x, %u dispatchers, %u workers",
		   host->config.namespaces[0] ? host->config.namespaces : host->config.type,
		   host->config.capacity >> 20, media[host->config.medium],
		   pci_domain_nr(host->bus), host->config.dispatchers, host->config.workers);
}

struct nvmev_host *nvmev_host_create(const struct nvmev_settings *settings,
				     struct nvmev_error *error)
{
	struct nvmev_host *host;
	int result;

	nvmev_fail(error, 0, "no memory for the device");
	host = kzalloc(sizeof(*host), GFP_KERNEL);
	if (!host)
		return ERR_PTR(-ENOMEM);

	result = nvmev_host_init(host, settings, error);
	if (result)
		goto free_host;
	result = nvmev_medium_start(host, settings, error);
	if (result)
		goto free_host;
	result = nvmev_memory_bars_start(host, error);
	if (result)
		goto stop_medium;
	result = nvmev_state_open(host, settings, error);
	if (result)
		goto stop_memory_bars;
	result = nvmev_bar_start(host);
	if (result)
		goto drop_state;
	result = nvmev_config_check(&host->config, error);
	if (result)
		goto stop_bar;
	result = nvmev_dev_create(&host->config, host, host->bars, &host->dev, error);
	if (result)
		goto stop_bar;

	result = nvmev_state_load(host, error);
	if (result)
		goto destroy_dev;

	nvmev_fail(error, 0, "cannot make interrupts, threads and PCI bus of the device");
	result = nvmev_irqs_start(host);
	if (result)
		goto destroy_dev;
	result = nvmev_threads_start(host, settings);
	if (result)
		goto stop_irq;
	nvmev_state_begin(host);
	result = nvmev_pci_start(host);
	if (result)
		goto stop_threads;
	nvmev_debugfs_start(host);
	nvmev_list_add(host);
	nvmev_host_describe(host);
	return host;

stop_threads:
	nvmev_threads_stop(host);
stop_irq:
	nvmev_irqs_stop(host, host->nr_functions);
destroy_dev:
	host->dying = true;
	nvmev_dev_destroy(host->dev);
stop_bar:
	nvmev_bar_stop(host);
drop_state:
	nvmev_state_drop(host);
stop_memory_bars:
	nvmev_memory_bars_stop(host);
stop_medium:
	nvmev_medium_stop(host);
free_host:
	nvmev_host_free_memory(host);
	return ERR_PTR(result);
}

void nvmev_host_destroy(struct nvmev_host *host)
{
	nvmev_list_del(host);
	nvmev_debugfs_stop(host);
	nvmev_pci_stop(host);
	nvmev_state_finish(host);
	nvmev_threads_stop(host);
	nvmev_irqs_stop(host, host->nr_functions);
	nvmev_state_close(host);
	WRITE_ONCE(host->dying, true);
	nvmev_dev_destroy(host->dev);
	WARN_ON(atomic_long_read(&host->pages));
	nvmev_bar_stop(host);
	nvmev_memory_bars_stop(host);
	nvmev_medium_stop(host);
	nvmev_info(host, "removed");
	nvmev_host_free_memory(host);
}
