/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/sha256.h"
#include "base/xalloc.h"

int fixture_setup(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));
	void *scratch = NULL;
	struct err err = ERR_INIT;

	if (!fx || harness_scratch(&scratch) < 0)
		return -1;
	fx->scratch = scratch;
	(void)setenv("SBX_SYNC", "none", 1);
	(void)snprintf(fx->root, sizeof(fx->root), "%s/root", fx->scratch->path);
	fx->globals.root = fx->root;
	fx->store = (struct store)STORE_INIT;
	*state = fx;
	if (store_open(&fx->globals, true, &fx->store, &err) < 0) {
		(void)fprintf(stderr, "# %s\n", err.text);
		return -1;
	}
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *fx = *state;
	void *scratch = fx->scratch;

	store_done(&fx->store);
	free(fx);
	return harness_scratch_done(&scratch);
}

static void digest_of(const char *text, char ret[DIGEST_MAX])
{
	char hex[SHA256_HEX];

	sha256_hex(text, strlen(text), hex);
	(void)snprintf(ret, DIGEST_MAX, "sha256:%s", hex);
}

void fixture_put(struct fixture *fx, const char *text, char ret_digest[DIGEST_MAX])
{
	struct err err = ERR_INIT;

	digest_of(text, ret_digest);
	if (store_put_blob(&fx->store, ret_digest, text, strlen(text), &err) < 0)
		fail_msg("%s", err.text);
}

void fixture_chain(const char *seed, char ret[65])
{
	char digest[DIGEST_MAX];

	digest_of(seed, digest);
	(void)snprintf(ret, 65, "%s", digest + 7);
}

void fixture_layer_digest(const char *seed, char ret[DIGEST_MAX])
{
	autofree char *blob = xasprintf("layer %s", seed);

	digest_of(blob, ret);
}

static void make_layer(struct fixture *fx, const char *chain)
{
	autofree char *record = xasprintf("%s.json", chain);
	static const char text[] = "{\"diffId\":\"sha256:x\",\"size\":1000,\"inodes\":3}";
	struct err err = ERR_INIT;

	if (mkdirat(fx->store.layers, chain, 0755) < 0 && errno != EEXIST)
		fail_msg("mkdir: %s", strerror(errno));
	if (fs_write_at(fx->store.layers, record, text, strlen(text), FS_NOSYNC, &err) < 0)
		fail_msg("%s", err.text);
}

void fixture_image(struct fixture *fx, const char *ref, const char *seed, char ret_id[DIGEST_MAX])
{
	autofree char *config = NULL, *manifest = NULL, *blob = xasprintf("layer %s", seed),
		      *known = NULL;
	char chain[65], layer[DIGEST_MAX], digest[DIGEST_MAX];
	static const char type[] = "application/vnd.oci.image.manifest.v1+json";
	struct err err = ERR_INIT;

	fixture_chain(seed, chain);
	make_layer(fx, chain);
	fixture_put(fx, blob, layer);
	config = xasprintf(
		"{\"created\":\"2024-05-06T07:08:09.5Z\",\"architecture\":\"amd64\","
		"\"os\":\"linux\",\"author\":\"%s\",\"config\":{\"Cmd\":[\"sh\"],\"Env\":[\"A=1\","
		"\"HOME_SECRET\",\"=x\"],\"User\":\"redis\",\"WorkingDir\":\"/data\","
		"\"Volumes\":{\"/data\":{}},\"ExposedPorts\":{\"6379/tcp\":{}}},"
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}",
		seed, chain);
	fixture_put(fx, config, ret_id);
	manifest = xasprintf(
		"{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":{\"mediaType\":"
		"\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":%zu},"
		"\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\","
		"\"digest\":\"%s\",\"size\":%zu}]}",
		type, ret_id, strlen(config), layer, strlen(blob));
	fixture_put(fx, manifest, digest);
	/* As a pull does it: with the digest the registry knows the image by. */
	if (ref && !strchr(ref, '@'))
		known = xasprintf("%s@%s", ref, digest);
	if (store_set_ref(&fx->store, known ? known : ref, digest, (int64_t)strlen(manifest), type,
		    &err) < 0)
		fail_msg("%s", err.text);
}
