"""Dovecot's configuration, in the language of the version that is installed: 2.4 understands nothing of 2.3's."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import shutil
import subprocess


@dataclasses.dataclass(frozen=True)
class ForVersion:
    """The same configuration for Dovecot 2.3 and 2.4; both take the same values, or none."""

    of_2_3: str
    of_2_4: str

    def text(self) -> str:
        return self.of_2_4 if is_2_4() else self.of_2_3

    def format(self, *values: object, **named: object) -> str:
        return self.text().format(*values, **named)


def binary() -> str:
    found = shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if not found:
        raise RuntimeError("dovecot is not installed (Debian: dovecot-imapd)")
    return found


@functools.cache
def is_2_4() -> bool:
    """2.4 or what follows it."""
    told = subprocess.run([binary(), "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"(\d+)\.(\d+)", told)
    if not found:
        raise RuntimeError(f"dovecot --version says {told!r}")
    return (int(found[1]), int(found[2])) >= (2, 4)


BASE = ForVersion("""\
base_dir = {base}
state_dir = {folder}/state
log_path = {folder}/dovecot.log
info_log_path = {folder}/dovecot-info.log
instance_name = {base}
protocols = imap
listen = 127.0.0.1
mail_location = maildir:{mail}/%u
mail_fsync = never
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
mail_max_userip_connections = 0
first_valid_uid = 1
first_valid_gid = 1
default_internal_user = {internal_user}
default_internal_group = {internal_group}
default_login_user = {login_user}
default_process_limit = 1000
default_client_limit = 4000
default_vsz_limit = 1024M
{tls}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Trash {{
    auto = create
    special_use = \\Trash
  }}
}}
service imap-login {{
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
  client_limit = 4000
}}
""", """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
base_dir = {base}
state_dir = {folder}/state
log_path = {folder}/dovecot.log
info_log_path = {folder}/dovecot-info.log
instance_name = {base}
protocols {{
  imap = yes
}}
listen = 127.0.0.1
mail_driver = maildir
mail_path = {mail}/%{{user}}
mail_fsync = never
auth_allow_cleartext = yes
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
mail_max_userip_connections = 0
first_valid_uid = 1
first_valid_gid = 1
default_internal_user = {internal_user}
default_internal_group = {internal_group}
default_login_user = {login_user}
default_process_limit = 1000
default_client_limit = 4000
default_vsz_limit = 1024M
{tls}
passdb passwd-file {{
  default_password_scheme = PLAIN
  passwd_file_path = {folder}/users
}}
userdb passwd-file {{
  passwd_file_path = {folder}/users
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Trash {{
    auto = create
    special_use = \\Trash
  }}
}}
service imap-login {{
  chroot =
  restart_request_count = unlimited
  process_min_avail = 1
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
  client_limit = 4000
}}
""")

TLS = ForVersion("""\
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
""", """\
ssl = yes
ssl_server_cert_file = {cert}
ssl_server_key_file = {key}
""")

HAPROXY = """\
haproxy_trusted_networks = 127.0.0.0/8
service imap-login {
  inet_listener imap {
    haproxy = yes
  }
  inet_listener imaps {
    haproxy = yes
  }
}
"""
