/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/instruction.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "harness.h"

static struct instruction expanded(const char *text, struct err *err)
{
	autodockerfile struct dockerfile file = { 0 };
	autostrv struct strv env = STRV_INIT;
	struct expansion how = { .escape = '\\', .env = &env };
	struct instruction in = { 0 };

	strv_add(&env, "X=one");
	strv_add(&env, "PORTS=80 90/udp");
	assert_int_equal(dockerfile_parse("D", text, strlen(text), &file, err), 0);
	assert_int_equal(instruction_parse(&file.nodes[0], &in, err), 0);
	if (instruction_expand(&in, &how, err) < 0)
		in.kind = INS_KINDS;
	return in;
}

static void values_are_replaced_where_the_reference_says_so(void **state)
{
	struct err err = ERR_INIT;
	autoinstruction struct instruction env = expanded("ENV A=$X B='$X'", &err);
	autoinstruction struct instruction copy = expanded(
		"COPY --chown=$X $X/a <<F \"/$X\"\nit's \"$X\"\nF\n", &err);
	autoinstruction struct instruction quoted = expanded("COPY <<'F' /d\n$X\nF\n", &err);
	autoinstruction struct instruction cmd = expanded("CMD echo $X", &err);

	assert_string_equal(env.pairs[0].value, "one");
	assert_string_equal(env.pairs[1].value, "$X");
	assert_string_equal(copy.copy.chown, "one");
	assert_string_equal(copy.copy.sources.v[0], "one/a");
	assert_string_equal(copy.copy.dest, "/one");
	assert_string_equal(copy.copy.inlines[0].data, "it's \"one\"\n");
	assert_string_equal(quoted.copy.inlines[0].data, "$X\n");
	assert_string_equal(cmd.args.v[0], "echo $X"); /* the shell's business, when it runs */
}

static void mounts_are_read_with_their_values(void **state)
{
	struct err err = ERR_INIT;
	autoinstruction struct instruction in = expanded(
		"RUN --mount=type=cache,target=/$X,sharing=locked,uid=5 "
		"--mount='target=/s,type=secret,\"id=a,b\",required' "
		"--mount=type=tmpfs,target=/t,size=64m --mount=target=/b,rw true",
		&err);

	assert_int_equal(in.run.n_mounts, 4);
	assert_int_equal(in.run.mounts[0].type, MOUNT_CACHE);
	assert_string_equal(in.run.mounts[0].target, "/one");
	assert_int_equal(in.run.mounts[0].sharing, SHARING_LOCKED);
	assert_int_equal(in.run.mounts[0].uid, 5);
	assert_int_equal(in.run.mounts[0].gid, RUN_ID_UNSET);
	assert_false(in.run.mounts[0].readonly);
	assert_int_equal(in.run.mounts[1].type, MOUNT_SECRET);
	assert_string_equal(in.run.mounts[1].id, "a,b");
	assert_true(in.run.mounts[1].required && in.run.mounts[1].readonly);
	assert_int_equal(in.run.mounts[2].size, 64 << 20);
	assert_false(in.run.mounts[3].readonly);
}

static void mounts_that_make_no_sense_are_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "type=bnd", "unsupported mount type \"bnd\" (did you mean bind?)" },
		{ "type=bind,size=1m", "unexpected key 'size' for mount type 'bind'" },
		{ "type=bind,uid=1", "uid not allowed for \"bind\" type mounts" },
		{ "type=secret", "invalid secret mount. one of source, target required" },
		{ "type=cache,sharing=loked",
			"unsupported sharing value \"loked\" (did you mean locked?)" },
		{ "type=tmpfs,sharing=locked", "invalid cache sharing set for tmpfs mount" },
		{ "trget=/x", "unexpected key 'trget' in 'trget=/x' (did you mean target?)" },
		{ "type=bind,target", "invalid field 'target' must be a key=value pair" },
		{ "ro=maybe", "invalid value for ro: maybe" },
		{ "type=cache,mode=9", "invalid value 9 for mode" },
		{ "bind-propagation=shared", "unexpected key 'bind-propagation' in "
					     "'bind-propagation=shared'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		autobuf struct buf text = BUF_INIT;
		struct instruction in;

		buf_addf(&text, "RUN --mount=%s true", cases[i][0]);
		in = expanded(text.data, &err);
		assert_int_equal(in.kind, INS_KINDS);
		assert_string_equal(err.text, cases[i][1]);
		instruction_done(&in);
	}
}

static void shell_says(const char *text, const char *want, bool want_script)
{
	struct err err = ERR_INIT;
	autoinstruction struct instruction in = expanded(text, &err);
	bool script;
	autofree char *got = instruction_shell_text(&in, &script);

	assert_string_equal(got, want);
	assert_int_equal(script, want_script);
}

static void heredocs_of_run_are_the_shells_or_scripts(void **state)
{
	shell_says("RUN <<-E\n\techo $X\nE\n", "echo $X\n", false);
	shell_says("RUN <<E\n#!/usr/bin/env python3\nprint(1)\nE\n",
		"#!/usr/bin/env python3\nprint(1)\n", true);
	shell_says(
		"RUN <<E bash && <<F cat\na\nE\nb\nF\n", "<<E bash && <<F cat\na\nE\nb\nF", false);
	shell_says("RUN a && b", "a && b", false);
}

static void ports_say(const char *text, const char *want)
{
	struct err err = ERR_INIT;
	autoinstruction struct instruction in = expanded(text, &err);
	autostrv struct strv ports = STRV_INIT;
	autobuf struct buf got = BUF_INIT;

	if (instruction_ports(&in, &ports, &err) < 0)
		buf_adds(&got, err.text);
	else
		strv_each (port, &ports)
			buf_addf(&got, "%s ", *port);
	assert_string_equal(got.data, want);
}

static void ports_are_spread_and_checked(void **state)
{
	ports_say("EXPOSE 80", "80/tcp ");
	ports_say("EXPOSE $PORTS 7000-7002/UDP", "80/tcp 90/udp 7000/udp 7001/udp 7002/udp ");
	ports_say("EXPOSE 80:8080", "8080/tcp ");
	ports_say("EXPOSE 70000", "invalid containerPort: 70000");
	ports_say("EXPOSE 9-8", "invalid containerPort: 9-8");
	ports_say("EXPOSE 80/icmp", "invalid port: \"80/icmp\": invalid proto: icmp");
}

TEST_MAIN(cmocka_unit_test(values_are_replaced_where_the_reference_says_so),
	cmocka_unit_test(mounts_are_read_with_their_values),
	cmocka_unit_test(mounts_that_make_no_sense_are_refused),
	cmocka_unit_test(heredocs_of_run_are_the_shells_or_scripts),
	cmocka_unit_test(ports_are_spread_and_checked))
