/* SPDX-License-Identifier: Apache-2.0 */
#include "image/changes.h"

#include <errno.h>
#include <stdlib.h>

#include "base/own.h"
#include "harness.h"

/* The config after the instructions, as one line. */
static void gives(const char *const *instructions, const char *want)
{
	autojson struct json *config = json_new_map();
	struct err err = ERR_INIT;
	autobuf struct buf text = BUF_INIT;

	for (; *instructions; instructions++)
		if (changes_apply(config, *instructions, &err) < 0)
			fail_msg("%s", err.text);
	json_write(config, 0, &text);
	assert_string_equal(text.data, want);
}

#define GIVES(want, ...) gives((const char *const[]){ __VA_ARGS__, NULL }, want)

static void refused(const char *instruction, const char *says)
{
	autojson struct json *config = json_new_map();
	struct err err = ERR_INIT;

	assert_int_equal(changes_apply(config, instruction, &err), -EINVAL);
	assert_non_null(strstr(err.text, says));
}

static void commands_have_an_exec_and_a_shell_form(void **state)
{
	(void)state;
	GIVES("{\"Cmd\":[\"a\",\"b c\"]}", "CMD [\"a\", \"b c\"]");
	GIVES("{\"Cmd\":[\"/bin/sh\",\"-c\",\"echo $A | cat\"]}", "cmd   echo $A | cat  ");
	GIVES("{\"Entrypoint\":[\"/bin/sh\",\"-c\",\"[ 1 = 1 ]\"]}", "ENTRYPOINT [ 1 = 1 ]");
	GIVES("{\"Cmd\":[]}", "CMD []");
}

static void healthcheck_keeps_its_flags_and_both_forms(void **state)
{
	(void)state;
	GIVES("{\"Healthcheck\":{\"Interval\":60000000,\"Retries\":2,\"Test\":[\"CMD-SHELL\",\"a || b\"]}}",
		"HEALTHCHECK --interval=60ms --retries=2 CMD a || b");
	GIVES("{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\",\"b\"]}}",
		"HEALTHCHECK CMD [\"a\", \"b\"]");
	GIVES("{\"Healthcheck\":{\"Test\":[\"NONE\"]}}", "HEALTHCHECK NONE");
	refused("HEALTHCHECK true", "neither NONE nor CMD");
	refused("HEALTHCHECK --color=1 CMD a", "unknown flag '--color=1'");
	refused("HEALTHCHECK --retries=0 CMD a", "too little");
}

static void the_last_command_counts(void **state)
{
	(void)state;
	GIVES("{\"Cmd\":[\"b\"]}", "CMD [\"a\"]", "CMD [\"b\"]");
}

static void env_and_label_take_pairs_with_quotes(void **state)
{
	(void)state;
	GIVES("{\"Env\":[\"A=1\",\"B=x y\",\"C=d e\"]}", "ENV A=1 B=\"x y\" C=d\\ e");
	GIVES("{\"Env\":[\"A=the rest of it\"]}", "ENV A the rest of it");
	GIVES("{\"Env\":[\"A=2\",\"B=1\"]}", "ENV A=1 B=1", "ENV A=2");
	GIVES("{\"Labels\":{\"a.b\":\"c=d\",\"e\":\"\"}}", "LABEL a.b='c=d' e=");
}

static void ports_have_ranges_and_protocols(void **state)
{
	(void)state;
	GIVES("{\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{},\"7000/tcp\":{},\"7001/tcp\":{}}}",
		"EXPOSE 80 53/UDP 7000-7001");
}

static void other_instructions_set_their_field(void **state)
{
	(void)state;
	GIVES("{\"Volumes\":{\"/a\":{},\"/b\":{}}}", "VOLUME [\"/a\"]", "VOLUME /b");
	GIVES("{\"WorkingDir\":\"/a/b\"}", "WORKDIR /a", "WORKDIR b");
	GIVES("{\"User\":\"1000:50\",\"StopSignal\":\"SIGINT\",\"OnBuild\":[\"RUN true\"]}",
		"USER 1000:50", "STOPSIGNAL SIGINT", "ONBUILD RUN true");
}

static void nonsense_is_refused_by_name(void **state)
{
	(void)state;
	refused("RUN rm -rf /", "'RUN' is not a valid change command");
	refused("", "not a valid change command");
	refused("CMD", "CMD needs an argument");
	refused("ENV A", "must have two arguments");
	refused("ENV A=1 B", "'B' is not of the form name=value");
	refused("LABEL a=\"b", "not closed");
	refused("EXPOSE 0", "invalid port");
	refused("EXPOSE 65536", "invalid port");
	refused("EXPOSE 90-80", "invalid port");
	refused("EXPOSE 80/icmp", "invalid protocol");
	refused("VOLUME data", "not an absolute path");
}

TEST_MAIN(cmocka_unit_test(commands_have_an_exec_and_a_shell_form),
	cmocka_unit_test(healthcheck_keeps_its_flags_and_both_forms),
	cmocka_unit_test(the_last_command_counts),
	cmocka_unit_test(env_and_label_take_pairs_with_quotes),
	cmocka_unit_test(ports_have_ranges_and_protocols),
	cmocka_unit_test(other_instructions_set_their_field),
	cmocka_unit_test(nonsense_is_refused_by_name))
