/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

struct capture {
	int read_end, write_end;
	char text[4096];
};

static void capture_start(struct capture *c)
{
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	c->read_end = pipes[0];
	c->write_end = pipes[1];
	log_to(c->write_end);
}

static const char *capture_end(struct capture *c)
{
	ssize_t n;

	close(c->write_end);
	n = read(c->read_end, c->text, sizeof(c->text) - 1);
	close(c->read_end);
	c->text[n > 0 ? n : 0] = '\0';
	log_to(STDERR_FILENO);
	return c->text;
}

static void levels_choose_what_is_said(void **state)
{
	struct capture c;

	(void)state;
	capture_start(&c);
	log_init("sbx", LOG_WARN);
	log_msg(LOG_ERROR, "one");
	log_msg(LOG_WARN, "two %d", 2);
	log_msg(LOG_INFO, "three");
	log_msg(LOG_DEBUG, "four");
	log_init("sbx-fuse", LOG_DEBUG);
	log_msg(LOG_DEBUG, "five");
	assert_string_equal(capture_end(&c), "sbx: one\nsbx: two 2\nsbx-fuse: five\n");
}

static void errors_show_id_and_text_on_one_line(void **state)
{
	struct capture c;
	struct err err = ERR_INIT;

	(void)state;
	log_init("sbx", LOG_INFO);
	capture_start(&c);
	err_id(&err, -EPERM, "E-NAME", "bad\nname \033[1m");
	log_err(&err);
	err_set(&err, -EPERM, "plain");
	log_err(&err);
	assert_string_equal(capture_end(&c), "sbx: E-NAME: bad\\x0aname \\x1b[1m\nsbx: plain\n");
}

static void level_names_are_dockers(void **state)
{
	enum log_level level = LOG_ERROR;

	(void)state;
	assert_int_equal(log_parse_level("debug", &level), 0);
	assert_int_equal(level, LOG_DEBUG);
	assert_int_equal(log_parse_level("warning", &level), 0);
	assert_int_equal(level, LOG_WARN);
	assert_int_equal(log_parse_level("loud", &level), -EINVAL);
	assert_int_equal(level, LOG_WARN);
}

TEST_MAIN(cmocka_unit_test(levels_choose_what_is_said),
	cmocka_unit_test(errors_show_id_and_text_on_one_line),
	cmocka_unit_test(level_names_are_dockers))
