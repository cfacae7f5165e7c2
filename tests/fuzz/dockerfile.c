/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are refused with a place, or become stages that can be expanded and released. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "builder/diagnose.h"
#include "builder/stage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expand_all(struct stages *stages, char escape)
{
	autostrv struct strv env = STRV_INIT;
	struct expansion how = { .escape = escape, .env = &env };

	strv_add(&env, "A=a b");
	strv_add(&env, "PATH=/bin");
	for (size_t i = 0; i < stages->n; i++) {
		for (size_t j = 0; j < stages->all[i].n_steps; j++) {
			struct instruction *in = &stages->all[i].steps[j];
			autoinstruction struct instruction copy = { 0 };
			autostrv struct strv ports = STRV_INIT;
			autofree char *text = NULL;
			struct err err = ERR_INIT;
			bool script;

			instruction_copy(in, &copy);
			if (instruction_expand(&copy, &how, &err) < 0 && !*err.text)
				abort();
			if (copy.kind == INS_RUN)
				text = instruction_shell_text(&copy, &script);
			if (copy.kind == INS_EXPOSE && copy.args.n < 4)
				(void)instruction_ports(&copy, &ports, &err); /* any verdict */
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autodockerfile struct dockerfile file = { 0 };
	autostages struct stages stages = { 0 };
	struct stage_options options = { 0 };
	autobuf struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	if (dockerfile_parse("Dockerfile", (const char *)data, size, &file, &err) == 0 &&
		stages_plan(&file, &options, &stages, &err) == 0) {
		dockerfile_dump(&file, &out);
		expand_all(&stages, file.escape);
		return 0;
	}
	if (!*err.text || file.fault.last < file.fault.first)
		abort();
	diagnose(&file, file.fault, &out);
	return 0;
}
