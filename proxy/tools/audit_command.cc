#include "tools/audit_command.h"

namespace postern::server {

int audit(const AuditQuestion& question, std::ostream& out, std::ostream& err) {
  switch (question.verb) {
    case AuditVerb::Verify:
      return verify_audit(question, out, err);
    case AuditVerb::Keygen:
      return make_audit_keys(question, out, err);
    case AuditVerb::Cat:
      return show_audit(question, out, err);
    case AuditVerb::Tail:
      return follow_audit(question, out, err);
  }
  return 2;
}

}  // namespace postern::server
