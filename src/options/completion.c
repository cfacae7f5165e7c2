/* SPDX-License-Identifier: Apache-2.0 */
#include "options/command.h"
#include <errno.h>
int completion_script(const char *shell, struct buf *out, struct err *err)
{
	(void)out;
	return err_set(err, -EINVAL, "no completion for \"%s\"", shell);
}
