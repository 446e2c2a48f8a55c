list(APPEND UNIT_SERVER_SOURCES log_test.cc privileges_test.cc services_test.cc session_gate_test.cc
  worker_plan_test.cc worker_test.cc)
