/* SPDX-License-Identifier: Apache-2.0 */
/* `sbx images`: one row per name. An image whose documents are damaged still has its row, so that
 * it can be seen and removed. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/store_private.h"

void image_rows_free(struct image_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(rows[i].repository);
		free(rows[i].tag);
	}
	free(rows);
}

/* "docker.io/library/redis@sha256:…" → "docker.io/library/redis" */
static char *before_at(const char *s)
{
	return xstrndup(s, strcspn(s, "@"));
}

void entry_names(const struct json *entry, char **ret_repository, char **ret_tag)
{
	const char *name = index_note(entry, INDEX_REF);
	const char *pulled = index_note(entry, INDEX_DIGEST);
	autofree char *repo = !name && pulled ? before_at(pulled) : NULL;
	autoref struct ref ref = { 0 };

	*ret_repository = NULL;
	*ret_tag = NULL;
	if ((!name && !repo) || ref_parse(name ? name : repo, &ref, &(struct err)ERR_INIT) < 0)
		return;
	*ret_repository = ref_name(&ref);
	if (name)
		*ret_tag = xstrdup(ref.tag);
}

char *entry_repo_digest(const struct json *entry)
{
	const char *pulled = index_note(entry, INDEX_DIGEST);
	const char *at = pulled ? strchr(pulled, '@') : NULL;
	autofree char *repo = at ? before_at(pulled) : NULL;
	autofree char *name = NULL;
	autoref struct ref ref = { 0 };

	if (!repo || ref_parse(repo, &ref, &(struct err)ERR_INIT) < 0)
		return NULL;
	name = ref_name(&ref);
	return xasprintf("%s%s", name, at);
}

bool entry_is(const struct store *store, const struct json *entry, const char *id)
{
	char other[DIGEST_MAX];

	return entry_id(store, entry, other, &(struct err)ERR_INIT) == 0 && strcmp(other, id) == 0;
}

int64_t layer_size(const struct store *store, const char *chain_id)
{
	autofree char *name = xasprintf("%s.json", chain_id);
	autojson struct json *record = NULL;

	if (json_read_at(store->layers, name, 65536, &record, &(struct err)ERR_INIT) < 0)
		return -1;
	return json_int(json_get(record, "size"), 0);
}

int64_t found_size(const struct store *store, const struct found *found, bool *ret_whole)
{
	autostrv struct strv chains = STRV_INIT;
	bool whole = found_chains(found, &chains, &(struct err)ERR_INIT) == 0;
	int64_t sum = 0;

	strv_each (chain, &chains) {
		int64_t size = layer_size(store, *chain);

		sum += size > 0 ? size : 0;
		whole = whole && size >= 0;
	}
	if (ret_whole)
		*ret_whole = whole;
	return sum;
}

/* ---- what is kept with an entry ---- */

/* Other tools write index.json, too: what is not a number there is not there. */
static bool number_note(const struct json *entry, const char *annotation, int64_t *ret)
{
	const char *text = index_note(entry, annotation);
	char *end = NULL;
	long long value;

	if (!text || !*text)
		return false;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || *end || value < 0)
		return false;
	*ret = value;
	return true;
}

bool entry_facts(const struct json *entry, struct entry_facts *ret)
{
	const char *id = index_note(entry, INDEX_ID);
	struct entry_facts facts;

	if (!digest_valid(id) || !number_note(entry, INDEX_BORN, &facts.created) ||
		!number_note(entry, INDEX_SIZE, &facts.size))
		return false;
	(void)snprintf(facts.id, sizeof(facts.id), "%s", id);
	*ret = facts;
	return true;
}

static void put_number(struct json *notes, const char *annotation, int64_t value)
{
	autofree char *text = xasprintf("%lld", (long long)value);

	json_put_string(notes, annotation, text);
}

void entry_note_facts(const struct store *store, struct json *entry)
{
	struct json *notes = json_get(entry, "annotations");
	autofound struct found found = { 0 };
	struct err ignored =
		ERR_INIT; /* whoever asks for the row reads the documents, and finds out */
	int64_t created, size;
	bool whole;

	if (json_kind(notes) != JSON_MAP || entry_load(store, entry, &found, &ignored) < 0)
		return;
	created = config_created(found.config);
	size = found_size(store, &found, &whole);
	if (!whole || created < 0)
		return;
	put_number(notes, INDEX_BORN, created);
	put_number(notes, INDEX_SIZE, size);
}

static void find_facts(const struct store *store, const struct json *entry, struct image_row *row)
{
	autofound struct found found = { 0 };
	struct err ignored = ERR_INIT; /* a damaged image: what can be said is said */

	if (entry_load(store, entry, &found, &ignored) == 0) {
		(void)snprintf(row->id, sizeof(row->id), "%s", found.id);
		row->created = config_created(found.config);
		row->size = found_size(store, &found, NULL);
	} else if (entry_id(store, entry, row->id, &ignored) < 0) {
		(void)snprintf(row->id, sizeof(row->id), "%s", row->digest);
	}
}

static void fill_row(const struct store *store, const struct json *entry, struct image_row *row)
{
	autofree char *repo_digest = entry_repo_digest(entry);
	const char *digest = repo_digest ? strchr(repo_digest, '@') + 1 : index_digest(entry);
	struct entry_facts facts;

	entry_names(entry, &row->repository, &row->tag);
	(void)snprintf(row->digest, sizeof(row->digest), "%s", digest ? digest : "");
	if (!entry_facts(entry, &facts)) {
		find_facts(store, entry, row);
		return;
	}
	(void)snprintf(row->id, sizeof(row->id), "%s", facts.id);
	row->created = facts.created;
	row->size = facts.size;
}

/* Docker's rule: the operand is a pattern for "repository" or "repository:tag". */
static bool wanted(const struct json *entry, const char *filter)
{
	autofree char *repository = NULL, *tag = NULL, *both = NULL, *familiar = NULL;
	autoref struct ref ref = { 0 };

	if (!filter)
		return true;
	entry_names(entry, &repository, &tag);
	if (!repository)
		return false;
	both = xasprintf("%s:%s", repository, tag ? tag : "");
	if (ref_parse(filter, &ref, &(struct err)ERR_INIT) == 0 && !ref.digest) {
		familiar = ref.default_tag ? ref_name(&ref) : ref_familiar(&ref);
		filter = familiar;
	}
	return fnmatch(filter, repository, FNM_PATHNAME) == 0 ||
	       fnmatch(filter, both, FNM_PATHNAME) == 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct image_row *x = a, *y = b;
	int order;

	if (x->created != y->created)
		return x->created < y->created ? 1 : -1;
	order = strcmp(x->repository ? x->repository : "~", y->repository ? y->repository : "~");
	return order ? order : strcmp(x->tag ? x->tag : "~", y->tag ? y->tag : "~");
}

int image_list(const struct globals *globals, const char *filter, struct image_row **ret,
	size_t *ret_n, struct err *err)
{
	autostore struct store store = STORE_INIT;
	autojson struct json *index = NULL;
	struct image_row *rows;
	size_t n = 0;

	TRY(store_open(globals, false, &store, err));
	TRY(index_load(&store, &index, err));
	rows = xcalloc(json_len(index_list(index)) + 1, sizeof(*rows));
	json_each (it, index_list(index)) {
		if (index_digest(it.value) && wanted(it.value, filter))
			fill_row(&store, it.value, &rows[n++]);
	}
	qsort(rows, n, sizeof(*rows), newest_first);
	*ret = rows;
	*ret_n = n;
	return 0;
}
