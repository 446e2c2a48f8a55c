list(APPEND UNIT_SERVER_SOURCES reload_test.cc snapshot_test.cc watch_test.cc)
