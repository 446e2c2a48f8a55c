list(APPEND UNIT_SERVER_SOURCES capabilities_test.cc check_test.cc cli_test.cc explain_test.cc)
