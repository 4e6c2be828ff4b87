// SPDX-License-Identifier: GPL-2.0-only
/*
 * The threads that run the roles of the core.
 *
 * A thread works while there is work. For idle_spin after the last, it looks for more without
 * pause; then it sleeps. Doorbells are memory that nothing traps, so while a dispatcher sleeps a
 * timer looks at them each idle_poll, in interrupt context, and wakes the thread only when there is
 * something. A worker is woken by those who give it work, and by the timer wake_early before its
 * next completion is due.
 */
#include <linux/cpuhotplug.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "compat.h"
#include "device.h"

/* ---- Sleeping and waking --------------------------------------------------------------------- */

static void nvmev_thread_wake(struct nvmev_thread *thread)
{
	/* Pairs with the barrier in nvmev_thread_sleep(): it sees the work, or we see it asleep. */
	smp_mb();
	if (READ_ONCE(thread->asleep) && xchg(&thread->asleep, false)) {
		WRITE_ONCE(thread->wakes, thread->wakes + 1);
		wake_up_process(thread->task);
	}
}

void nvmev_host_wake(struct nvmev_host *host, unsigned int w)
{
	nvmev_thread_wake(host->worker_thread[w]);
}

void nvmev_threads_wake_dispatcher(struct nvmev_host *host, unsigned int d)
{
	nvmev_thread_wake(host->dispatcher_thread[d]);
}

static bool nvmev_thread_pending(const struct nvmev_thread *thread)
{
	const struct nvmev_dev *dev = thread->host->dev;

	return (thread->dispatcher >= 0 && nvmev_dispatch_pending(dev, thread->dispatcher)) ||
	       (thread->worker >= 0 && nvmev_work_pending(dev, thread->worker));
}

/* When the timer has to look next. */
static ktime_t nvmev_thread_next_look(const struct nvmev_thread *thread, u64 now)
{
	u64 look = NVMEV_NEVER;

	if (thread->dispatcher >= 0)
		look = now + READ_ONCE(nvmev_tunables.idle_poll) * NSEC_PER_USEC;
	return ns_to_ktime(min_t(u64, min(look, thread->deadline), KTIME_MAX));
}

static enum hrtimer_restart nvmev_thread_timer(struct hrtimer *timer)
{
	struct nvmev_thread *thread = container_of(timer, struct nvmev_thread, timer);
	u64 now = ktime_get_ns();

	if (now >= thread->deadline) {
		if (xchg(&thread->asleep, false))
			wake_up_process(thread->task);
		return HRTIMER_NORESTART;
	}
	if (nvmev_thread_pending(thread)) {
		nvmev_thread_wake(thread);
		return HRTIMER_NORESTART;
	}
	hrtimer_set_expires(timer, nvmev_thread_next_look(thread, now));
	return HRTIMER_RESTART;
}

/* Sleeps until there is work, `deadline` (ns) has come, or the thread is to stop. */
static void nvmev_thread_sleep(struct nvmev_thread *thread, u64 now, u64 deadline)
{
	thread->deadline = deadline;
	/* Idle is not blocked: it counts neither for the load average nor as a hung task. */
	set_current_state(TASK_IDLE);
	WRITE_ONCE(thread->asleep, true);
	/* Pairs with the barrier in nvmev_thread_wake(). */
	smp_mb();
	if (kthread_should_stop() || nvmev_thread_pending(thread))
		goto out;

	thread->sleeps++;
	if (thread->dispatcher >= 0 || deadline != NVMEV_NEVER)
		hrtimer_start(&thread->timer, nvmev_thread_next_look(thread, now),
			      HRTIMER_MODE_ABS_PINNED_HARD);
	schedule();
	hrtimer_cancel(&thread->timer);
out:
	__set_current_state(TASK_RUNNING);
	WRITE_ONCE(thread->asleep, false);
}

/* ---- The loop -------------------------------------------------------------------------------- */

/* Others want the CPU, too, and RCU wants to know that nothing of its is held. */
static void nvmev_thread_breathe(struct nvmev_thread *thread)
{
	if ((thread->passes & 63) == 0)
		cond_resched_tasks_rcu_qs();
	else
		cond_resched();
}

static int nvmev_thread_main(void *data)
{
	struct nvmev_thread *thread = data;
	struct nvmev_dev *dev = thread->host->dev;
	u64 last_work = ktime_get_ns();

	while (!kthread_should_stop()) {
		u64 now = ktime_get_ns();
		u64 next = NVMEV_NEVER;
		u64 early = READ_ONCE(nvmev_tunables.wake_early) * NSEC_PER_USEC;
		unsigned int done = 0;

		if (thread->dispatcher >= 0)
			done += nvmev_dispatch(dev, thread->dispatcher, now);
		if (thread->worker >= 0)
			done += nvmev_work(dev, thread->worker, now, &next);
		thread->passes++;
		thread->work += done;

		nvmev_thread_breathe(thread);
		if (done) {
			last_work = now;
			continue;
		}
		cpu_relax();
		if (now - last_work < READ_ONCE(nvmev_tunables.idle_spin) * NSEC_PER_USEC)
			continue;
		/* Too near to sleep. */
		if (next != NVMEV_NEVER && next <= now + early)
			continue;
		nvmev_thread_sleep(thread, now, next == NVMEV_NEVER ? next : next - early);
	}
	return 0;
}

/* ---- CPU hotplug ----------------------------------------------------------------------------- */

static enum cpuhp_state nvmev_hotplug_state;

/*
 * The scheduler moves a thread off a CPU that goes offline, and does not move it back. A suspend
 * takes all CPUs but one offline.
 */
static int nvmev_threads_cpu_online(unsigned int cpu, struct hlist_node *node)
{
	struct nvmev_host *host = container_of(node, struct nvmev_host, hotplug_node);
	unsigned int i;

	for (i = 0; i < host->nr_threads; i++) {
		if (host->threads[i].cpu == (int)cpu)
			set_cpus_allowed_ptr(host->threads[i].task, cpumask_of(cpu));
	}
	return 0;
}

int nvmev_threads_init(void)
{
	int state = cpuhp_setup_state_multi(CPUHP_AP_ONLINE_DYN, "nvmev:online",
					    nvmev_threads_cpu_online, NULL);

	if (state < 0)
		return state;
	nvmev_hotplug_state = state;
	return 0;
}

void nvmev_threads_exit(void)
{
	cpuhp_remove_multi_state(nvmev_hotplug_state);
}

/* ---- Life ------------------------------------------------------------------------------------ */

/*
 * Without a list of CPUs a quarter of them is for the device: there must be some left for those who
 * use it.
 */
static unsigned int nvmev_unpinned_workers(void)
{
	return clamp(num_online_cpus() / 4, 1u, 4u);
}

int nvmev_threads_count(const struct nvmev_settings *settings, unsigned int *workers,
			struct nvmev_error *error)
{
	unsigned int dispatchers = settings->config.dispatchers;

	if (!settings->nr_cpus) {
		*workers = max(nvmev_unpinned_workers(), num_online_cpus() == 1 ? dispatchers : 1);
		return 0;
	}
	if (settings->nr_cpus < dispatchers)
		return nvmev_fail(error, -EINVAL,
				  "dispatchers=%u: not more than the %u given by cpus are right",
				  dispatchers, settings->nr_cpus);
	*workers = settings->nr_cpus == dispatchers ? dispatchers : settings->nr_cpus - dispatchers;
	if (*workers > NVMEV_MAX_WORKERS)
		return nvmev_fail(error, -EINVAL,
				  "cpus: %u of them complete commands, at most %u are right",
				  *workers, NVMEV_MAX_WORKERS);
	return 0;
}

/* Whether each thread runs a dispatcher and the worker of the same number. */
static bool nvmev_roles_are_shared(const struct nvmev_host *host,
				   const struct nvmev_settings *settings)
{
	if (settings->nr_cpus)
		return settings->nr_cpus == host->config.dispatchers;
	return num_online_cpus() == 1 && host->config.workers == host->config.dispatchers;
}

static void nvmev_threads_assign(struct nvmev_host *host, const struct nvmev_settings *settings,
				 bool shared)
{
	unsigned int i;

	for (i = 0; i < host->nr_threads; i++) {
		struct nvmev_thread *thread = &host->threads[i];

		thread->host = host;
		thread->cpu = settings->nr_cpus ? (int)settings->cpus[i] : -1;
		thread->dispatcher = i < host->config.dispatchers ? (int)i : -1;
		if (shared)
			thread->worker = i;
		else
			thread->worker = (int)i - (int)host->config.dispatchers;
		if (thread->worker < 0)
			thread->worker = -1;
		if (thread->dispatcher >= 0)
			host->dispatcher_thread[thread->dispatcher] = thread;
		if (thread->worker >= 0)
			host->worker_thread[thread->worker] = thread;
		nvmev_hrtimer_setup(&thread->timer, nvmev_thread_timer,
				    HRTIMER_MODE_ABS_PINNED_HARD);
	}
}

static int nvmev_thread_create(struct nvmev_thread *thread)
{
	bool dispatches = thread->dispatcher >= 0;
	int node = thread->cpu >= 0 ? cpu_to_node(thread->cpu) : NUMA_NO_NODE;
	struct task_struct *task;

	task = kthread_create_on_node(nvmev_thread_main, thread, node, "%.11s-%c%d",
				      thread->host->name, dispatches ? 'd' : 'w',
				      dispatches ? thread->dispatcher : thread->worker);
	if (IS_ERR(task))
		return PTR_ERR(task);
	if (thread->cpu >= 0)
		kthread_bind(task, thread->cpu);
	thread->task = task;
	return 0;
}

static void nvmev_threads_free(struct nvmev_host *host)
{
	unsigned int i;

	for (i = 0; i < host->nr_threads; i++) {
		if (host->threads[i].task)
			kthread_stop(host->threads[i].task);
	}
	kvfree(host->threads);
	host->threads = NULL;
	host->nr_threads = 0;
}

int nvmev_threads_start(struct nvmev_host *host, const struct nvmev_settings *settings)
{
	bool shared = nvmev_roles_are_shared(host, settings);
	unsigned int i;
	int result;

	host->nr_threads = shared ? host->config.dispatchers
				  : host->config.dispatchers + host->config.workers;
	host->threads = kvcalloc(host->nr_threads, sizeof(*host->threads), GFP_KERNEL);
	if (!host->threads)
		return -ENOMEM;
	nvmev_threads_assign(host, settings, shared);
	for (i = 0; i < host->nr_threads; i++) {
		result = nvmev_thread_create(&host->threads[i]);
		if (result)
			goto free;
	}
	result = cpuhp_state_add_instance_nocalls(nvmev_hotplug_state, &host->hotplug_node);
	if (result)
		goto free;
	/* All exist before the first runs: they wake each other. */
	for (i = 0; i < host->nr_threads; i++)
		wake_up_process(host->threads[i].task);

	if (!settings->nr_cpus)
		nvmev_info(host,
			   "cpus not given: threads run on any CPU, and timing depends on load");
	return 0;

free:
	nvmev_threads_free(host);
	return result;
}

void nvmev_threads_stop(struct nvmev_host *host)
{
	cpuhp_state_remove_instance_nocalls(nvmev_hotplug_state, &host->hotplug_node);
	nvmev_threads_free(host);
}
