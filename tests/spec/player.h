// Plays one dialogue in one way of cutting and lending, and says at which line it went otherwise than
// written.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "spec/dialogue.h"
#include "spec/stage.h"

namespace postern::spec {

struct Failure {
  int line = 0;
  std::string what;
};

class Player {
 public:
  Player(const Dialogue& dialogue, const Way& way);
  // The first failure; `what` is empty if there is none.
  Failure play();

 private:
  void prelude();
  void log_in(const std::string& upstream);
  void tell_naming();
  void select();
  void step(const Step& step);
  void sees(const Step& step, Side side);
  void happens(const std::vector<std::string>& words);
  void login_events(const std::vector<std::string>& words);
  void asked(const Step& step);
  void holds(const std::vector<std::string>& words);
  void holds_of_numbers(const std::vector<std::string>& words);
  void nothing_left();
  void forget();
  void fail(const std::string& what);

  const Dialogue& dialogue_;
  Way way_;
  std::unique_ptr<Stage> stage_;
  Captures captures_;
  const Step* now_ = nullptr;
  Failure failure_;
};

Setting setting_of(const Dialogue& dialogue);
Duration duration_of(const std::string& text);  // 500ms, 5s, 10m, with -1ns or +1ns behind it
ErrorCode code_of(const std::string& label);
std::vector<std::string> words_of(const std::string& text);

}  // namespace postern::spec
