/* SPDX-License-Identifier: Apache-2.0 */
#include "sample.h"

static void ports_read_as_dockers(void **state)
{
	static const struct {
		const char *network, *exposed, *want;
	} cases[] = {
		{ "{}", "[]", "" },
		{ "{}", "[\"6379/tcp\"]", "6379/tcp" },
		{ "{}", "[\"81/tcp\",\"80/tcp\",\"53/udp\"]", "53/udp, 80-81/tcp" },
		{ "{\"ports\":[{\"ip\":\"\",\"hostPort\":8080,\"port\":80,\"proto\":\"tcp\"}]}",
			"[\"80/tcp\"]", "0.0.0.0:8080->80/tcp" },
		{ "{\"ports\":[{\"ip\":\"127.0.0.1\",\"hostPort\":80,\"port\":80,\"proto\":\"tcp\"}]}",
			"[\"80/udp\"]", "127.0.0.1:80->80/tcp, 80/udp" },
		{ "{\"ports\":[{\"ip\":\"::1\",\"hostPort\":80,\"port\":80,\"proto\":\"tcp\"}]}",
			"[]", "[::1]:80->80/tcp" },
		{ "{\"ports\":[{\"ip\":\"\",\"hostPort\":8001,\"port\":8001,\"proto\":\"tcp\"},"
		  "{\"ip\":\"\",\"hostPort\":8000,\"port\":8000,\"proto\":\"tcp\"}]}",
			"[]", "0.0.0.0:8000-8001->8000-8001/tcp" },
		{ "{\"ports\":[{\"ip\":\"\",\"hostPort\":9001,\"port\":81,\"proto\":\"tcp\"},"
		  "{\"ip\":\"\",\"hostPort\":9000,\"port\":80,\"proto\":\"tcp\"}]}",
			"[]", "0.0.0.0:9000->80/tcp, 0.0.0.0:9001->81/tcp" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autocontainer struct container c = sample();
		autobuf struct buf out = BUF_INIT;

		json_free(c.network);
		c.network = sample_json(cases[i].network);
		json_put(c.config, "exposedPorts", sample_json(cases[i].exposed));
		ports_text(&c, &out);
		assert_string_equal(out.data ? out.data : "", cases[i].want);
	}
}

static void a_stopped_container_shows_no_ports(void **state)
{
	autocontainer struct container c = sample();
	autobuf struct buf out = BUF_INIT;

	(void)state;
	c.status = STATUS_EXITED;
	ports_text(&c, &out);
	assert_int_equal(out.len, 0);
}

TEST_MAIN(cmocka_unit_test(ports_read_as_dockers),
	cmocka_unit_test(a_stopped_container_shows_no_ports))
