/* SPDX-License-Identifier: Apache-2.0 */
#include "sample.h"

static char *render(const struct container *c, const char *text)
{
	struct globals globals = { 0 };
	autotemplate struct template *t = NULL;
	autojson struct json *doc = NULL;
	struct buf out = BUF_INIT;
	struct template_env env = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(container_inspect(&globals, c, false, &doc, &err), 0);
	assert_int_equal(template_parse(text, &t, &err), 0);
	env.data = doc;
	if (template_execute(t, &env, &out, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return buf_steal(&out);
}

/* The templates that scripts use most. */
static void the_usual_templates_work(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "{{.Id}} {{.ID}} {{.Name}}", SAMPLE_ID " " SAMPLE_ID " /web" },
		{ "{{.State.Status}} {{.State.Running}} {{.State.Pid}} {{.State.ExitCode}}",
			"running true 4711 0" },
		{ "{{.State.FinishedAt}}", "0001-01-01T00:00:00Z" },
		{ "{{json .State.Error}}", "\"\"" },
		{ "{{.NetworkSettings.IPAddress}}", "10.88.0.5" },
		{ "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", "10.88.0.5" },
		{ "{{(index (index .NetworkSettings.Ports \"6379/tcp\") 0).HostPort}}", "32768" },
		{ "{{range $p, $b := .NetworkSettings.Ports}}{{$p}}={{$b}};{{end}}",
			"53/udp=<nil>;6379/tcp=[map[HostIp: HostPort:32768]];" },
		{ "{{index .Config.Labels \"a\"}} {{json .Config.Labels}}",
			"1 {\"a\":\"1\",\"z\":\"26\"}" },
		{ "{{range .Mounts}}{{.Type}}:{{.Source}}:{{.Destination}}:{{.RW}} {{end}}",
			"bind:/home/ana/a/long/path:/w:false volume:/v/data/_data:/data:true " },
		{ "{{.HostConfig.Binds}}", "[/home/ana/a/long/path:/w:ro data:/data]" },
		{ "{{.HostConfig.NetworkMode}} {{.HostConfig.RestartPolicy.Name}}", "bridge no" },
		{ "{{.Config.Image}} {{.Image}} {{.Config.User}} {{.Config.WorkingDir}}",
			"redis:7 sha256:feed0000 redis /data" },
		{ "{{.Path}} {{.Args}} {{.Config.Entrypoint}} {{.Config.Cmd}}",
			"docker-entrypoint.sh [redis-server --save] [docker-entrypoint.sh] "
			"[redis-server --save]" },
		{ "{{.Config.StopSignal}} {{.Config.Hostname}} {{.Driver}}",
			"SIGINT web1 overlay" },
		{ "{{.GraphDriver.Data.LowerDir}}", "/l/top:/l/base" },
		{ "{{.Config.Volumes}} {{.HostConfig.CapAdd}}", "map[] []" },
	};
	autocontainer struct container c = sample();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *got = render(&c, cases[i].text);

		assert_string_equal(got, cases[i].want);
	}
}

static void a_stopped_container_has_neither_pid_nor_ports(void **state)
{
	autocontainer struct container c = sample();
	autofree char *got = NULL;

	(void)state;
	c.status = STATUS_EXITED;
	c.exit_code = 3;
	c.finished = 1700000000000000000;
	got = render(&c,
		"{{.State.Status}} {{.State.Pid}} {{.State.ExitCode}} {{.State.FinishedAt}} "
		"{{json .NetworkSettings.Ports}} {{json .HostConfig.PortBindings}}");
	assert_string_equal(got,
		"exited 0 3 2023-11-14T22:13:20Z {} {\"6379/tcp\":[{\"HostIp\":\"\","
		"\"HostPort\":\"0\"}]}");
}

/* What jq filters and clients look for must at least be there. */
static void dockers_keys_are_all_there(void **state)
{
	static const char *const keys[] = { "Id", "Created", "Path", "Args", "State", "Image",
		"ResolvConfPath", "HostnamePath", "HostsPath", "LogPath", "Name", "RestartCount",
		"Driver", "Platform", "MountLabel", "ProcessLabel", "AppArmorProfile", "ExecIDs",
		"HostConfig", "GraphDriver", "Mounts", "Config", "NetworkSettings" };
	autocontainer struct container c = sample();
	autojson struct json *doc = NULL;
	struct globals globals = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(container_inspect(&globals, &c, false, &doc, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		assert_non_null(json_get(doc, keys[i]));
}

TEST_MAIN(cmocka_unit_test(the_usual_templates_work),
	cmocka_unit_test(a_stopped_container_has_neither_pid_nor_ports),
	cmocka_unit_test(dockers_keys_are_all_there))
