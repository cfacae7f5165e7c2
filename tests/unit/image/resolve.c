/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"

#define REDIS "docker.io/library/redis:latest"

static int resolve(struct fixture *fx, const char *name, struct err *err)
{
	autoimage struct image image = { 0 };

	*err = (struct err)ERR_INIT;
	return image_resolve(&fx->globals, name, &image, err);
}

static void an_image_is_found_by_every_name_it_has(void **state)
{
	struct fixture *fx = *state;
	autoimage struct image image = { 0 };
	char id[DIGEST_MAX], shorter[13], chain[65];
	struct err err = ERR_INIT;

	fixture_image(fx, REDIS, "one", id);
	fixture_chain("one", chain);
	assert_int_equal(image_resolve(&fx->globals, "redis", &image, &err), 0);
	assert_string_equal(image.id, id);
	assert_string_equal(image.ref, "redis");
	assert_int_equal(image.layers.n, 1);
	assert_int_equal(image.layers.v[0][0], '/');
	assert_string_equal(strrchr(image.layers.v[0], '/') + 1, chain);
	assert_string_equal(image.user, "redis");
	assert_int_equal(image.env.n, 1);
	(void)snprintf(shorter, sizeof(shorter), "%s", id + 7);
	assert_int_equal(resolve(fx, shorter, &err), 0);
	assert_int_equal(resolve(fx, id, &err), 0);
	assert_int_equal(resolve(fx, id + 7, &err), 0);
	assert_int_equal(resolve(fx, "docker.io/library/redis:latest", &err), 0);
	{
		autofree char *digest = xasprintf("redis@%s", image.manifest);

		assert_int_equal(resolve(fx, digest, &err), 0);
	}
}

static void an_unknown_image_is_enoent(void **state)
{
	struct fixture *fx = *state;
	char id[DIGEST_MAX];
	struct err err;

	fixture_image(fx, REDIS, "one", id);
	assert_int_equal(resolve(fx, "redis:7", &err), -ENOENT);
	assert_string_equal(err.text, "No such image: redis:7");
	assert_int_equal(resolve(fx, "nosuch", &err), -ENOENT);
	assert_int_equal(resolve(fx, "0000000000ff", &err), -ENOENT);
	assert_int_equal(resolve(fx, "example.com/library/redis", &err), -ENOENT);
	assert_int_equal(resolve(fx, "UPPER", &err), -EINVAL);
}

static void an_empty_store_has_no_images(void **state)
{
	struct globals globals = { .root = (char *)"/nonexistent/sbx" };
	autoimage struct image image = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(image_resolve(&globals, "redis", &image, &err), -ENOENT);
}

static void an_ambiguous_prefix_is_refused(void **state)
{
	struct fixture *fx = *state;
	char id[DIGEST_MAX], other[DIGEST_MAX], seed[20], prefix[2];
	struct err err;

	fixture_image(fx, REDIS, "one", id);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(seed, sizeof(seed), "seed %d", i);
		fixture_image(fx, NULL, seed, other);
		if (other[7] == id[7])
			break;
	}
	(void)snprintf(prefix, sizeof(prefix), "%c", id[7]);
	assert_int_equal(resolve(fx, prefix, &err), -ENOTUNIQ);
	assert_int_equal(resolve(fx, id, &err), 0);
}

static void a_missing_layer_asks_for_another_pull(void **state)
{
	struct fixture *fx = *state;
	char id[DIGEST_MAX], chain[65], record[80];
	struct err err;

	fixture_image(fx, REDIS, "one", id);
	fixture_chain("one", chain);
	(void)snprintf(record, sizeof(record), "%s.json", chain);
	assert_int_equal(unlinkat(fx->store.layers, record, 0), 0);
	assert_int_equal(resolve(fx, "redis", &err), -EUCLEAN);
	assert_non_null(strstr(err.text, "Pull the image again"));
}

/* Not -ENOENT: a caller must not take a damaged image for a missing one without saying so. */
static void a_missing_config_is_damage(void **state)
{
	struct fixture *fx = *state;
	char id[DIGEST_MAX];
	struct err err;

	fixture_image(fx, REDIS, "one", id);
	assert_int_equal(unlinkat(fx->store.blobs, id + 7, 0), 0);
	assert_int_equal(resolve(fx, "redis", &err), -EUCLEAN);
}

/* An image of two layers, "one" below "two". */
static void two_layers(struct fixture *fx, struct image *ret)
{
	autofree char *config = NULL, *manifest = NULL;
	char id[DIGEST_MAX], below[65], above[65], digest[DIGEST_MAX];
	static const char type[] = "application/vnd.oci.image.manifest.v1+json";
	autostrv struct strv diff = STRV_INIT, chains = STRV_INIT;
	struct err err = ERR_INIT;

	fixture_image(fx, NULL, "one", id);
	fixture_image(fx, NULL, "two", id);
	fixture_chain("one", below);
	fixture_chain("two", above);
	strv_addf(&diff, "sha256:%s", below);
	strv_addf(&diff, "sha256:%s", above);
	chain_ids(&diff, &chains);
	assert_int_equal(renameat(fx->store.layers, above, fx->store.layers, chains.v[1]), 0);
	{
		autofree char *from = xasprintf("%s.json", above),
			      *to = xasprintf("%s.json", chains.v[1]);

		assert_int_equal(renameat(fx->store.layers, from, fx->store.layers, to), 0);
	}
	config = xasprintf("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\",\"%s\"]}}",
		diff.v[0], diff.v[1]);
	fixture_put(fx, config, id);
	manifest = xasprintf(
		"{\"schemaVersion\":2,\"config\":{\"mediaType\":"
		"\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":1},"
		"\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\","
		"\"digest\":\"%s\",\"size\":1},{\"mediaType\":"
		"\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"%s\",\"size\":1}]}",
		id, diff.v[0], diff.v[1]);
	fixture_put(fx, manifest, digest);
	assert_int_equal(store_set_ref(&fx->store, REDIS, digest, 1, type, &err), 0);
	assert_int_equal(image_resolve(&fx->globals, "redis", ret, &err), 0);
}

static void an_opaque_root_hides_the_layers_below(void **state)
{
	struct fixture *fx = *state;
	autoimage struct image image = { 0 }, again = { 0 };
	autofree char *record = NULL;
	char below[65];
	struct err err = ERR_INIT;

	two_layers(fx, &image);
	fixture_chain("one", below);
	assert_int_equal(image.layers.n, 2);
	assert_string_equal(strrchr(image.layers.v[0], '/') + 1, below);
	record = xasprintf("%s.json", image.layers.v[1]);
	assert_int_equal(setxattr(record, LAYER_OPAQUE, "y", 1, 0), 0);
	assert_int_equal(image_resolve(&fx->globals, "redis", &again, &err), 0);
	assert_int_equal(again.layers.n, 1);
	assert_string_equal(again.layers.v[0], image.layers.v[1]);
}

static void a_name_that_moves_leaves_an_untagged_image(void **state)
{
	struct fixture *fx = *state;
	char first[DIGEST_MAX], second[DIGEST_MAX];
	autoimage struct image image = { 0 };
	struct err err;

	fixture_image(fx, REDIS, "one", first);
	fixture_image(fx, REDIS, "two", second);
	assert_string_not_equal(first, second);
	assert_int_equal(image_resolve(&fx->globals, "redis", &image, &err), 0);
	assert_string_equal(image.id, second);
	assert_int_equal(resolve(fx, first, &err), 0);
}

static void the_digest_of_a_pulled_index_is_remembered(void **state)
{
	struct fixture *fx = *state;
	char id[DIGEST_MAX];
	struct err err;

	fixture_image(fx,
		"docker.io/library/redis@sha256:"
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"one", id);
	assert_int_equal(resolve(fx,
				 "redis@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca49"
				 "5991b7852b855",
				 &err),
		0);
	assert_int_equal(resolve(fx,
				 "nginx@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca49"
				 "5991b7852b855",
				 &err),
		-ENOENT);
	assert_int_equal(resolve(fx, "redis", &err), -ENOENT);
}

static void a_damaged_index_is_an_error_not_an_empty_store(void **state)
{
	struct fixture *fx = *state;
	struct err err;

	scratch_write(fx->scratch, "root/images/index.json", "{\"manifests\":");
	assert_true(resolve(fx, "redis", &err) < 0);
	assert_int_not_equal(err.code, -ENOENT);
}

TEST_MAIN(FIXTURE_TEST(an_image_is_found_by_every_name_it_has),
	FIXTURE_TEST(an_unknown_image_is_enoent), FIXTURE_TEST(an_empty_store_has_no_images),
	FIXTURE_TEST(an_ambiguous_prefix_is_refused),
	FIXTURE_TEST(a_missing_layer_asks_for_another_pull),
	FIXTURE_TEST(a_missing_config_is_damage),
	FIXTURE_TEST(an_opaque_root_hides_the_layers_below),
	FIXTURE_TEST(a_name_that_moves_leaves_an_untagged_image),
	FIXTURE_TEST(the_digest_of_a_pulled_index_is_remembered),
	FIXTURE_TEST(a_damaged_index_is_an_error_not_an_empty_store))
