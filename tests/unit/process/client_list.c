/* SPDX-License-Identifier: Apache-2.0 */
#include "process/client_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

struct world {
	struct client_list list;
	struct client_events events;
	int messages, gone, unblocked, launchers_gone;
	char last[64];
};

static int on_message(void *data, struct client *from, enum attach_type type, const void *payload,
	size_t len, struct err *err)
{
	struct world *world = data;

	world->messages++;
	(void)snprintf(
		world->last, sizeof(world->last), "%c%.*s", type, (int)len, (const char *)payload);
	loop_quit(world->list.loop, 0);
	return 0;
}

static int on_gone(void *data, bool launcher, struct err *err)
{
	struct world *world = data;

	world->gone++;
	world->launchers_gone += launcher;
	loop_quit(world->list.loop, 0);
	return 0;
}

static int on_unblocked(void *data, struct err *err)
{
	struct world *world = data;

	world->unblocked++;
	loop_quit(world->list.loop, 0);
	return 0;
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct err err;

	if (!world || loop_new(&world->list.loop, &err) < 0)
		return -1;
	world->events = (struct client_events){
		.data = world, .message = on_message, .gone = on_gone, .unblocked = on_unblocked
	};
	world->list.events = &world->events;
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	client_list_done(&world->list);
	loop_free(world->list.loop);
	free(world);
	return 0;
}

static int attach(struct world *world, bool launcher)
{
	struct err err = ERR_INIT;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(client_add(&world->list, pair[0], launcher, &err), 0);
	return pair[1];
}

static void turn(struct world *world)
{
	struct err err = ERR_INIT;

	assert_int_equal(loop_run(world->list.loop, &err), 0);
}

static void everybody_hears_and_everybody_is_heard(void **state)
{
	struct world *world = *state;
	int a = attach(world, true), b = attach(world, false);
	struct err err = ERR_INIT;
	char got[16];

	assert_int_equal(client_broadcast(&world->list, ATTACH_STDOUT, "hi", 2, &err), 0);
	assert_int_equal(recv(a, got, sizeof(got), 0), 3);
	assert_memory_equal(got, "ohi", 3);
	assert_int_equal(recv(b, got, sizeof(got), 0), 3);
	assert_int_equal(send(b, "iabc", 4, 0), 4);
	turn(world);
	assert_string_equal(world->last, "iabc");
	close(a);
	close(b);
}

static void a_full_client_blocks_and_loses_nothing(void **state)
{
	struct world *world = *state;
	int a = attach(world, false), sent = 0;
	char chunk[8000], got[ATTACH_MAX];
	struct err err = ERR_INIT;

	while (!client_blocked(&world->list)) {
		memset(chunk, 'a' + sent % 26, sizeof(chunk));
		assert_int_equal(
			client_broadcast(&world->list, ATTACH_STDOUT, chunk, sizeof(chunk), &err),
			0);
		sent++;
		assert_true(sent < 10000);
	}
	for (int i = 0; i < sent; i++) {
		ssize_t n = recv(a, got, sizeof(got), MSG_DONTWAIT);

		if (n < 0) { /* all that fitted is out: now the kept frame follows */
			turn(world);
			n = recv(a, got, sizeof(got), MSG_DONTWAIT);
		}
		assert_int_equal(n, sizeof(chunk) + 1);
		assert_int_equal(got[1], 'a' + i % 26);
	}
	assert_int_equal(world->unblocked, 1);
	assert_false(client_blocked(&world->list));
	close(a);
}

static void a_blocked_client_that_leaves_unblocks_the_others(void **state)
{
	struct world *world = *state;
	int a = attach(world, true);
	struct err err = ERR_INIT;
	char chunk[8000] = "";

	while (!client_blocked(&world->list))
		assert_int_equal(
			client_broadcast(&world->list, ATTACH_STDERR, chunk, sizeof(chunk), &err),
			0);
	close(a);
	turn(world);
	assert_int_equal(world->gone, 1);
	assert_int_equal(world->launchers_gone, 1);
	assert_int_equal(world->unblocked, 1);
}

static void a_paused_client_is_not_heard_until_it_goes_on(void **state)
{
	struct world *world = *state;
	int a = attach(world, false), b = attach(world, false);
	struct err err = ERR_INIT;
	struct client *paused = world->list.first; /* b: the list is a stack */

	assert_int_equal(client_pause(paused, true, &err), 0);
	assert_int_equal(send(b, "i1", 2, 0), 2);
	assert_int_equal(send(a, "i2", 2, 0), 2);
	turn(world);
	assert_string_equal(world->last, "i2");
	assert_int_equal(world->messages, 1);
	assert_int_equal(client_pause(paused, false, &err), 0);
	turn(world);
	assert_string_equal(world->last, "i1");
	close(a);
	close(b);
}

static void the_farewell_comes_last_and_closes(void **state)
{
	struct world *world = *state;
	int a = attach(world, true), status = 7;
	struct err err = ERR_INIT;
	char got[16];

	assert_int_equal(client_broadcast(&world->list, ATTACH_STDOUT, "x", 1, &err), 0);
	client_farewell(&world->list, ATTACH_EXIT, &status, sizeof(status));
	assert_int_equal(recv(a, got, sizeof(got), 0), 2);
	assert_int_equal(recv(a, got, sizeof(got), 0), 1 + sizeof(status));
	assert_int_equal(got[0], ATTACH_EXIT);
	assert_int_equal(recv(a, got, sizeof(got), 0), 0);
	close(a);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

TEST_MAIN(WORLD(everybody_hears_and_everybody_is_heard),
	WORLD(a_full_client_blocks_and_loses_nothing),
	WORLD(a_blocked_client_that_leaves_unblocks_the_others),
	WORLD(a_paused_client_is_not_heard_until_it_goes_on),
	WORLD(the_farewell_comes_last_and_closes))
