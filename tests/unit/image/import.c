/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "harness.h"
#include "image/parcel.h"

static void named(const char *source, const char *target, const char *want)
{
	autofree char *name = NULL;
	struct err err = ERR_INIT;

	if (import_name(source, target, &name, &err) < 0)
		fail_msg("%s", err.text);
	if (want)
		assert_string_equal(name, want);
	else
		assert_null(name);
}

static void refused(const char *source, const char *target, const char *says)
{
	struct err err = ERR_INIT;
	char *name = NULL;

	assert_int_equal(import_name(source, target, &name, &err), -EINVAL);
	assert_non_null(strstr(err.text, says));
}

static void names_are_dockers_references(void **state)
{
	(void)state;
	named("a.tar", NULL, NULL);
	named("a.tar", "redis", "docker.io/library/redis:latest");
	named("a.tar", "example.org/x/y:1", "example.org/x/y:1");
	refused("a.tar", "Upper", "lowercase");
	refused("a.tar",
		"a@sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"digest");
}

static void a_tag_alone_takes_the_archives_name(void **state)
{
	int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	log_to(quiet); /* the note */
	named("name.tar", ":TAG", "docker.io/library/name:TAG");
	named("/some/Redis.TAR.gz", ":1", "docker.io/library/redis:1");
	named("https://example.org/dl/my-app.tar.xz?x=1", ":2", "docker.io/library/my-app:2");
	named("plain", ":3", "docker.io/library/plain:3");
	log_to(2);
	(void)close(quiet);
}

static void a_tag_alone_needs_an_archive_with_a_usable_name(void **state)
{
	(void)state;
	refused("-", ":1", "standard input has no name");
	refused("my archive.tar", ":1", "cannot be one");
	refused("dir/", ":1", "cannot be one");
}

TEST_MAIN(cmocka_unit_test(names_are_dockers_references),
	cmocka_unit_test(a_tag_alone_takes_the_archives_name),
	cmocka_unit_test(a_tag_alone_needs_an_archive_with_a_usable_name))
