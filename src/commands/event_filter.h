/* SPDX-License-Identifier: Apache-2.0 */
/* events --filter: values of one key are alternatives, labels and different keys must all hold. Pure. */
#ifndef SBX_COMMANDS_EVENT_FILTER_H
#define SBX_COMMANDS_EVENT_FILTER_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"

int event_filters_check(const struct strv *filters, struct err *err);
bool event_matches(const struct json *event, const struct strv *filters);

#endif
