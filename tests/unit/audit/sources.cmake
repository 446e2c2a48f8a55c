list(APPEND UNIT_SERVER_SOURCES chain_test.cc crash_test.cc disk_test.cc every_record.cc fake_disk.cc files_test.cc
  json_test.cc port_test.cc recovery_test.cc redaction_test.cc ring_test.cc sealed_trail.cc state_test.cc support.cc
  verify_test.cc writer_test.cc)
