/* SPDX-License-Identifier: Apache-2.0 */
#include "process/net_watch.h"

#include <sys/epoll.h>
#include <time.h>

#include "base/own.h"

#define RETRY_MS 250  /* the dead one's relays may hold the ports for a moment */
#define CALM_MS  2000 /* twice within this is a loop, not an accident */
#define TRIES    40

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int on_hang_up(void *data, int fd, uint32_t events, struct err *err);

static int recover(struct net_watch *watch, struct err *err)
{
	struct err why = ERR_INIT;

	if (network_recover(watch->network, watch->id, watch->name, &why) == 0) {
		watch->tries = 0;
		watch->last = now_ms();
		if (watch->network->control <
			0) /* it was being brought back when the watch changed hands */
			return loop_set_timer(watch->timer, RETRY_MS, 0, err);
		return loop_add_fd(watch->loop, watch->network->control, EPOLLIN, on_hang_up, watch,
			&watch->source, err);
	}
	if (++watch->tries < TRIES)
		return loop_set_timer(watch->timer, RETRY_MS, 0, err);
	return watch->lost(watch->data, &why, err);
}

static int on_timer(void *data, struct err *err)
{
	return recover(data, err);
}

/* sbx-netstack says nothing unasked: whatever comes, the connection is over. */
static int on_hang_up(void *data, int fd, uint32_t events, struct err *err)
{
	struct net_watch *watch = data;

	loop_del(watch->source);
	watch->source = NULL;
	if (now_ms() - watch->last < CALM_MS)
		return loop_set_timer(watch->timer, CALM_MS, 0, err);
	return recover(watch, err);
}

int net_watch_start(struct net_watch *watch, struct err *err)
{
	if (!watch->network || watch->network->kind != NETWORK_BRIDGE ||
		watch->network->gear.tap < 0)
		return 0;
	watch->last = -CALM_MS;
	TRY(loop_add_timer(watch->loop, 0, 0, on_timer, watch, &watch->timer, err));
	return loop_add_fd(watch->loop, watch->network->control, EPOLLIN, on_hang_up, watch,
		&watch->source, err);
}

void net_watch_stop(struct net_watch *watch)
{
	loop_del(watch->source);
	loop_del(watch->timer);
	watch->source = watch->timer = NULL;
}
