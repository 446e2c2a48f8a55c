# What fuzz_lapses needs of the other tests: their stage, and the upstream that loses count.
set(POSTERN_LAPSES_SOURCES)
foreach(name policy/client policy/lenient_upstream spec/audit_double spec/dialogue spec/stage spec/test_filters)
  list(APPEND POSTERN_LAPSES_SOURCES ${PROJECT_SOURCE_DIR}/tests/${name}.cc)
endforeach()
