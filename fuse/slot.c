/* SPDX-License-Identifier: Apache-2.0 */
#include "slot.h"

#include "layer.h"

#include "base/own.h"

void slot_init(struct slot *slot)
{
	*slot = (struct slot){ .handle = -1 };
}

static void detach(struct slots *slots, struct slot *slot)
{
	if (slot->newer)
		slot->newer->older = slot->older;
	else
		slots->newest = slot->older;
	if (slot->older)
		slot->older->newer = slot->newer;
	else
		slots->oldest = slot->newer;
	slot->newer = slot->older = NULL;
}

static void attach(struct slots *slots, struct slot *slot)
{
	slot->newer = NULL;
	slot->older = slots->newest;
	if (slots->newest)
		slots->newest->newer = slot;
	else
		slots->oldest = slot;
	slots->newest = slot;
}

void slot_fill(struct slots *slots, struct slot *slot, struct layer *layer, int adopt_handle)
{
	slot->handle = adopt_handle;
	slot->layer = layer;
	attach(slots, slot);
	slots->count++;
}

void slot_touch(struct slots *slots, struct slot *slot)
{
	if (slots->newest == slot)
		return;
	detach(slots, slot);
	attach(slots, slot);
}

int slot_take(struct slots *slots, struct slot *slot)
{
	int handle = slot->handle;

	detach(slots, slot);
	slots->count--;
	slot->handle = -1;
	return handle;
}

void slot_empty(struct slots *slots, struct slot *slot)
{
	int handle;

	if (slot->handle < 0)
		return;
	handle = slot_take(slots, slot);
	if (slot->layer)
		slot->layer->ops->close_dir(slot->layer, handle);
	else
		(void)close(handle); /* written data was reported by write and fsync */
}

void slots_trim(struct slots *slots)
{
	struct slot *slot = slots->oldest;

	while (slot && slots->count > slots->max) {
		struct slot *newer = slot->newer;

		if (!slot->pins)
			slot_empty(slots, slot);
		slot = newer;
	}
}
