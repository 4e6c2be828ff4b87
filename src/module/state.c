// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state file: opened when the device is made, read into it, and written when the requester shuts
 * the device down, when somebody asks for it, and when the device goes.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "device.h"

/* ---- What the core asks for ------------------------------------------------------------------ */

uint64_t nvmev_host_file_size(struct nvmev_host *host)
{
	return i_size_read(file_inode(host->state.file));
}

int nvmev_host_file_read(struct nvmev_host *host, uint64_t offset, void *data, size_t length)
{
	loff_t at = offset;

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

	while (length) {
		ssize_t put = kernel_write(host->state.file, data, length, &at);

		if (put <= 0)
			return put ? put : -ENOSPC;
		data += put;
		length -= put;
	}
	return 0;
}

int nvmev_host_file_sync(struct nvmev_host *host)
{
	return vfs_fsync(host->state.file, 0);
}

int nvmev_host_file_discard(struct nvmev_host *host, uint64_t offset, uint64_t length)
{
	return vfs_fallocate(host->state.file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
			     length);
}

bool nvmev_host_save(struct nvmev_host *host)
{
	if (!host->state.file)
		return false;
	queue_work(system_unbound_wq, &host->state.work);
	return true;
}

/* ---- Saving ---------------------------------------------------------------------------------- */

static int nvmev_state_write(struct nvmev_host *host)
{
	struct nvmev_error *error = kzalloc(sizeof(*error), GFP_KERNEL);
	u64 begin = ktime_get_ns();
	int result;

	if (!error)
		return -ENOMEM;
	result = nvmev_dev_save(host->dev, begin, error);
	if (result < 0)
		nvmev_err(host, "state_file=%s: not saved, what it held is still there: %s",
			  host->state.path, error->text);
	else if (result == 0)
		nvmev_info(host, "state saved to %s in %llu ms", host->state.path,
			   (ktime_get_ns() - begin) / NSEC_PER_MSEC);
	kfree(error);
	return result < 0 ? result : 0;
}

int nvmev_state_save(struct nvmev_host *host)
{
	int result;

	if (!host->state.file)
		return -ENOENT;
	mutex_lock(&host->state.lock);
	nvmev_dev_hold(host->dev);
	nvmev_threads_wake_dispatcher(host, 0);
	while (!nvmev_dev_held(host->dev))
		usleep_range(50, 500);
	result = nvmev_state_write(host);
	nvmev_dev_release(host->dev);
	nvmev_threads_wake_dispatcher(host, 0);
	mutex_unlock(&host->state.lock);
	return result;
}

static void nvmev_state_work(struct work_struct *work)
{
	nvmev_state_save(container_of(work, struct nvmev_host, state.work));
}

void nvmev_state_finish(struct nvmev_host *host)
{
	if (host->state.file)
		flush_work(&host->state.work);
}

/* ---- Life ------------------------------------------------------------------------------------ */

int nvmev_state_open(struct nvmev_host *host, const struct nvmev_settings *settings,
		     struct nvmev_error *error)
{
	struct file *file;

	mutex_init(&host->state.lock);
	INIT_WORK(&host->state.work, nvmev_state_work);
	if (!settings->state_file[0])
		return 0;
	strscpy(host->state.path, settings->state_file, sizeof(host->state.path));
	file = filp_open(settings->state_file, O_RDWR | O_CREAT | O_LARGEFILE, 0600);
	if (IS_ERR(file))
		return nvmev_fail(error, PTR_ERR(file),
				  "state_file=%s cannot be opened (%ld): the path of a file is right",
				  settings->state_file, PTR_ERR(file));
	if (!S_ISREG(file_inode(file)->i_mode)) {
		filp_close(file, NULL);
		return nvmev_fail(error, -EINVAL, "state_file=%s is no regular file",
				  settings->state_file);
	}
	host->state.file = file;
	return 0;
}

int nvmev_state_load(struct nvmev_host *host, struct nvmev_error *error)
{
	struct nvmev_error *reason;
	int result;

	if (!host->state.file)
		return 0;
	reason = kzalloc(sizeof(*reason), GFP_KERNEL);
	if (!reason)
		return -ENOMEM;
	result = nvmev_dev_load(host->dev, reason);
	if (result)
		nvmev_fail(error, result, "state_file=%s: %s", host->state.path, reason->text);
	kfree(reason);
	return result;
}

void nvmev_state_close(struct nvmev_host *host)
{
	if (!host->state.file)
		return;
	nvmev_state_write(host);
	filp_close(host->state.file, NULL);
	host->state.file = NULL;
}

void nvmev_state_drop(struct nvmev_host *host)
{
	if (host->state.file)
		filp_close(host->state.file, NULL);
	host->state.file = NULL;
}
