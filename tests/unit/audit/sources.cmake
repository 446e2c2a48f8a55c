list(APPEND UNIT_SERVER_SOURCES crash_test.cc disk_test.cc fake_disk.cc files_test.cc port_test.cc recovery_test.cc
  ring_test.cc state_test.cc support.cc writer_test.cc)
