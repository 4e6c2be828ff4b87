// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/nvmev/<device>/stats: lines `name value`, first the core's, then the host's.
 * /sys/kernel/debug/nvmev/<device>/state_hash: of the FTL's decisions, exact while no command is in
 * flight.
 * /sys/kernel/debug/nvmev/<device>/save: a write to it saves the state to the state file.
 * /sys/kernel/debug/nvmev/<device>/power_cut: SEED [MS] written to it cuts the power; SEED chooses what
 * is lost, MS milliseconds later the device returns.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "device.h"

static struct dentry *nvmev_debugfs_root;

static int nvmev_stats_core(struct seq_file *file, struct nvmev_host *host)
{
	size_t size = SZ_16K;

	for (;;) {
		char *text = kvmalloc(size, GFP_KERNEL);
		size_t length;

		if (!text)
			return -ENOMEM;
		length = nvmev_dev_report(host->dev, text, size);
		if (length < size)
			seq_write(file, text, length);
		kvfree(text);
		if (length < size)
			return 0;
		/* Numbers may grow until the next look. */
		size = length + length / 4;
	}
}

static void nvmev_stats_threads(struct seq_file *file, struct nvmev_host *host)
{
	unsigned int i;

	for (i = 0; i < host->nr_threads; i++) {
		const struct nvmev_thread *thread = &host->threads[i];
		const char *name = thread->task->comm;

		seq_printf(file, "thread.%s.passes %llu\n", name, READ_ONCE(thread->passes));
		seq_printf(file, "thread.%s.work %llu\n", name, READ_ONCE(thread->work));
		seq_printf(file, "thread.%s.sleeps %llu\n", name, READ_ONCE(thread->sleeps));
		seq_printf(file, "thread.%s.wakes %llu\n", name, READ_ONCE(thread->wakes));
	}
}

/* Lines of the first controller have no prefix. */
static void nvmev_stats_irq(struct seq_file *file, struct nvmev_function *function)
{
	char prefix[24] = "";
	unsigned int i;

	if (function->index)
		snprintf(prefix, sizeof(prefix), "controller.%u.", function->index + 1);
	for (i = 0; i < function->irq.nr_vectors; i++) {
		struct nvmev_vector *vector = &function->irq.vectors[i];

		if (!READ_ONCE(vector->virq))
			continue;
		seq_printf(file, "%svector.%u.irq %u\n", prefix, i, READ_ONCE(vector->virq));
		seq_printf(file, "%svector.%u.cpu %u\n", prefix, i, READ_ONCE(vector->cpu));
		seq_printf(file, "%svector.%u.raised %llu\n", prefix, i,
			   (u64)atomic64_read(&vector->raised));
		seq_printf(file, "%svector.%u.delivered %llu\n", prefix, i,
			   (u64)atomic64_read(&vector->delivered));
	}
}

static int nvmev_stats_show(struct seq_file *file, void *unused)
{
	struct nvmev_host *host = file->private;
	int result = nvmev_stats_core(file, host);
	unsigned int i;

	if (result)
		return result;
	seq_printf(file, "host.pages %ld\n", atomic_long_read(&host->pages));
	seq_printf(file, "host.pages_refused %llu\n", (u64)atomic64_read(&host->pages_refused));
	seq_printf(file, "host.map_refused %llu\n", (u64)atomic64_read(&host->map_refused));
	nvmev_stats_threads(file, host);
	for (i = 0; i < host->nr_functions; i++)
		nvmev_stats_irq(file, &host->functions[i]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(nvmev_stats);

static int nvmev_state_hash_show(struct seq_file *file, void *unused)
{
	struct nvmev_host *host = file->private;

	seq_printf(file, "%016llx\n", (u64)nvmev_dev_state_hash(host->dev));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(nvmev_state_hash);

static ssize_t nvmev_save_write(struct file *file, const char __user *text, size_t length,
				loff_t *at)
{
	int result = nvmev_state_save(file->private_data);

	return result ? result : length;
}

static const struct file_operations nvmev_save_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = nvmev_save_write,
	.llseek = noop_llseek,
};

#define NVMEV_POWER_CUT_MAX_MS (10 * 60 * 1000)

/* Of SEED [MS]. Changes the text. */
static int nvmev_power_cut_parse(char *text, u64 *seed, unsigned int *away_ms)
{
	char *words = strim(text);
	char *first = strsep(&words, " \t");

	*away_ms = 0;
	if (kstrtou64(first, 0, seed))
		return -EINVAL;
	if (!words)
		return 0;
	if (kstrtouint(skip_spaces(words), 0, away_ms) || *away_ms > NVMEV_POWER_CUT_MAX_MS)
		return -EINVAL;
	return 0;
}

static ssize_t nvmev_power_cut_write(struct file *file, const char __user *user, size_t length,
				     loff_t *at)
{
	struct nvmev_host *host = file->private_data;
	char text[64] = "";
	char words[sizeof(text)];
	unsigned int away_ms;
	u64 seed;
	int result;

	if (length < sizeof(text) && copy_from_user(text, user, length))
		return -EFAULT;
	strscpy(words, text, sizeof(words));
	if (nvmev_power_cut_parse(words, &seed, &away_ms)) {
		nvmev_err(host, "power_cut=%s: SEED [MS] is right, a number and the milliseconds for which the device is away, at most %u",
			  strim(text), NVMEV_POWER_CUT_MAX_MS);
		return -EINVAL;
	}
	result = nvmev_power_cut(host, seed, away_ms);
	return result ? result : length;
}

static const struct file_operations nvmev_power_cut_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = nvmev_power_cut_write,
	.llseek = noop_llseek,
};

void nvmev_debugfs_start(struct nvmev_host *host)
{
	host->debugfs = debugfs_create_dir(host->name, nvmev_debugfs_root);
	debugfs_create_file("stats", 0444, host->debugfs, host, &nvmev_stats_fops);
	debugfs_create_file("power_cut", 0200, host->debugfs, host, &nvmev_power_cut_fops);
	debugfs_create_file("save", 0200, host->debugfs, host, &nvmev_save_fops);
	debugfs_create_file("state_hash", 0444, host->debugfs, host, &nvmev_state_hash_fops);
}

void nvmev_debugfs_stop(struct nvmev_host *host)
{
	/* Waits for readers. */
	debugfs_remove_recursive(host->debugfs);
}

void nvmev_debugfs_init(void)
{
	nvmev_debugfs_root = debugfs_create_dir("nvmev", NULL);
}

void nvmev_debugfs_exit(void)
{
	debugfs_remove_recursive(nvmev_debugfs_root);
}
