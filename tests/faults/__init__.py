"""Bad input and bad luck. `FAULTS` says which test shows what of those that collecting meets.

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
    16: (
        "two candidates that are identical",
        ("test_collection_faults.test_identical_responses_are_no_choice",),
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
    38: (
        "clocks set back, daylight saving",
        (
            "test_collection_faults."
            "test_a_clock_that_is_set_back_gives_no_negative_time_and_no_wrong_order",
        ),
    ),
}
