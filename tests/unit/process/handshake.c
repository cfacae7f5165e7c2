/* SPDX-License-Identifier: Apache-2.0 */
#include "process/handshake.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

static void a_step_carries_its_error_and_its_descriptor(void **state)
{
	struct err why = ERR_INIT, err = ERR_INIT;
	struct step_msg msg;
	int a, b, fd, null = open("/dev/null", O_RDONLY);

	assert_int_equal(step_pair(&a, &b, &err), 0);
	(void)err_id(&why, -ENODEV, "E-FUSE-NODEV", "no fuse");
	assert_int_equal(step_send(a, STEP_FAILED, null, &why, &err), 0);
	assert_int_equal(step_receive(b, &msg, &fd, &err), 1);
	assert_int_equal(msg.step, STEP_FAILED);
	assert_string_equal(msg.err.id, "E-FUSE-NODEV");
	assert_int_equal(msg.err.code, -ENODEV);
	assert_true(fd >= 0 && fd != null);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	close(null);
	close(a);
	close(b);
}

static void the_peers_death_is_an_error_for_who_waits(void **state)
{
	struct err err = ERR_INIT;
	struct step_msg msg;
	int a, b, fd;

	assert_int_equal(step_pair(&a, &b, &err), 0);
	close(a);
	assert_int_equal(step_wait(b, STEP_EXEC, &msg, &err), -EPIPE);
	assert_int_equal(step_receive(b, &msg, &fd, &err), 0);
	assert_true(step_send(b, STEP_READY, -1, NULL, &err) < 0); /* and no SIGPIPE */
	close(b);
}

static void another_step_than_the_one_due_is_refused(void **state)
{
	struct err err = ERR_INIT;
	struct step_msg msg;
	int a, b;

	assert_int_equal(step_pair(&a, &b, &err), 0);
	assert_int_equal(step_send(a, STEP_READY, -1, NULL, &err), 0);
	assert_int_equal(step_wait(b, STEP_EXEC, &msg, &err), -EPROTO);
	close(a);
	close(b);
}

static void a_message_of_another_size_is_refused(void **state)
{
	struct err err = ERR_INIT;
	struct step_msg msg;
	int a, b, fd;

	assert_int_equal(step_pair(&a, &b, &err), 0);
	assert_int_equal(send(a, "xyz", 3, 0), 3);
	assert_int_equal(step_receive(b, &msg, &fd, &err), -EPROTO);
	close(a);
	close(b);
}

TEST_MAIN(cmocka_unit_test(a_step_carries_its_error_and_its_descriptor),
	cmocka_unit_test(the_peers_death_is_an_error_for_who_waits),
	cmocka_unit_test(another_step_than_the_one_due_is_refused),
	cmocka_unit_test(a_message_of_another_size_is_refused))
