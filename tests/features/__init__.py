"""What collecting offers, and which test uses each as a person would: in a browser or over HTTP.

`FEATURES` has a sentence for each thing that a person who judges, reviews or runs a project can do.
`PEERS` goes through what the peers of this project offer, row by row of the comparison that it was
planned by, and says which features answer it or, in a sentence, why there is none.
"""

API = "annotation.test_api_"
PAGE = "annotation.test_views_"
JOURNEY = "journeys.test_judging_"

FEATURES: dict[str, tuple[str, ...]] = {
    # --- Judgment types
    "Two responses are compared in seven steps, a tie among them, with one key": (
        JOURNEY + "page.test_one_key_is_one_judgment",
    ),
    "Both can be called bad": (JOURNEY + "page.test_zero_says_both_are_bad",),
    "Single criteria are compared beside the preference": (
        JOURNEY + "types.test_criteria_can_be_compared_beside_the_preference",
    ),
    "A checklist is answered with yes, no or not applicable, a key a line": (
        JOURNEY + "page.test_six_keys_and_enter_answer_six_criteria",
        API + "judging.test_a_checklist_is_answered_by_its_own_fields",
    ),
    "A prompt may have a checklist of its own, frozen once used": (
        "models_runtime.test_judge_pages.test_a_written_checklist_is_edited_frozen_and_asked",
    ),
    "Attributes are rated on anchored scales": (
        "journeys.test_protocols.test_a_protocol_makes_a_project_that_is_judged",
    ),
    "A slider from 0 to 100 has no value until touched": (
        JOURNEY + "types.test_a_slider_has_no_value_until_touched",
    ),
    "Several are ranked by dragging, keys or buttons, with ties; nothing is placed beforehand": (
        JOURNEY + "types.test_a_ranking_is_dragged_or_typed",
        JOURNEY
        + "types.test_a_ranking_by_buttons_without_scripts_is_refused_until_everything_has_a_place",
    ),
    "The best of several is one key": (JOURNEY + "types.test_the_best_of_several_is_one_key",),
    "A response is rewritten beside what changes; the text becomes a response others may meet": (
        JOURNEY + "types.test_a_rewrite_shows_its_changes_while_it_is_written",
        JOURNEY + "types.test_an_unchanged_rewrite_is_refused_in_a_sentence",
    ),
    "Problems are marked in the text with kind and severity, by keys or mouse": (
        JOURNEY + "types.test_problems_are_marked_by_keyboard_alone",
        JOURNEY + "types.test_problems_are_marked_by_mouse_overlap_and_can_be_removed",
    ),
    "A reason may be given, or is needed": (
        JOURNEY + "page.test_a_needed_reason_is_typed_after_the_choice_and_sent_by_enter",
    ),
    "One's own confidence and a guess about the others are asked where an owner wants them": (
        JOURNEY + "types.test_what_is_needed_is_asked_for_after_the_choice",
    ),
    "A consequence is shown and the question asked again; both answers are kept": (
        JOURNEY + "types.test_looking_back_shows_what_came_of_it_and_asks_again",
    ),
    # --- The screen
    "Skipping asks for a reason only then": (
        JOURNEY + "page.test_skipping_asks_why_only_then",
        PAGE + "judging.test_skipping_gives_the_question_to_others_with_a_reason",
    ),
    "The previous answer opens again and can be changed": (
        JOURNEY + "page.test_the_previous_answer_can_be_changed",
    ),
    "Guidelines open beside the question": (
        JOURNEY + "page.test_guidelines_open_beside_the_question_and_judging_goes_on",
    ),
    "Differing words are marked on request": (
        JOURNEY + "types.test_differing_words_are_marked_and_unmarked",
    ),
    "Responses scroll together on request; the time a question takes is shown or hidden": (
        JOURNEY + "page.test_columns_scroll_together_and_the_time_is_hidden_when_asked",
    ),
    "A sheet lists the keys of the page": (
        JOURNEY + "page.test_the_cheat_sheet_lists_the_keys_of_this_page",
    ),
    "Keys rest while somebody types": (JOURNEY + "page.test_keys_rest_while_typing",),
    "Nothing is chosen beforehand": (
        JOURNEY + "page.test_the_new_question_has_the_focus_and_nothing_chosen",
    ),
    "Long answers are folded": (JOURNEY + "types.test_long_answers_are_folded_until_asked_for",),
    "Conversations, tables, code, mathematics as MathML and right-to-left text are rendered": (
        "annotation.test_rendering.test_a_conversation_names_who_speaks",
        "annotation.test_rendering.test_commonmark_with_tables_and_strike_through",
        "annotation.test_rendering.test_code_is_coloured_by_classes_and_reads_left_to_right",
        "annotation.test_rendering.test_mathematics_becomes_mathml",
        "annotation.test_rendering.test_each_block_takes_the_direction_of_its_own_text",
        "features.test_reading.test_whatever_a_response_holds_can_be_read_on_the_judging_page",
    ),
    "Images come through this site or not at all": (
        "annotation.test_images.test_an_image_is_a_link_unless_the_owner_allows_it",
        "annotation.test_images.test_an_allowed_image_comes_through_this_site_and_is_kept",
    ),
    "Everything works in light and dark, wide and on a phone, and for everyone (axe-core)": (
        "journeys.test_accessibility."
        "test_every_page_can_be_used_by_everyone_in_light_and_dark_and_on_a_phone",
    ),
    "On a phone responses are cards to swipe": (
        JOURNEY + "page.test_on_a_phone_both_responses_are_cards_to_swipe",
    ),
    "A draft survives a closed tab, a lost network and a session that ends, and says so": (
        JOURNEY + "page.test_a_draft_survives_a_closed_tab_and_ends_with_the_answer",
        JOURNEY + "page.test_a_lost_network_keeps_the_answer_and_saves_it_again",
        JOURNEY + "page.test_a_session_that_expired_loses_nothing",
    ),
    "The next question stands there at once, for whatever is answered by choosing": (
        JOURNEY + "ahead.test_on_a_slow_network_the_next_question_stands_there_at_once",
        JOURNEY
        + "ahead.test_lists_rankings_and_ratings_are_followed_at_once_too_and_writing_is_not",
    ),
    "Everything works without scripts": (JOURNEY + "page.test_it_works_without_javascript",),
    "The interface speaks the browser's language, or the one that is chosen": (
        "annotation.test_translations."
        "test_the_browsers_language_is_spoken_and_another_can_be_chosen",
        "annotation.test_unmarked_texts.test_every_text_is_marked_for_translation",
    ),
    # --- Assignment
    "A question is leased, kept by a heartbeat, and given to others when its time is over": (
        JOURNEY + "page.test_a_question_stays_reserved_while_its_person_is_at_it",
        API + "judging.test_a_heartbeat_keeps_the_question",
        API + "judging.test_a_released_question_goes_to_others_and_not_back",
    ),
    "A late answer counts if its seat is free, and is kept beside the others if not": (
        API + "judging.test_a_late_answer_counts_while_its_seat_is_free",
        PAGE + "judging.test_a_late_answer_is_kept_but_not_counted_and_the_person_is_told",
    ),
    "Agreement ends a question early, doubt asks further people within the owner's limits": (
        "annotation.test_rules_over_the_api."
        "test_agreement_ends_a_question_early_and_doubt_asks_further_people",
    ),
    "A question is for named people, a group or a skill": (
        API + "assigning.test_a_manager_says_whom_a_question_is_for",
        "features.test_reading.test_a_question_for_a_group_is_asked_of_nobody_else",
    ),
    "Seats are kept for groups, people are capped, and questions come in the owner's order": (
        "annotation.test_rules_over_the_api.test_orders_caps_and_seats_of_groups",
    ),
    "A group gives no more judgments than its quota, and owners see how far each is": (
        "annotation.test_quotas.test_a_person_is_told_and_owners_see_how_far_each_group_is",
    ),
    "Newcomers qualify, known answers come in between, and one's own questions come again": (
        "annotation.test_rules_over_the_api.test_a_newcomer_qualifies_meets_checks_and_is_asked_again",
    ),
    "An owner marks known answers on the judging screen, with feedback or hidden": (
        "annotation.test_gold.test_an_owner_marks_a_question_sees_how_people_did_and_retires_it",
        "annotation.test_gold.test_the_api_marks_counts_tells_and_retires",
    ),
    "Haste is warned about, then stopped, and an owner lets people go on": (
        "annotation.test_rules_over_the_api."
        "test_haste_is_warned_about_then_stopped_and_an_owner_lets_go_on",
        PAGE + "projects.test_an_owner_pauses_a_person_and_lets_them_go_on",
    ),
    "Sides are swapped by chance, kept, and every showing is logged": (
        JOURNEY + "ahead.test_a_run_of_keys_answers_one_question_each_and_logs_each_showing",
        PAGE + "judging.test_strength_is_kept_in_places_not_in_screen_sides",
        API + "judging.test_the_texts_come_in_the_order_shown",
    ),
    # --- People
    "A link invites, with a group if wanted": (
        "annotation.joining.test_joining.test_a_stranger_comes_by_a_link_with_a_new_account",
        API + "people.test_an_invitation_lets_somebody_in_once_and_declares_a_group",
    ),
    "A survey comes first, can be skipped, and later changes move no earlier vote": (
        "annotation.joining.test_joining."
        "test_a_required_survey_comes_before_judging_and_can_be_skipped",
        "annotation.joining.test_joining.test_answers_are_versions_and_past_votes_keep_theirs",
        API + "people.test_answers_become_versions_of_a_profile_and_past_votes_keep_theirs",
    ),
    "Owners, managers, reviewers and annotators each open what is theirs": (
        "faults.test_security.test_annotators_open_no_more_than_they_need",
        API + "access.test_each_role_reads_what_it_may_and_no_more",
        API + "people.test_an_owner_gives_roles",
    ),
    "Nobody who judges learns who wrote what or what others said": (
        JOURNEY + "page.test_nothing_on_the_wire_names_a_system",
        API + "judging.test_nothing_in_a_question_tells_who_wrote_what",
        API + "judging.test_annotators_read_their_own_judgments_and_no_others",
    ),
    "A page of one's own shows progress, pace and answers, each of which can be reopened": (
        "annotation.joining.test_joining.test_my_page_shows_my_answers_and_nobody_elses",
        "annotation.joining.test_joining.test_any_of_my_answers_can_be_reopened_and_changed",
    ),
    "Whoever withdraws is left out of everything made afterwards": (
        "annotation.joining.test_joining.test_withdrawing_needs_a_yes_and_is_for_good",
        API + "people.test_somebody_leaves_with_their_answers_and_managers_see_it",
        "aggregation.test_withdrawals.test_a_later_release_leaves_out_who_withdrew_and_counts_it",
        "models_runtime.test_audit_pages."
        "test_an_owner_asks_for_an_audit_reads_the_card_and_decides",
    ),
    # --- Review
    "The log is browsed by who, kind, standing and how answers differ": (
        "annotation.review.test_review.test_the_log_is_browsed_by_who_and_how_they_differ",
        API + "review.test_the_log_is_narrowed_as_on_the_page",
    ),
    "The most disputed question comes first and is decided with a category of error": (
        "annotation.review.test_review.test_a_reviewer_finds_the_dispute_first_and_decides_it",
        API + "review.test_a_reviewer_takes_the_dispute_decides_it_and_it_leaves_the_queue",
    ),
    "Remarks call colleagues by name": (
        "annotation.review.test_review.test_a_remark_calls_reviewers_only",
        API + "review.test_a_remark_calls_a_colleague_who_finds_it",
    ),
    "A question is asked again of somebody new, with the reason": (
        "annotation.review.test_review.test_asking_again_opens_the_question_to_somebody_new",
        API + "review.test_a_question_is_asked_again_with_a_reason",
    ),
    # --- Projects
    "A project begins from a common protocol with a preview of the judging page": (
        "annotation.test_setting_up.test_a_project_begins_from_a_protocol_as_it_is_offered",
        "annotation.test_setting_up.test_every_kind_of_judgment_has_a_preview_that_keeps_nothing",
        "journeys.test_protocols.test_every_protocol_is_judged_here",
    ),
    "Responses become questions: pairs by a design, slates to be ranked, or one by one": (
        PAGE + "projects.test_a_manager_asks_about_every_pair_and_asking_again_changes_nothing",
        PAGE + "projects.test_where_several_are_ranked_a_manager_asks_for_slates",
        API + "people.test_an_owner_turns_responses_into_questions",
    ),
    "Progress, throughput and a forecast with its band are on the project's page": (
        PAGE + "projects.test_an_owner_sees_how_far_the_project_is",
        "features.test_project_page.test_the_page_tells_pace_forecast_agreement_and_remarks",
    ),
    "Members are told with agreement, known answers, median time and remarks": (
        PAGE + "projects.test_people_are_listed_with_their_number_and_median_time",
        API + "review.test_a_reviewer_sees_how_people_answer_and_agree",
        API + "review.test_remarks_name_rule_and_counts",
        "annotation.review.test_review.test_a_remark_about_somebody_opens_their_answers",
    ),
    "A table shows who agrees with whom, and its cells open what two people differ on": (
        "annotation.review.test_review.test_a_cell_of_the_heat_map_opens_what_the_two_differ_on",
    ),
    # --- Integrations
    "Webhooks are signed and pass the guard of outgoing requests": (
        "annotation.test_webhooks.test_an_owner_adds_tries_and_removes_a_webhook_on_the_page",
        "annotation.test_webhooks.test_the_api_does_the_same",
        "annotation.test_webhooks.test_the_receiver_can_verify_every_letter",
        "annotation.test_webhooks.test_addresses_inside_the_house_are_refused",
    ),
    "A second factor and an organisation's accounts let people in": (
        "annotation.test_sign_in.test_a_password_alone_opens_nothing_once_there_is_a_second_factor",
        "annotation.test_sign_in.test_a_known_verified_address_opens_the_account_that_has_it",
    ),
    "Tokens are made, used and revoked": (
        "journeys.test_tokens_page.test_a_token_is_made_copied_used_and_revoked",
    ),
    "Files are looked at before anything is written, and imported whole or not at all": (
        PAGE + "imports.test_a_file_is_looked_at_before_anything_is_written",
        API + "managing.test_one_bad_row_refuses_all_and_is_named",
    ),
    "A busy database is a sentence and a time to try again, on pages and in the API": (
        "faults.test_model_faults."
        "test_a_lock_that_is_not_given_back_in_time_is_an_error_and_the_answer_is_kept_once_free",
        "faults.test_model_faults."
        "test_the_api_answers_503_while_the_lock_is_held_and_says_when_to_try_again",
    ),
}

NO = "no: "  # what follows says why there is none

PEERS: dict[str, tuple[str, ...]] = {
    # --- Judgment types
    "pairwise, strength, tie, both bad, per dimension": (
        JOURNEY + "page.test_one_key_is_one_judgment",
        JOURNEY + "page.test_zero_says_both_are_bad",
        JOURNEY + "types.test_criteria_can_be_compared_beside_the_preference",
    ),
    "checklist yes/no/not applicable": (
        JOURNEY + "page.test_six_keys_and_enter_answer_six_criteria",
    ),
    "Likert attributes and the 0–100 slider": (
        "journeys.test_protocols.test_every_protocol_is_judged_here",
        JOURNEY + "types.test_a_slider_has_no_value_until_touched",
    ),
    "ranking and n-way best-of": (
        JOURNEY + "types.test_a_ranking_is_dragged_or_typed",
        JOURNEY + "types.test_the_best_of_several_is_one_key",
    ),
    "best-worst, constant-sum, soft label": (
        NO + "a ranking with ties says more than best-worst; own confidence and the guess about "
        "others are the soft label; points to hand out measure arithmetic beside preference",
    ),
    "justification, highlighted spans, rewriting": (
        JOURNEY + "page.test_a_needed_reason_is_typed_after_the_choice_and_sent_by_enter",
        JOURNEY + "types.test_problems_are_marked_by_keyboard_alone",
        JOURNEY + "types.test_a_rewrite_shows_its_changes_while_it_is_written",
    ),
    "own confidence and what others will say": (
        JOURNEY + "types.test_what_is_needed_is_asked_for_after_the_choice",
    ),
    "conditional questions": (
        NO + "one question a screen; what follows from an answer is asked by the rules of "
        "assignment (further people, checks) or in hindsight, where both answers are kept",
    ),
    # --- Presentation
    "chat, Markdown, LaTeX, code, images, right-to-left": (
        "features.test_reading.test_whatever_a_response_holds_can_be_read_on_the_judging_page",
        "annotation.test_images.test_an_allowed_image_comes_through_this_site_and_is_kept",
    ),
    "side swap recorded, identity hidden": (
        PAGE + "judging.test_strength_is_kept_in_places_not_in_screen_sides",
        JOURNEY + "page.test_nothing_on_the_wire_names_a_system",
    ),
    "keys, undo, skip with reason and where it goes": (
        JOURNEY + "page.test_the_cheat_sheet_lists_the_keys_of_this_page",
        JOURNEY + "page.test_the_previous_answer_can_be_changed",
        PAGE + "judging.test_skipping_gives_the_question_to_others_with_a_reason",
    ),
    "drafts, time per item, guidelines beside the task": (
        JOURNEY + "page.test_a_draft_survives_a_closed_tab_and_ends_with_the_answer",
        PAGE + "projects.test_people_are_listed_with_their_number_and_median_time",
        JOURNEY + "page.test_guidelines_open_beside_the_question_and_judging_goes_on",
    ),
    "bulk view": (NO + "one decision a screen: answers given in bulk are not independent",),
    "mobile, accessibility, dark mode, languages, right-to-left": (
        JOURNEY + "page.test_on_a_phone_both_responses_are_cards_to_swipe",
        "journeys.test_accessibility."
        "test_every_page_can_be_used_by_everyone_in_light_and_dark_and_on_a_phone",
        "annotation.test_translations."
        "test_the_browsers_language_is_spoken_and_another_can_be_chosen",
    ),
    "offline answering": (
        # the answer at hand survives and is sent by itself; a queue of questions would hold seats
        JOURNEY + "page.test_a_lost_network_keeps_the_answer_and_saves_it_again",
    ),
    "own progress visible": (
        PAGE + "projects.test_an_annotator_sees_their_own_progress_and_nothing_of_others",
    ),
    # --- Assignment
    "leases, overlap, extra annotators, early stop": (
        API + "judging.test_a_heartbeat_keeps_the_question",
        "annotation.test_rules_over_the_api."
        "test_agreement_ends_a_question_early_and_doubt_asks_further_people",
    ),
    "overlap on a share of items": (
        "features.test_reading.test_some_questions_ask_more_people_than_others",
    ),
    "ordering, by person, group and skill, caps": (
        "annotation.test_rules_over_the_api.test_orders_caps_and_seats_of_groups",
        API + "assigning.test_a_manager_says_whom_a_question_is_for",
    ),
    "crowd platforms": (
        NO + "an invitation's link is what such a platform needs; none is called by name, since "
        "accounts there can't be tested here",
    ),
    "consent and surveys around the task": (
        "annotation.joining.test_joining."
        "test_a_required_survey_comes_before_judging_and_can_be_skipped",
    ),
    # --- Quality
    "gold items, training, auto-pause": (
        "annotation.test_gold.test_an_owner_marks_a_question_sees_how_people_did_and_retires_it",
        "annotation.test_rules_over_the_api.test_a_newcomer_qualifies_meets_checks_and_is_asked_again",
        "annotation.test_rules_over_the_api."
        "test_haste_is_warned_about_then_stopped_and_an_owner_lets_go_on",
    ),
    "gold auto-promotion": (
        NO + "a known answer is somebody's responsibility; unanimity would mark a shared error as "
        "right and then pause whoever sees it",
    ),
    "agreement metrics and ability models": (
        "features.test_project_page.test_the_page_tells_pace_forecast_agreement_and_remarks",
        "journeys.test_run_page.test_results_can_be_read_by_everyone",
    ),
    "adjudication, blind to others, comments": (
        "annotation.review.test_review.test_a_reviewer_finds_the_dispute_first_and_decides_it",
        API + "judging.test_annotators_read_their_own_judgments_and_no_others",
        "annotation.review.test_review.test_a_remark_calls_reviewers_only",
    ),
    "flags for haste and copied reasons; dashboards; a page per annotator": (
        API + "review.test_remarks_name_rule_and_counts",
        "annotation.joining.test_joining.test_my_page_shows_my_answers_and_nobody_elses",
    ),
    # --- Models
    "model judges, backends, people kept blind to them, alignment, bias audits": (
        "journeys.test_judge_pages.test_an_owner_tries_a_judge_then_starts_it_and_compares",
        "journeys.test_judge_card.test_a_card_can_be_read_by_everyone",
    ),
    "candidates and rewards written inside": (
        "journeys.test_writing_pages.test_an_owner_has_prompts_written_answered_and_voted_on",
        "journeys.test_reward_pages.test_an_owner_combines_two_rewards_and_reads_what_went_in",
    ),
    "active learning and active pair choice": (
        "aggregation.test_priorities.test_the_page_switches_it_and_says_what_happened",
    ),
    # --- Data, integration, access
    "import": (PAGE + "imports.test_after_looking_all_rows_are_imported",),
    "export, trainer-ready pairs, raw votes, versions, signed releases": (
        "journeys.test_llmfao.test_from_files_to_a_verified_dataset",
    ),
    "webhooks, OpenAPI, SSO, native second factor, roles": (
        "annotation.test_webhooks.test_an_owner_adds_tries_and_removes_a_webhook_on_the_page",
        API + "schema.test_the_schema_is_valid_and_raises_no_warning",
        "annotation.test_sign_in.test_a_known_verified_address_opens_the_account_that_has_it",
        "annotation.test_sign_in.test_a_password_alone_opens_nothing_once_there_is_a_second_factor",
        "faults.test_security.test_annotators_open_no_more_than_they_need",
    ),
    "Python SDK": (
        NO + "the API is described by OpenAPI, from which clients are generated; the mathematics "
        "is a library without the server",
    ),
    "audit log": (API + "assigning.test_decisions_are_read_by_reviewers",),
    "opinion-group map, choice of rule, welfare per group": (
        "journeys.test_report_page."
        "test_a_report_can_be_read_by_everyone_unfolded_by_keys_and_printed",
    ),
}
