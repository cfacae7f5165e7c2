#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A few tests that touch every system call the product has a fallback for; run with some of them denied
(suite deny) and as a user without subordinate ids (suite nosub)."""

import sbxtest
import test_images
import test_lifecycle
import test_network
import test_redis
import test_run
import test_volumes

CORE = [
    test_run.row_11_a_missing_image_is_pulled, test_run.row_13_containers_of_one_image_are_independent,
    test_run.row_25_detach_prints_the_id_only, test_run.row_27_terminal_follows_the_window,
    test_run.row_30_publish_host_to_container, test_run.read_only_root_and_tmpfs,
    test_images.row_59_writes_hide_what_is_below, test_images.row_62_standard_mounts_and_devices,
    test_images.a_hostile_archive_cannot_leave_its_layer, test_lifecycle.row_35_files_of_sub_ids_are_removed_too,
    test_lifecycle.row_36_stop_kills_after_the_timeout, test_lifecycle.row_43_exec_runs_in_the_containers_namespaces,
    test_lifecycle.row_43_exec_with_a_single_id, test_network.row_119_bridge_reaches_the_world_by_tcp,
    test_redis.the_readmes_command_says_pong, test_volumes.row_65_several_and_nested,
    test_volumes.row_64_read_only_reaches_submounts,
]

if __name__ == "__main__":
    sbxtest.TESTS[:] = [entry for entry in sbxtest.TESTS if entry[0] in CORE]
    sbxtest.main()
