list(APPEND UNIT_SERVER_SOURCES ledger_test.cc)
