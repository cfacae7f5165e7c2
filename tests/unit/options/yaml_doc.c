/* SPDX-License-Identifier: Apache-2.0 */
#include "options/yaml_doc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "harness.h"

static void becomes(const char *yaml, const char *json)
{
	autojson struct json *doc = NULL;
	autobuf struct buf text = BUF_INIT;
	struct err err = ERR_INIT;

	if (yaml_parse(yaml, strlen(yaml), &doc, &err) < 0)
		fail_msg("%s: %s", yaml, err.text);
	json_write(doc, 0, &text);
	assert_string_equal(text.data, json);
}

static void refused(const char *yaml, const char *says)
{
	struct json *doc = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(yaml_parse(yaml, strlen(yaml), &doc, &err), -EINVAL);
	assert_null(doc);
	if (!strstr(err.text, says))
		fail_msg("'%s' lacks '%s'", err.text, says);
}

static void maps_lists_and_words_become_json(void **state)
{
	becomes("kind: vendor.com/gpu\ndevices:\n- name: \"0\"\n  a: {b: [x, 'y']}\n",
		"{\"kind\":\"vendor.com/gpu\",\"devices\":[{\"name\":\"0\",\"a\":{\"b\":[\"x\",\"y\"]}}]}");
	becomes("---\na: |\n  two\n  lines\n...\n", "{\"a\":\"two\\nlines\\n\"}");
	becomes("[]", "[]");
	becomes("a:", "{\"a\":null}");
}

static void plain_scalars_have_the_types_of_the_core_schema(void **state)
{
	becomes("[0, -12, 0x1f, 0o17, 0755, +3]", "[0,-12,31,15,755,3]");
	becomes("[true, False, ~, null, yes, no, on]",
		"[true,false,null,null,\"yes\",\"no\",\"on\"]");
	becomes("[1.5, 1e3, 0x, 0o8, 99999999999999999999, '7', -, 1.2.3]",
		"[\"1.5\",\"1e3\",\"0x\",\"0o8\",\"99999999999999999999\",\"7\",\"-\",\"1.2.3\"]");
}

static void what_could_explode_is_refused_with_its_line(void **state)
{
	char deep[200];

	refused("a: 1\nb: &x [1]\n", "line 2: anchors, aliases and tags");
	refused("a: *x\n", "anchors, aliases and tags");
	refused("a: !!binary aGk=\n", "anchors, aliases and tags");
	refused("a: 1\na: 2\n", "line 2: a key that was there before");
	refused("? [a]\n: b\n", "a key that is no word");
	refused("a: 1\n---\nb: 2\n", "more than one document");
	refused("", "no document");
	refused("a: \"x\\0y\"\n", "NUL");
	refused("a: [1\n", "line");
	refused("a: \xff\xfe\n", "line");
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	refused(deep, "64 levels");
}

TEST_MAIN(cmocka_unit_test(maps_lists_and_words_become_json),
	cmocka_unit_test(plain_scalars_have_the_types_of_the_core_schema),
	cmocka_unit_test(what_could_explode_is_refused_with_its_line))
