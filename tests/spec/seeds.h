// Dialogues as seeds for the fuzzer of the session: with the environment variable POSTERN_SPEC_SEEDS set to a
// folder, each dialogue that was played well is written there in the notation of fuzz/session_script.h.
#pragma once

#include "spec/dialogue.h"

namespace postern::spec {

// The names that the dialogue captures are tags of the gateway's own: in a script one octet stands for them.
Captures own_tags(const Dialogue& dialogue);

void write_seed(const Dialogue& dialogue);

}  // namespace postern::spec
