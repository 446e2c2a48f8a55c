list(APPEND UNIT_PURE_SOURCES arguments_test.cc capability_test.cc command_body_test.cc command_effect_test.cc
  command_grammar_test.cc command_mailboxes_test.cc command_scanner_test.cc loose_scanner.cc mailbox_name_test.cc
  mailbox_naming_test.cc response_scanner_test.cc
  sasl_test.cc scan.cc verb_test.cc writer_test.cc)
# It looks at freed memory, as base/secret_test.cc does.
if(NOT POSTERN_SANITIZE STREQUAL "thread")
  list(APPEND UNIT_PURE_SOURCES wiping_test.cc)
endif()
