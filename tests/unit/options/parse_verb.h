/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines as literals for the parsers of verbs. */
#ifndef SBX_TESTS_UNIT_OPTIONS_PARSE_VERB_H
#define SBX_TESTS_UNIT_OPTIONS_PARSE_VERB_H

static inline int argv_count(const char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return argc;
}

/* PARSE(ps, &opts, &err, "-a", "-q"): calls ps_opts_parse() with argv {"ps", "-a", "-q"}. */
#define PARSE(verb, o, err, ...)                                                    \
	verb##_opts_parse(argv_count((const char *[]){ #verb, __VA_ARGS__, NULL }), \
		(char **)(const char *[]){ #verb, __VA_ARGS__, NULL }, o, err)

#endif
