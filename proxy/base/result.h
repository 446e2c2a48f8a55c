// A value or the error that kept it from being made. C++20 has no std::expected; this is as much of it as the
// house uses. Exceptions are for start-up alone (yaml-cpp throws); everything that runs in a loop returns
// these.
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

#include "base/error_code.h"

namespace postern {

struct Error {
  ErrorCode code = ErrorCode::Internal;
  std::string detail;  // for the log and the operator: what, where, what to do; never a secret
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const noexcept { return state_.index() == 0; }
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}

  explicit operator bool() const noexcept { return !failed_; }
  const Error& error() const {
    assert(failed_);
    return error_;
  }

 private:
  Error error_;
  bool failed_ = false;
};

}  // namespace postern
