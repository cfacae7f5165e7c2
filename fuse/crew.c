/* SPDX-License-Identifier: Apache-2.0 */
#include "crew.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

int crew_start(struct crew *ret, unsigned n, void *(*work)(void *data), void *data, struct err *err)
{
	*ret = (struct crew){ .threads = calloc(n, sizeof(*ret->threads)) };
	if (!ret->threads)
		return err_set(err, -ENOMEM, "out of memory");
	for (; ret->n < n; ret->n++) {
		int r = pthread_create(&ret->threads[ret->n], NULL, work, data);

		if (r && ret->n == 0)
			return err_set(err, -r, "start a thread: %s", strerror(r));
		if (r) { /* fewer then */
			log_msg(LOG_WARN, "start a thread: %s", strerror(r));
			break;
		}
	}
	return 0;
}

void crew_done(struct crew *crew)
{
	for (unsigned i = 0; i < crew->n; i++)
		(void)pthread_join(crew->threads[i], NULL); /* only fails for a thread not ours */
	free(crew->threads);
	*crew = (struct crew){ 0 };
}
