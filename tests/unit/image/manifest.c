/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "image/store_private.h"

#define D         "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define OCI       "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define CONFIG                                                                        \
	"{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"" D \
	"\",\"size\":7}"
#define LAYER                                                                            \
	"{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"" D \
	"\",\"size\":9}"
#define MANIFEST "{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[" LAYER "]}"
#define TYPED(t) \
	"{\"schemaVersion\":2,\"mediaType\":\"" t "\",\"config\":" CONFIG ",\"layers\":[" LAYER "]}"

static int parse(const char *text, const char *type, struct err *err)
{
	automanifest struct manifest m = { 0 };

	*err = (struct err)ERR_INIT;
	return manifest_parse(text, strlen(text), type, &m, err);
}

static void a_manifest_yields_config_and_layers(void **state)
{
	automanifest struct manifest m = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(manifest_parse(MANIFEST, strlen(MANIFEST), OCI, &m, &err), 0);
	assert_int_equal(m.kind, DOC_MANIFEST);
	assert_string_equal(m.config.digest, D);
	assert_int_equal(m.n_layers, 1);
	assert_int_equal(m.layers[0].size, 9);
}

static void header_parameters_and_vague_headers_are_accepted(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(parse(TYPED(OCI), OCI "; charset=utf-8", &err), 0);
	assert_int_equal(parse(TYPED(OCI), "application/json", &err), 0);
	assert_int_equal(parse(TYPED(OCI), NULL, &err), 0);
}

static void a_document_that_is_two_things_is_ambiguous(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(parse("{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[" LAYER
			       "],\"manifests\":[]}",
				 NULL, &err),
		-EINVAL);
	assert_non_null(strstr(err.text, "ambiguous"));
	assert_int_equal(parse(TYPED(OCI), OCI_INDEX, &err), -EINVAL);
	assert_non_null(strstr(err.text, "ambiguous"));
	assert_int_equal(parse(TYPED(OCI_INDEX), NULL, &err), -EINVAL);
	assert_non_null(strstr(err.text, "ambiguous"));
	assert_int_equal(parse(MANIFEST, OCI_INDEX, &err), -EINVAL);
	assert_int_equal(parse("{\"schemaVersion\":2}", NULL, &err), -EINVAL);
}

static void schema_1_is_named_and_refused(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(parse("{\"schemaVersion\":1,\"name\":\"x\",\"fsLayers\":[]}",
				 "application/vnd.docker.distribution.manifest.v1+prettyjws", &err),
		-EPROTONOSUPPORT);
	assert_non_null(strstr(err.text, "schema 1"));
	assert_int_equal(
		parse(MANIFEST, "application/vnd.docker.distribution.manifest.v1+json", &err),
		-EPROTONOSUPPORT);
}

static void a_config_that_is_no_image_config_is_refused(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(parse("{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI
			       "\",\"digest\":\"" D "\",\"size\":7},\"layers\":[" LAYER "]}",
				 NULL, &err),
		-EINVAL);
	assert_non_null(strstr(err.text, "not a container image"));
}

static void malformed_digests_and_sizes_are_refused(void **state)
{
	static const char *const layers[] = {
		"{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"sha256:../../x\",\"size\":1}",
		"{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"md5:00\",\"size\":1}",
		"{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"" D
		"\",\"size\":-1}",
		"{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"" D "\"}",
		"{\"mediaType\":\"application/x-lrzip\",\"digest\":\"" D "\",\"size\":1}",
		"{\"digest\":\"" D "\",\"size\":1}",
		"null",
		"7",
		"[]",
	};
	char text[1024];
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(layers); i++) {
		(void)snprintf(text, sizeof(text),
			"{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[%s]}", layers[i]);
		assert_int_equal(parse(text, NULL, &err), -EINVAL);
	}
}

static char *many_layers(size_t n)
{
	struct buf text = BUF_INIT;

	buf_adds(&text, "{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[");
	for (size_t i = 0; i < n; i++)
		buf_addf(&text, "%s%s", i ? "," : "", LAYER);
	buf_adds(&text, "]}");
	return buf_steal(&text);
}

static void layers_are_counted(void **state)
{
	autofree char *most = many_layers(127), *more = many_layers(128), *none = many_layers(0);
	struct err err;

	(void)state;
	assert_int_equal(parse(most, NULL, &err), 0);
	assert_int_equal(parse(more, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.text, "max depth exceeded"));
	assert_int_equal(parse(none, NULL, &err), 0); /* `FROM scratch` and settings */
}

static void hostile_json_is_refused_without_a_crash(void **state)
{
	static const char *const bad[] = { "", "[", "{", "null", "\xef\xbb\xbf" MANIFEST,
		MANIFEST "x",
		"{\"schemaVersion\":2,\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[" LAYER
		"]}",
		"{\"schemaVersion\":1e309}", "{\"schemaVersion\":2,\"config\":\"\xff\"}",
		"{\"schemaVersion\":\"2\",\"config\":" CONFIG ",\"layers\":[" LAYER "]}" };
	autofree char *deep = malloc(200001);
	autofree char *large = calloc(1, (5u << 20) + 1);
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(parse(bad[i], NULL, &err) < 0);
	memset(deep, '[', 200000);
	deep[200000] = '\0';
	assert_true(parse(deep, NULL, &err) < 0);
	memset(large, ' ', 5u << 20);
	assert_int_equal(parse(large, NULL, &err), -EFBIG);
}

TEST_MAIN(cmocka_unit_test(a_manifest_yields_config_and_layers),
	cmocka_unit_test(header_parameters_and_vague_headers_are_accepted),
	cmocka_unit_test(a_document_that_is_two_things_is_ambiguous),
	cmocka_unit_test(schema_1_is_named_and_refused),
	cmocka_unit_test(a_config_that_is_no_image_config_is_refused),
	cmocka_unit_test(malformed_digests_and_sizes_are_refused),
	cmocka_unit_test(layers_are_counted),
	cmocka_unit_test(hostile_json_is_refused_without_a_crash))
