/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .Name of a value. Docker's templates see Go structs, where a wrong name is an error and a field that is
 * not set is nil or empty; ours see JSON, which leaves out what is not set. So the names that Docker's
 * structs have and our documents may lack are listed here. Also: which fields a template may ask for.
 */
#include "commands/template_node.h"
#include "commands/template_value.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"

static bool in(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Fields that JSON leaves out when they are nil; of the document itself, and of what is in it. */
static bool may_be_absent(const char *name, bool root)
{
	static const char *const of_root[] = { "SizeRw", "SizeRootFs" };
	static const char *const of_parts[] = { "Health", "Healthcheck", "ExposedPorts", "Init",
		"Sysctls", "Tmpfs", "Annotations", "StorageOpt", "MaskedPaths", "ReadonlyPaths",
		"DeviceRequests", "DeviceCgroupRules", "Shell", "Mounts", "Links", "IPAMConfig",
		"StopTimeout", "OnBuild", "Labels", "Volumes", "PidsLimit", "MemorySwappiness" };

	return root ? in(of_root, ARRAY_SIZE(of_root), name)
		    : in(of_parts, ARRAY_SIZE(of_parts), name);
}

static int no_field(
	const struct template_env *env, const struct value *from, const char *name, struct err *err)
{
	bool root = from->v == env->data;

	if (json_kind(from->v) == JSON_MAP && !(root && env->type))
		return err_set(err, -EINVAL, "map has no entry for key \"%.100s\"", name);
	if (json_kind(from->v) <= JSON_NIL)
		return err_set(err, -EINVAL, "nil pointer evaluating interface {}.%.100s", name);
	return err_set(err, -EINVAL, "can't evaluate field %.100s in type %s", name,
		root         ? env->type
		: !env->type ? "interface {}"
			     : value_type(from));
}

static struct json *find_field(
	const struct template_env *env, const struct value *from, const char *name)
{
	/* Go's names of fields that JSON calls otherwise */
	static const char *const names[][2] = { { "ID", "Id" }, { "DNS", "Dns" },
		{ "APIVersion", "ApiVersion" } };
	struct json *hit = json_get(from->v, name);

	for (size_t i = 0; !hit && i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i][0]) == 0)
			hit = json_get(from->v, names[i][1]);
	if (!hit && from->v == env->data)
		hit = json_get(env->methods, name);
	return hit;
}

static struct value as_field(const struct json *hit, const char *name)
{
	struct value value = { .v = json_ref(hit), .loose = value_is_map_name(name) };

	if (json_kind(hit) == JSON_NIL && (value.loose || value_is_list_name(name))) {
		json_free(value.v);
		value.v = value.loose ? json_new_map() : json_new_list();
		value.nil = true;
	}
	return value;
}

int value_field(const struct template_env *env, const struct value *from, const char *name,
	struct value *ret, struct err *err)
{
	bool map = json_kind(from->v) == JSON_MAP;
	struct json *hit = map ? find_field(env, from, name) : NULL;

	if (hit) {
		*ret = as_field(hit, name);
	} else if (from->loose) {
		*ret = VALUE_NONE; /* "<no value>" */
	} else if (map && !env->type && may_be_absent(name, from->v == env->data)) {
		autojson struct json *nil = json_new_null();

		*ret = as_field(nil, name);
	} else {
		return no_field(env, from, name, err);
	}
	return 0;
}

static bool node_uses(const struct node *node, const char *field)
{
	if (strv_has(&node->names, field))
		return true;
	for (size_t i = 0; i < node->n; i++)
		if (node->kids[i] && node_uses(node->kids[i], field))
			return true;
	return false;
}

bool template_uses(const struct template *t, const char *field)
{
	return node_uses(t->root, field) || node_uses(t->defined, field);
}

static bool node_uses_all(const struct node *node)
{
	if (node->kind == NODE_DOT || node->kind == NODE_VARIABLE || node->kind == NODE_TEMPLATE)
		return true;
	for (size_t i = 0; i < node->n; i++)
		if (node->kids[i] && node_uses_all(node->kids[i]))
			return true;
	return false;
}

bool template_uses_all(const struct template *t)
{
	return node_uses_all(t->root) || node_uses_all(t->defined);
}
