list(APPEND UNIT_PURE_SOURCES capability_line_test.cc credentials_test.cc identity_test.cc offer_test.cc own_answer_test.cc parked_test.cc pending_test.cc pieces_test.cc
  session_test.cc upstream_setup_test.cc verdict_test.cc)
