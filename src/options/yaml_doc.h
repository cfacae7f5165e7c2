/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML 1.1 documents as JSON values, over libyaml, which only yaml_doc.c includes. Taken is what
 * configuration files use: one document, maps with unique keys, lists, scalars. Refused are anchors,
 * aliases and tags (an alias of an alias of an alias is a bomb), and more than 64 levels. A plain
 * scalar is null, a boolean or an integer by the rules of YAML 1.2's core schema, else a string; "yes"
 * and "no" are strings.
 */
#ifndef SBX_OPTIONS_YAML_DOC_H
#define SBX_OPTIONS_YAML_DOC_H

#include <stddef.h>

#include "base/err.h"
#include "base/json.h"

/* -EINVAL with the line. */
int yaml_parse(const char *text, size_t len, struct json **ret, struct err *err);

#endif
