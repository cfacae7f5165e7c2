/* SPDX-License-Identifier: Apache-2.0 */
#include "process/passing.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "process/handshake.h"

static void *pass_listener(void *data)
{
	struct passing *passing = data;
	struct step_msg msg = { .step = STEP_LISTENER };
	struct err ignored;
	int listener;

	while ((listener = atomic_load(&passing->listener)) == -EAGAIN)
		(void)sched_yield(); /* one system call long */
	msg.who = passing->who;
	/* Nobody will answer: without a listener the kernel does, ENOSYS, so execve fails and does not wait. */
	if (listener >= 0 && step_send_msg(passing->sock, &msg, listener, &ignored) < 0)
		(void)close(listener);
	return NULL;
}

/* 0, or negative and nothing is loaded nor runs. */
static int load(struct passing *passing, const struct policy *policy, struct err *err)
{
	pthread_t thread;
	int r;

	atomic_init(&passing->listener, -EAGAIN);
	r = pthread_create(&thread, NULL, pass_listener, passing);
	if (r != 0)
		return err_set(
			err, -r, "start the thread that hands the filter on: %s", strerror(r));
	r = policy_apply_watched(policy, err);
	atomic_store(&passing->listener, r == -EAGAIN ? -EBUSY : r);
	if (r < 0)
		(void)pthread_join(thread, NULL); /* it ends at once */
	return r < 0 ? r : 0;
}

int passing_load(struct passing *passing, const struct policy *policy, struct err *err)
{
	struct err why = ERR_INIT;
	int r;

	if (!policy->watched)
		return policy_apply_seccomp(policy, err);
	r = load(passing, policy, &why);
	if (r < 0 && policy->watch == POLICY_WATCH_IDENTITY && !passing->said)
		return policy_apply_seccomp(policy, err);
	if (r < 0)
		*err = why;
	return r;
}
