"""Bad input and bad luck. `FAULTS` says which test shows what of those that collecting
and models meet.

The numbers are those of the project's list of faults a trustworthy system must survive.
"""

FAULTS: dict[int, tuple[str, tuple[str, ...]]] = {
    1: (
        "submit pressed twice, or retried after a timeout",
        (
            "test_api_faults.test_one_answer_sent_three_times_at_once_is_one_judgment",
            "test_lost_connections.test_a_connection_cut_while_submitting_keeps_everything",
        ),
    ),
    2: (
        "one person, two tabs, one question",
        ("test_api_faults.test_answers_in_two_windows_at_the_same_instant",),
    ),
    3: (
        "the network drops during a submit",
        ("test_lost_connections.test_a_connection_cut_while_submitting_keeps_everything",),
    ),
    4: (
        "the session expires while somebody judges",
        (
            "test_lost_connections.test_a_session_that_expires_while_judging_loses_no_word",
            "test_lost_connections.test_a_half_ticked_list_outlives_the_session",
        ),
    ),
    5: (
        "the lease expires while somebody types",
        ("test_collection_faults.test_a_lease_that_ends_while_typing_drops_nothing",),
    ),
    6: (
        "two people ask at the same instant with one seat left",
        ("test_api_faults.test_the_last_seat_goes_to_one_of_two",),
    ),
    7: (
        "an annotator leaves while holding a lease",
        (
            "test_collection_faults.test_a_deactivated_account_frees_its_seat_when_the_lease_ends",
            "test_collection_faults.test_who_is_no_member_any_more_neither_answers_nor_blocks",
        ),
    ),
    8: (
        "a question withdrawn after some votes",
        (
            "test_collection_faults."
            "test_votes_stay_with_a_question_that_is_withdrawn_and_with_what_was_shown",
        ),
    ),
    9: (
        "overlap raised or lowered in the middle",
        (
            "test_collection_faults."
            "test_overlap_raised_in_the_middle_asks_more_and_keeps_what_there_is",
            "test_collection_faults.test_overlap_lowered_in_the_middle_loses_no_answer_in_hand",
        ),
    ),
    10: (
        "somebody's group changes in the middle",
        ("test_collection_faults.test_a_vote_keeps_the_group_of_its_time",),
    ),
    11: (
        "a worker is killed with kill -9 in the middle of writing",
        (
            "test_worker_kill.test_kill_9_in_the_middle_of_1000_candidates_leaves_exactly_1000",
            "test_worker_kill.test_kill_9_while_judging_keeps_one_judgment_per_question_and_"
            "repeats_no_kept_call",
        ),
    ),
    12: (
        "the broker restarts and loses or redelivers messages",
        (
            "test_real_restarts.test_a_broker_that_is_killed_twice_and_forgets_all_its_messages_"
            "loses_no_work",
            "test_real_restarts.test_a_broker_that_restarts_with_its_messages_hands_them_out_"
            "again_without_harm",
            "test_worker_kill.test_a_job_whose_message_was_lost_is_found_by_the_sweeper",
        ),
    ),
    13: (
        "a worker of another version doesn't know a task",
        (
            "test_model_faults.test_a_task_that_a_worker_does_not_know_is_said_on_the_"
            "operations_page",
            "test_model_faults.test_jobs_of_another_version_fail_with_a_sentence_and_their_"
            "pages_still_open",
        ),
    ),
    14: (
        "the GPU's memory runs out, or a model's files are gone",
        (
            "test_model_faults.test_a_row_that_does_not_fit_into_memory_is_set_aside_and_the_"
            "rest_is_written",
            "test_model_faults.test_a_model_whose_files_are_gone_fails_its_job_and_the_queue_"
            "goes_on",
        ),
    ),
    15: (
        "a model answers with nothing, control signs or endless repetition",
        (
            "test_model_faults.test_texts_of_nothing_but_blanks_and_control_signs_are_set_aside",
            "test_model_faults.test_endless_repetition_is_cut_off_kept_and_counted",
        ),
    ),
    16: (
        "two candidates that are identical",
        ("test_collection_faults.test_identical_responses_are_no_choice",),
    ),
    17: (
        "a judge answers in prose, broken or fenced JSON, with a refusal or a choice not offered",
        (
            "models_runtime.test_parsing.test_what_cannot_be_read_is_named_and_never_a_tie",
            "models_runtime.test_judging_questions.test_garbage_is_repaired_or_asked_again_and_"
            "never_becomes_a_tie",
            "models_runtime.test_judging_questions.test_refusals_are_counted_as_such_and_give_"
            "no_judgment",
        ),
    ),
    18: (
        "a judge's server limits the rate, hangs, or changes its price",
        (
            "test_model_faults.test_a_judge_that_limits_hangs_and_grows_dear_keeps_within_its_"
            "budget",
            "test_model_faults.test_a_price_that_is_raised_in_the_middle_does_not_break_the_budget",
        ),
    ),
    19: (
        "responses with scripts, handlers, SVG, links that run, CSS that covers buttons",
        ("test_hostile_content.test_a_hostile_response_runs_nothing_and_covers_nothing",),
    ),
    21: (
        "Markdown bombs",
        (
            "test_hostile_content.test_a_markdown_bomb_costs_bounded_time_and_space",
            "test_hostile_content.test_a_page_with_a_bomb_can_be_judged",
        ),
    ),
    22: (
        "LaTeX that never ends or expands without bound",
        ("test_hostile_content.test_a_formula_without_end_or_bound_is_shown_as_its_source",),
    ),
    23: (
        "deceptive and impossible characters",
        (
            "test_hostile_content.test_characters_that_deceive_are_made_visible",
            "test_hostile_content.test_characters_that_cant_be_kept_are_refused_in_a_sentence",
        ),
    ),
    24: (
        "images at addresses inside the house, redirects, names that change",
        (
            "test_hostile_content.test_an_image_inside_the_house_is_never_fetched",
            "test_hostile_content.test_a_redirect_and_a_name_that_changes_lead_nowhere",
        ),
    ),
    25: (
        "uploads of 2 GB, zip bombs, wrong encodings, BOM, ragged rows, formulas",
        (
            "test_hostile_files.test_a_file_of_two_gigabytes_is_refused_in_little_memory",
            "test_intake_faults.test_a_zip_bomb_leaves_nothing_behind",
            "test_intake_faults.test_a_wrong_encoding_is_told_with_line_and_offset",
            "test_hostile_files.test_a_mark_at_the_beginning_of_a_file_is_no_part_of_a_name",
            "test_hostile_files.test_ragged_rows_are_told_by_their_lines",
            "test_hostile_files.test_formulas_stay_text_and_leave_quoted",
        ),
    ),
    26: (
        "external ids twice, or differing by case or blanks",
        (
            "test_hostile_files.test_ids_that_differ_by_blanks_are_one_and_by_case_are_asked_about",
            "test_hostile_files.test_one_id_for_two_texts_is_refused_with_both_lines",
        ),
    ),
    37: (
        "the database restarts, or a lock isn't given in time, during a submit",
        (
            "test_real_restarts.test_a_database_that_restarts_twice_loses_nothing_committed_and_"
            "doubles_nothing",
            "test_model_faults.test_a_lock_that_is_not_given_back_in_time_is_an_error_and_the_"
            "answer_is_kept_once_free",
            "test_model_faults.test_the_api_answers_503_while_the_lock_is_held_and_says_when_to_"
            "try_again",
        ),
    ),
    38: (
        "clocks set back, daylight saving",
        (
            "test_collection_faults."
            "test_a_clock_that_is_set_back_gives_no_negative_time_and_no_wrong_order",
        ),
    ),
}
