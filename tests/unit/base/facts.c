/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include "base/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define KEY "user.sbx.stat"

/* scratch/layer with a link and a directory in it; the layer is returned, O_PATH. */
static int make_layer(struct scratch *s)
{
	int dir;

	assert_int_equal(mkdirat(s->fd, "layer", 0755), 0);
	dir = openat(s->fd, "layer", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir >= 0);
	assert_int_equal(symlinkat("target", dir, "link"), 0);
	assert_int_equal(mkdirat(dir, "dir", 0755), 0);
	return dir;
}

/* Writes layer.beside: its head, then what is said of link and dir, then `more`. */
static void write_beside(struct scratch *s, int layer, const char *more)
{
	static const char *const names[] = { "link", "dir" };
	int fd = openat(s->fd, "layer" FACT_SUFFIX, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	struct facts facts;
	char line[FACT_LINE];

	assert_true(fd >= 0);
	assert_int_equal(facts_init(&facts, layer), 0);
	assert_true(write(fd, line, (size_t)facts_head(&facts, line)) > 0);
	for (size_t i = 0; i < 2; i++) {
		struct fact_key of = { 0 };
		struct statx st;

		assert_int_equal(facts_key(&facts, layer, names[i], &of, &st), 0);
		assert_true(write(fd, line,
				    (size_t)facts_line(line, &of,
					    &(struct fact_value){ KEY, names[i], 3 })) > 0);
	}
	assert_int_equal(write(fd, more, strlen(more)), strlen(more));
	close(fd);
	facts_done(&facts);
}

static ssize_t ask(const struct facts *facts, int layer, const char *name, char *buf, size_t size)
{
	return facts_get(facts, layer, name, &(struct fact_asked){ KEY, buf, size, 0 });
}

static void what_xattrs_cannot_say_is_beside(void **state)
{
	struct scratch *s = *state;
	int layer = make_layer(s);
	struct facts facts;
	char buf[8];

	write_beside(s, layer, "");
	assert_int_equal(facts_read(&facts, s->fd, "layer"), 0);
	assert_int_equal(facts.n, 2);
	assert_int_equal(ask(&facts, layer, "link", buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "lin", 3);
	assert_int_equal(ask(&facts, layer, "link", NULL, 0), 3);
	assert_int_equal(ask(&facts, layer, "link", buf, 2), -ERANGE);
	assert_int_equal(ask(&facts, layer, "absent", buf, sizeof(buf)), -ENOENT);
	/* a directory has xattrs; where its file system has none, it is beside as well */
	assert_int_equal(facts_instead(&facts, layer, "dir",
				 &(struct fact_asked){ KEY, buf, sizeof(buf), -ENODATA }),
		-ENODATA);
	assert_int_equal(facts_instead(&facts, layer, "dir",
				 &(struct fact_asked){ KEY, buf, sizeof(buf), -EOPNOTSUPP }),
		3);
	assert_memory_equal(buf, "dir", 3);
	facts_done(&facts);
	close(layer);
}

static void no_file_says_nothing(void **state)
{
	struct scratch *s = *state;
	int layer = make_layer(s);
	struct facts facts;
	char buf[8];

	assert_int_equal(facts_read(&facts, s->fd, "layer"), 0);
	assert_true(ask(&facts, layer, "link", buf, sizeof(buf)) < 0);
	facts_done(&facts);
	assert_true(ask(NULL, layer, "link", buf, sizeof(buf)) < 0);
	assert_int_equal(facts_read(&facts, s->fd, "absent"), -ENOENT);
	close(layer);
}

static void nonsense_says_nothing(void **state)
{
	static const char *const nonsense[] = { "\n\n", "00000000 1 2 3 k 00\n", "deadbeef",
		"ffffffff ", "\xff\xfe\n\x80", "%s%n%s%n\n",
		"12345678 99999999999999999999999999 1 1 k zz\n" };
	struct scratch *s = *state;
	int layer = make_layer(s);
	struct facts facts;
	char longer[3000];

	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		write_beside(s, layer, nonsense[i]);
		assert_int_equal(facts_read(&facts, s->fd, "layer"), 0);
		assert_int_equal(facts.n, 2);
		facts_done(&facts);
	}
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	write_beside(s, layer, longer);
	assert_int_equal(facts_read(&facts, s->fd, "layer"), 0);
	assert_int_equal(facts.n, 2);
	assert_true(facts.torn);
	facts_done(&facts);
	close(layer);
}

static void the_file_of_another_directory_says_nothing(void **state)
{
	struct scratch *s = *state;
	int layer = make_layer(s);
	struct facts facts;

	write_beside(s, layer, "");
	assert_int_equal(renameat(s->fd, "layer", s->fd, "old"), 0);
	assert_int_equal(mkdirat(s->fd, "layer", 0755), 0);
	assert_int_equal(facts_read(&facts, s->fd, "layer"), 0);
	assert_int_equal(facts.n, 0);
	assert_false(facts.foreign);
	facts_done(&facts);
	close(layer);
}

static void a_link_or_pipe_in_its_place_is_not_read(void **state)
{
	struct scratch *s = *state;
	int layer = make_layer(s);
	struct facts facts;

	assert_int_equal(mkfifoat(s->fd, "layer" FACT_SUFFIX, 0600), 0);
	assert_int_equal(facts_read(&facts, s->fd, "layer"), 0);
	facts_done(&facts);
	assert_int_equal(unlinkat(s->fd, "layer" FACT_SUFFIX, 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", s->fd, "layer" FACT_SUFFIX), 0);
	assert_int_equal(facts_read(&facts, s->fd, "layer"), -ELOOP);
	close(layer);
}

#define scratch_test(name) \
	cmocka_unit_test_setup_teardown(name, harness_scratch, harness_scratch_done)

TEST_MAIN(scratch_test(what_xattrs_cannot_say_is_beside), scratch_test(no_file_says_nothing),
	scratch_test(nonsense_says_nothing),
	scratch_test(the_file_of_another_directory_says_nothing),
	scratch_test(a_link_or_pipe_in_its_place_is_not_read))
