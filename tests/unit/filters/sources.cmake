list(APPEND UNIT_PURE_SOURCES brake_test.cc chain_test.cc limits_test.cc tls_policy_test.cc user_rewrite_test.cc)
list(APPEND UNIT_PURE_SOURCES command_rules_test.cc mailbox_globs_test.cc naive_rules_test.cc policy_test.cc
  ${PROJECT_SOURCE_DIR}/tests/sim/naive_rules.cc)
list(APPEND UNIT_SERVER_SOURCES glob_cover_test.cc rule_check_test.cc)
