list(APPEND UNIT_PURE_SOURCES brake_test.cc chain_test.cc limits_test.cc tls_policy_test.cc user_rewrite_test.cc)
