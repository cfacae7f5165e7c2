/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <stdbool.h>

#include "fuse/arena.h"

#define MANY 20000

static size_t chunks(const struct arena *arena)
{
	size_t n = 0;

	for (uint32_t i = 0; i < arena->n; i++)
		n += arena->v[i] != NULL;
	return n;
}

static bool is_zero(const unsigned char *cell, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (cell[i])
			return false;
	return true;
}

static void a_cell_is_found_by_its_number_and_leads_back_to_it(void **state)
{
	struct arena arena = { .n = 0 };

	(void)state;
	for (size_t size = 1; size <= ARENA_MAX_CELL; size++) {
		unsigned char *cell = arena_take(&arena, size);

		assert_non_null(cell);
		assert_true(arena_size(cell) >= size);
		assert_true(is_zero(cell, arena_size(cell)));
		memset(cell, 0xff, arena_size(cell));
		assert_ptr_equal(arena_at(&arena, arena_index(cell)), cell);
		assert_ptr_equal(arena_of(cell), &arena);
		if (size == 1)
			assert_int_equal(arena_index(cell), 1);
	}
	assert_null(arena_take(&arena, ARENA_MAX_CELL + 1));
	arena_done(&arena);
}

static void a_number_that_no_cell_has_finds_nothing(void **state)
{
	struct arena arena = { .n = 0 };
	uint32_t index;

	(void)state;
	assert_null(arena_at(&arena, 0));
	assert_null(arena_at(&arena, 1));
	index = arena_index(arena_take(&arena, 56));
	assert_null(arena_at(&arena, 0));
	assert_null(arena_at(&arena, index + 1)); /* the middle of a cell */
	assert_null(arena_at(&arena, index + 7)); /* behind the last one */
	assert_null(arena_at(&arena, UINT32_MAX));
	arena_done(&arena);
}

static void a_free_cell_is_zero_behind_its_first_bytes_and_comes_back_as_zeros(void **state)
{
	struct arena arena = { .n = 0 };
	unsigned char *kept = arena_take(&arena, 80), *cell = arena_take(&arena, 80);

	(void)state;
	memset(kept, 0xff, 80);
	memset(cell, 0xff, 80);
	arena_give(cell);
	assert_true(is_zero(cell + 2, 78));
	assert_int_equal(kept[79], 0xff);
	assert_ptr_equal(arena_take(&arena, 80), cell);
	assert_true(is_zero(cell, 80));
	arena_done(&arena);
}

static void all_cells_are_visited_once_in_order(void **state)
{
	static void *cells[MANY];
	struct arena arena = { .n = 0 };
	uint32_t at = 0;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		assert_non_null(cells[i] = arena_take(&arena, 56));
	while (arena_next(&arena, &at))
		assert_ptr_equal(arena_at(&arena, at), cells[n++]);
	assert_int_equal(n, MANY);
	arena_done(&arena);
}

static void chunks_that_are_empty_are_given_back_and_their_numbers_used_again(void **state)
{
	static void *cells[MANY];
	struct arena arena = { .n = 0 };
	size_t most;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		assert_non_null(cells[i] = arena_take(&arena, 56));
	most = chunks(&arena);
	assert_true(most > 10);
	for (size_t i = 0; i < MANY; i += 2)
		arena_give(cells[i]);
	assert_int_equal(chunks(&arena), most);
	for (size_t i = 1; i < MANY; i += 2)
		arena_give(cells[i]);
	assert_int_equal(chunks(&arena), 1);
	for (size_t i = 0; i < MANY; i++)
		assert_non_null(cells[i] = arena_take(&arena, 56));
	assert_int_equal(chunks(&arena), most);
	assert_int_equal(arena.n, most);
	arena_done(&arena);
}

TEST_MAIN(cmocka_unit_test(a_cell_is_found_by_its_number_and_leads_back_to_it),
	cmocka_unit_test(a_number_that_no_cell_has_finds_nothing),
	cmocka_unit_test(a_free_cell_is_zero_behind_its_first_bytes_and_comes_back_as_zeros),
	cmocka_unit_test(all_cells_are_visited_once_in_order),
	cmocka_unit_test(chunks_that_are_empty_are_given_back_and_their_numbers_used_again))
