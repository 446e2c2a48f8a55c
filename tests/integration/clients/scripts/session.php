<?php
// PHP's imap extension, which is the c-client library. Tells in lines what it sees; see case.py for IMAP_*.
error_reporting(E_ALL & ~E_DEPRECATED & ~E_WARNING);

function tell(string $what, mixed $value): void
{
    $text = json_encode($value, JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES);
    echo $what, ': ', strlen($text) > 3000 ? hash('sha256', $text) : $text, "\n";
}

$server = '{' . getenv('IMAP_HOST') . ':' . getenv('IMAP_PORT') . '/imap'
    . (getenv('IMAP_TLS') === 'implicit' ? '/ssl' : '/tls') . '}';
$imap = imap_open($server . 'INBOX', getenv('IMAP_USER'), getenv('IMAP_PASSWORD'), 0, 1);
tell('opened', $imap !== false);
if ($imap === false) {
    imap_errors();
    exit(0);
}

tell('messages', imap_num_msg($imap));
tell('list', imap_list($imap, $server, '*'));
tell('subscribed', imap_lsub($imap, $server, '*'));
foreach ([1, 9, 10, 11, 12, 13] as $number) {
    $header = imap_headerinfo($imap, $number);
    tell("header $number", [$header->subject, $header->Size, $header->fromaddress, $header->Flagged, $header->Unseen]);
    tell("structure $number", imap_fetchstructure($imap, $number));
    tell("body $number", base64_encode(imap_body($imap, $number, FT_PEEK)));
}
tell('part', base64_encode(imap_fetchbody($imap, 12, '2', FT_PEEK)));
tell('whole', base64_encode(imap_fetchheader($imap, 9, FT_PREFETCHTEXT)));
tell('overview', array_map(fn ($each) => [$each->uid, $each->subject ?? '', $each->seen], imap_fetch_overview($imap, '1:*')));
tell('search', imap_search($imap, 'SUBJECT "odd" UNSEEN', SE_UID));
tell('search utf-8', imap_search($imap, 'TEXT "é"', SE_UID, 'UTF-8'));
tell('sorted', imap_sort($imap, SORTSIZE, true, SE_UID));
tell('threads', imap_thread($imap, SE_UID));
tell('quota', array_keys(imap_get_quotaroot($imap, 'INBOX') ?: []));
tell('acl', imap_getacl($imap, 'INBOX'));

tell('delete', imap_delete($imap, '2:4'));
tell('undelete', imap_undelete($imap, '3'));
tell('expunge', imap_expunge($imap));
tell('after', imap_num_msg($imap));
tell('move', imap_mail_move($imap, '1', 'Archive'));
tell('copy', imap_mail_copy($imap, '3,5', 'Archive'));
tell('move uid', imap_mail_move($imap, '8', 'Lists/&AOk-t&AOk-', CP_UID));
tell('expunge', imap_expunge($imap));
tell('flags', imap_setflag_full($imap, '2', '\\Seen \\Flagged'));
tell('flags', imap_clearflag_full($imap, '13', '\\Seen', ST_UID));

$made = $server . 'made (here) %';
tell('create', imap_createmailbox($imap, $made));
tell('subscribe', imap_subscribe($imap, $made));
tell('append', imap_append($imap, $made, str_repeat("Subject: made\r\n\r\nby php\r\n", 100), '\\Draft', '17-Jul-2023 02:44:25 +0000'));
tell('append', imap_append($imap, $server . 'absent', "Subject: x\r\n\r\n"));
tell('rename', imap_renamemailbox($imap, $made, $server . 'renamed'));
tell('unsubscribe', imap_unsubscribe($imap, $server . 'Archive'));
tell('subscribed', imap_lsub($imap, $server, '*'));
$status = imap_status($imap, $server . 'renamed', SA_MESSAGES | SA_UNSEEN | SA_UIDNEXT);
tell('status', [$status->messages, $status->unseen, $status->uidnext]);
tell('deletemailbox', imap_deletemailbox($imap, $server . 'a "b" c'));

tell('reopen', imap_reopen($imap, $server . 'Archive'));
tell('archived', array_map(fn ($each) => $each->subject, imap_fetch_overview($imap, '1:*')));
tell('delete', imap_delete($imap, '1'));
tell('ping', imap_ping($imap));
tell('errors', imap_errors());
tell('alerts', imap_alerts());
tell('close', imap_close($imap, CL_EXPUNGE));
