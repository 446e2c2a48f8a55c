// The configuration from any text: never a crash, an endless loop or an exception; and what is accepted holds
// what the layers above rely on. Operators' files are trusted, but the same code reads half-written ones at
// every reload.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/load.h"
#include "config/match.h"

namespace {

using namespace postern::config;

void require(bool holds) {
  if (!holds) std::abort();
}

// One line, printable, with a code, in the order of the file.
void check_diagnostics(const Loaded& loaded) {
  require(loaded.diagnostics.size() <= Diagnostics::kShownMax + 1);
  bool errors = false;
  for (const Diagnostic& one : loaded.diagnostics) {
    errors = errors || one.severity == Severity::Error;
    require(!one.code.empty() && !one.message.empty());
    for (const char c : one.message + one.source) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
  }
  require(loaded.ok == !errors);
}

void check_settings(const Settings& settings) {
  require(!settings.listeners.empty() && !settings.upstreams.empty());
  for (const Listener& one : settings.listeners) {
    require(!one.name.empty() && parse_address(one.address.host).has_value());
    require(one.tls == ListenerTls::Off ? one.allow_cleartext : !settings.tls.certificates.empty());
  }
  for (const Upstream& one : settings.upstreams) {
    require(!one.name.empty() && !one.servers.empty() && one.health.rise >= 1 && one.health.fall >= 1);
    for (const HostPort& server : one.servers) require(!server.host.empty() && server.port != 0);
    require(one.tls == UpstreamTls::Off || one.verify != Verify::Pin || !one.pin_sha256.empty());
  }
  require(settings.limits.buffer >= settings.limits.line && settings.limits.buffer >= settings.limits.sasl);
  require(settings.limits.timeouts.login.count() > 0 && settings.workers >= 0);
  require(choose_route(settings, {"imaps", "mail.example", "ann", {}}) < settings.upstreams.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.find("${file:") != std::string_view::npos) return 0;  // not any file of the machine
  const Loaded loaded = load_text(text, "postern.yaml", "/", {false});
  check_diagnostics(loaded);
  if (loaded.ok) check_settings(loaded.settings);
  const Loaded again = load_text(text, "postern.yaml", "/", {false});
  require(render(again.diagnostics) == render(loaded.diagnostics));
  return 0;
}
