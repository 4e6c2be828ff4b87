// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state file: opened when the device is made, read into it, and written when the requester shuts
 * the device down, when somebody asks for it, and when the device goes. Or, instead of a file, the end of
 * the reserved range, which is written when the requester shuts the device down, and when the device goes.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "device.h"

/* ---- The end of the reserved range as a file --------------------------------------------------
 *
 * The file's first two blocks are the last ones of the range, where they are found whatever keep_state
 * was; the rest of the file is what lies before them.
 */

#define NVMEV_AREA_HEAD (2 * NVMEV_STATE_BLOCK)

static void *nvmev_area_at(struct nvmev_host *host, u64 offset, size_t length)
{
	u64 size = host->state.area_size;

	if (offset > size || length > size - offset)
		return NULL;
	if (offset < NVMEV_AREA_HEAD)
		return host->state.area + size - NVMEV_AREA_HEAD + offset;
	return host->state.area + offset - NVMEV_AREA_HEAD;
}

/* `head`: of a range, NVMEV_AREA_HEAD bytes. */
static bool nvmev_area_marked(const void *head, unsigned int block)
{
	return !memcmp(head + block * NVMEV_STATE_BLOCK, NVMEV_STATE_MAGIC, sizeof(u64));
}

/* What a range keeps of an earlier device's state means nothing when its data change. */
static void nvmev_area_forget(void *head)
{
	unsigned int block;

	for (block = 0; block < 2; block++) {
		if (nvmev_area_marked(head, block))
			memset(head + block * NVMEV_STATE_BLOCK, 0, sizeof(u64));
	}
}

/* What is in the range counts only while no command changes the data beside it. */
static void nvmev_area_hide(struct nvmev_host *host)
{
	void *head = nvmev_area_at(host, 0, NVMEV_AREA_HEAD);

	if (!nvmev_area_marked(head, 0) && !nvmev_area_marked(head, 1))
		return;
	memcpy(&host->state.magics[0], head, sizeof(u64));
	memcpy(&host->state.magics[1], head + NVMEV_STATE_BLOCK, sizeof(u64));
	nvmev_area_forget(head);
}

static void nvmev_area_show(struct nvmev_host *host)
{
	void *head = nvmev_area_at(host, 0, NVMEV_AREA_HEAD);

	if (!(host->state.magics[0] | host->state.magics[1]))
		return;
	memcpy(head, &host->state.magics[0], sizeof(u64));
	memcpy(head + NVMEV_STATE_BLOCK, &host->state.magics[1], sizeof(u64));
}

/* ---- What the core asks for ------------------------------------------------------------------ */

uint64_t nvmev_host_file_size(struct nvmev_host *host)
{
	if (host->state.area) {
		const void *head = nvmev_area_at(host, 0, NVMEV_AREA_HEAD);

		return nvmev_area_marked(head, 0) || nvmev_area_marked(head, 1) ?
			       host->state.area_size : 0;
	}
	return i_size_read(file_inode(host->state.file));
}

/* Bytes that are read from, or written to, the disk together while the core works on others. */
#define NVMEV_STATE_WINDOW SZ_8M

int nvmev_host_file_read(struct nvmev_host *host, uint64_t offset, void *data, size_t length)
{
	loff_t at = offset;

	if (host->state.area) {
		const void *from = nvmev_area_at(host, offset, length);

		if (!from)
			return -EIO;
		memcpy(data, from, length);
		cond_resched();
		return 0;
	}
	while (length) {
		ssize_t got = kernel_read(host->state.file, data, length, &at);

		if (got <= 0)
			return got ? got : -EIO;
		data += got;
		length -= got;
	}
	return 0;
}

int nvmev_host_file_write(struct nvmev_host *host, uint64_t offset, const void *data, size_t length)
{
	loff_t at = offset;
	u64 done;

	if (host->state.area) {
		void *to = nvmev_area_at(host, offset, length);

		if (!to)
			return -ENOSPC;
		memcpy(to, data, length);
		cond_resched();
		return 0;
	}
	while (length) {
		ssize_t put = kernel_write(host->state.file, data, length, &at);

		if (put <= 0)
			return put ? put : -ENOSPC;
		data += put;
		length -= put;
	}
	/* The disk is busy while the rest of the state is made. What fails is told by the sync. */
	done = round_down(at, NVMEV_STATE_WINDOW);
	if (done > offset)
		filemap_fdatawrite_range(host->state.file->f_mapping, done - NVMEV_STATE_WINDOW,
					 done - 1);
	return 0;
}

int nvmev_host_file_sync(struct nvmev_host *host)
{
	return host->state.area ? 0 : vfs_fsync(host->state.file, 0);
}

void nvmev_host_file_keep(struct nvmev_host *host, uint64_t begin, uint64_t end)
{
	host->state.keep_begin = begin;
	host->state.keep_end = end;
}

static void nvmev_state_punch(struct nvmev_host *host, u64 begin, u64 end)
{
	if (begin < end)
		vfs_fallocate(host->state.file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, begin,
			      end - begin);
}

/* Nobody waits for it: a disk that is told of every freed block takes its time. */
static void nvmev_state_give_back(struct nvmev_host *host)
{
	u64 end = host->state.keep_end;

	host->state.keep_end = 0;
	if (!end || !host->state.file)
		return;
	nvmev_state_punch(host, NVMEV_AREA_HEAD, host->state.keep_begin);
	nvmev_state_punch(host, round_up(end, PAGE_SIZE), i_size_read(file_inode(host->state.file)));
}

void nvmev_host_enabled(struct nvmev_host *host)
{
	if (!host->state.area)
		return;
	WRITE_ONCE(host->state.running, true);
	smp_mb(); /* see nvmev_area_saved() */
	nvmev_area_hide(host);
}

bool nvmev_host_medium_stays(struct nvmev_host *host)
{
	return host->state.area;
}

bool nvmev_host_save(struct nvmev_host *host)
{
	if (!host->state.file && !host->state.area)
		return false;
	WRITE_ONCE(host->state.running, false);
	nvmev_queue_unbound_work(&host->state.work);
	return true;
}

/* ---- Saving ---------------------------------------------------------------------------------- */

/* `result`: of nvmev_dev_save(). What was there before counts again only if the device is still as it was. */
static void nvmev_area_saved(struct nvmev_host *host, int result)
{
	if (result == 1)
		nvmev_area_show(host);
	memset(host->state.magics, 0, sizeof(host->state.magics));
	/* Pairs with nvmev_host_enabled(): one of the two finds what the other has done. */
	smp_mb();
	if (READ_ONCE(host->state.running))
		nvmev_area_hide(host);
}

static int nvmev_state_write(struct nvmev_host *host)
{
	struct nvmev_error *error = kzalloc(sizeof(*error), GFP_KERNEL);
	u64 begin = ktime_get_ns();
	int result;

	if (!error)
		return -ENOMEM;
	if (host->state.area)
		nvmev_area_hide(host);
	result = nvmev_dev_save(host->dev, begin, error);
	if (host->state.area)
		nvmev_area_saved(host, result);
	if (result < 0)
		nvmev_err(host, "%s: not saved, %s: %s", host->state.label,
			  host->state.file ? "what it held is still there" : "the state is lost",
			  error->text);
	else if (result == 0)
		nvmev_info(host, "state saved to %s in %llu ms", host->state.place,
			   (ktime_get_ns() - begin) / NSEC_PER_MSEC);
	kfree(error);
	return result < 0 ? result : 0;
}

static int nvmev_state_save_held(struct nvmev_host *host)
{
	int result;

	mutex_lock(&host->state.lock);
	nvmev_dev_hold(host->dev);
	nvmev_threads_wake_dispatcher(host, 0);
	while (!nvmev_dev_held(host->dev))
		usleep_range(50, 500);
	result = nvmev_state_write(host);
	nvmev_dev_release(host->dev);
	nvmev_threads_wake_dispatcher(host, 0);
	nvmev_state_give_back(host);
	mutex_unlock(&host->state.lock);
	return result;
}

/* Of reserved memory the state would be an old one at once: commands go on changing the data. */
int nvmev_state_save(struct nvmev_host *host)
{
	return host->state.file ? nvmev_state_save_held(host) : -ENOENT;
}

static void nvmev_state_work(struct work_struct *work)
{
	nvmev_state_save_held(container_of(work, struct nvmev_host, state.work));
}

void nvmev_state_finish(struct nvmev_host *host)
{
	if (host->state.file || host->state.area)
		flush_work(&host->state.work);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void nvmev_state_open_area(struct nvmev_host *host, const struct nvmev_settings *settings)
{
	void *end = host->config.reserved_base + host->config.reserved_size + settings->keep_state;

	if (!settings->keep_state) {
		nvmev_area_forget(end - NVMEV_AREA_HEAD);
		return;
	}
	host->state.area = end - settings->keep_state;
	host->state.area_size = settings->keep_state;
	snprintf(host->state.label, sizeof(host->state.label), "keep_state=%lluK",
		 settings->keep_state >> 10);
	host->state.place = "the reserved memory";
}

/* Devices with a state file. */
static DEFINE_MUTEX(nvmev_state_files_lock);
static LIST_HEAD(nvmev_state_files);

/* Two devices that wrote to the same file would destroy it. */
static int nvmev_state_claim(struct nvmev_host *host, struct file *file, struct nvmev_error *error)
{
	struct nvmev_host *other;
	int result = 0;

	mutex_lock(&nvmev_state_files_lock);
	list_for_each_entry(other, &nvmev_state_files, state.node) {
		if (file_inode(other->state.file) == file_inode(file))
			result = nvmev_fail(error, -EBUSY,
					    "%s is that of the device %s: another file is right",
					    host->state.label, other->name);
	}
	if (!result) {
		host->state.file = file;
		list_add(&host->state.node, &nvmev_state_files);
	}
	mutex_unlock(&nvmev_state_files_lock);
	return result;
}

static void nvmev_state_close_file(struct nvmev_host *host)
{
	if (!host->state.file)
		return;
	mutex_lock(&nvmev_state_files_lock);
	list_del(&host->state.node);
	mutex_unlock(&nvmev_state_files_lock);
	filp_close(host->state.file, NULL);
	host->state.file = NULL;
}

int nvmev_state_open(struct nvmev_host *host, const struct nvmev_settings *settings,
		     struct nvmev_error *error)
{
	struct file *file;
	int result;

	mutex_init(&host->state.lock);
	INIT_WORK(&host->state.work, nvmev_state_work);
	if (host->config.medium == NVMEV_MEDIUM_RESERVED)
		nvmev_state_open_area(host, settings);
	if (!settings->state_file[0])
		return 0;
	snprintf(host->state.label, sizeof(host->state.label), "state_file=%s", settings->state_file);
	host->state.place = host->state.label + strlen("state_file=");
	file = filp_open(settings->state_file, O_RDWR | O_CREAT | O_LARGEFILE, 0600);
	if (IS_ERR(file))
		return nvmev_fail(error, PTR_ERR(file),
				  "state_file=%s cannot be opened (%ld): the path of a file is right",
				  settings->state_file, PTR_ERR(file));
	if (S_ISREG(file_inode(file)->i_mode))
		result = nvmev_state_claim(host, file, error);
	else
		result = nvmev_fail(error, -EINVAL, "state_file=%s is no regular file",
				    settings->state_file);
	if (result) {
		filp_close(file, NULL);
		return result;
	}
	file->f_ra.ra_pages = max_t(unsigned int, file->f_ra.ra_pages,
				    NVMEV_STATE_WINDOW >> PAGE_SHIFT);
	return 0;
}

int nvmev_state_load(struct nvmev_host *host, struct nvmev_error *error)
{
	struct nvmev_error *reason;
	int result;

	if (!host->state.file && !host->state.area)
		return 0;
	reason = kzalloc(sizeof(*reason), GFP_KERNEL);
	if (!reason)
		return -ENOMEM;
	result = nvmev_dev_load(host->dev, reason);
	if (result)
		nvmev_fail(error, result, "%s: %s%s", host->state.label, reason->text,
			   host->state.area ? "; insmod without keep_state forgets it" : "");
	kfree(reason);
	return result;
}

void nvmev_state_begin(struct nvmev_host *host)
{
	if (host->state.area)
		nvmev_area_hide(host);
}

void nvmev_state_close(struct nvmev_host *host)
{
	if (!host->state.file && !host->state.area)
		return;
	WRITE_ONCE(host->state.running, false);
	nvmev_state_write(host);
	nvmev_state_give_back(host);
	nvmev_state_close_file(host);
	host->state.area = NULL;
}

void nvmev_state_drop(struct nvmev_host *host)
{
	nvmev_state_close_file(host);
	if (host->state.area)
		nvmev_area_show(host);
}
