# The clang of the presets tsan and fuzz: CC and CXX where they are set, else the first of these that the system has.
# Debian 12 has 14 and Debian 13 has 19; deploy/packages installs them, with their sanitizers, in the same order.
if(NOT CMAKE_CXX_COMPILER AND NOT DEFINED ENV{CXX})
  find_program(POSTERN_CLANG NAMES clang-14 clang-19 clang)
  find_program(POSTERN_CLANGXX NAMES clang++-14 clang++-19 clang++)
  if(NOT POSTERN_CLANG OR NOT POSTERN_CLANGXX)
    message(FATAL_ERROR "clang was not found: deploy/packages test installs it, or set CC and CXX")
  endif()
  set(CMAKE_C_COMPILER ${POSTERN_CLANG})
  set(CMAKE_CXX_COMPILER ${POSTERN_CLANGXX})
endif()
