# Mail::IMAPClient. Tells in lines what it sees; see case.py for IMAP_*.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use IO::Socket::SSL;
use Mail::IMAPClient;

my @trust = (SSL_ca_file => $ENV{IMAP_CA}, SSL_verify_mode => SSL_VERIFY_PEER,
    SSL_verifycn_name => $ENV{IMAP_HOST}, SSL_verifycn_scheme => 'imap');

sub tell_ { print join(' | ', map { !defined $_ ? 'undef' : ref $_ ? 'done' : $_ } @_), "\n"; }

sub session {
    my ($mechanism) = @_;
    my $imap = Mail::IMAPClient->new(
        Server => $ENV{IMAP_HOST}, Port => $ENV{IMAP_PORT}, Uid => 1, Peek => 1, Timeout => 90, Keepalive => 1,
        ($ENV{IMAP_TLS} eq 'implicit' ? (Ssl => \@trust) : (Starttls => \@trust)),
        ($mechanism ? (Authmechanism => $mechanism) : ()),
        User => $ENV{IMAP_USER}, Password => $ENV{IMAP_PASSWORD}) or die "no session: $@";
    return $imap;
}

for my $mechanism ('PLAIN', 'CRAM-MD5') {
    my $imap = session($mechanism);
    tell_($mechanism, $imap->IsAuthenticated);
    $imap->logout;
}

my $imap = session();
tell_('folders', sort $imap->folders);
tell_('separator', $imap->separator);
tell_('select', $imap->select('INBOX') ? 'selected' : 'not selected');
tell_('messages', $imap->messages);
for my $uid ($imap->messages) {
    my $text = $imap->message_string($uid);
    tell_($uid, $imap->size($uid), length $text, sha256_hex($text), $imap->subject($uid), $imap->flags($uid));
}
tell_('search', $imap->search('SUBJECT', $imap->Quote('odd')));
tell_('search literal', $imap->search('SUBJECT', $imap->Quote('"quoted\\')));
my $parts = $imap->get_bodystructure(12);
tell_('parts', $parts->bodytype, $parts->parts);
tell_('part', $imap->bodypart_string(12, 2));
tell_('part of it', $imap->bodypart_string(13, 1, 1000, 50000) ? 'some' : 'none');
my $headers = $imap->parse_headers('1:3', 'Subject', 'Message-ID');
tell_('headers', map { "$_ " . join ',', @{$headers->{$_}{Subject}} } sort keys %$headers);
tell_('idle', defined(my $idle = $imap->idle));
tell_('done', defined $imap->done($idle));
tell_('move', $imap->move('Archive', 1) ? 'moved' : 'not moved');
tell_('copy', $imap->copy('Archive', 2, 3) ? 'copied' : 'not copied');
tell_('flags', $imap->set_flag('Flagged', 3), $imap->unset_flag('Flagged', 12), $imap->see(5, 6));
tell_('delete', $imap->delete_message(4), $imap->expunge ? 'expunged' : 'not expunged');
tell_('create', $imap->create('made "here"'), $imap->subscribe('made "here"'), $imap->create('plain'));
my $message = "Subject: by perl\n\nline\n" . ("x" x 70 . "\n") x 2000;
my $appended = $imap->append_string('plain', $message, '\\Draft', '17-Jul-2023 02:44:25 +0000');
tell_('append', $appended, $imap->select('plain') ? $imap->copy('made "here"', $appended) : 'not selected');
tell_('append', $imap->append('absent', 'Subject: x') ? 'taken' : 'refused');
tell_('status', $imap->message_count('made "here"'), $imap->unseen_count('Archive'));
tell_('rename', $imap->rename('made "here"', 'renamed {3}'));
tell_('subscribed', sort $imap->subscribed);
tell_('quota', $imap->quota_usage ? 'told' : 'none');
tell_('acl', %{$imap->getacl('INBOX') || {}});
tell_('wrong', $imap->tag_and_run('NONSENSE') ? 'taken' : 'refused');
tell_('close', $imap->close, $imap->logout);
