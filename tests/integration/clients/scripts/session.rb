# Ruby's net-imap. Tells in lines what it sees; see case.py for IMAP_*.
require 'digest'
require 'net/imap'

def tell(what, value)
  puts "#{what}: #{value.inspect}"
end

def session
  trust = { ca_file: ENV['IMAP_CA'], verify_mode: OpenSSL::SSL::VERIFY_PEER }
  implicit = ENV['IMAP_TLS'] == 'implicit'
  imap = Net::IMAP.new(ENV['IMAP_HOST'], port: ENV['IMAP_PORT'].to_i, ssl: implicit ? trust : nil)
  imap.starttls(trust) unless implicit
  imap
end

%w[PLAIN LOGIN CRAM-MD5].each do |mechanism|
  imap = session
  tell(mechanism, imap.authenticate(mechanism, ENV['IMAP_USER'], ENV['IMAP_PASSWORD']).name)
  imap.logout
  imap.disconnect
end

imap = session
imap.login(ENV['IMAP_USER'], ENV['IMAP_PASSWORD'])
tell('list', imap.list('', '*').map { |each| [each.name, each.attr] }.sort_by(&:first))
tell('select', imap.select('INBOX').name)
imap.fetch(1..-1, %w[UID FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[]]).each do |each|
  body = each.attr['BODY[]']
  tell(each.attr['UID'], [each.attr['FLAGS'], each.attr['RFC822.SIZE'], body.bytesize, Digest::SHA256.hexdigest(body),
                          each.attr['ENVELOPE'].subject, each.attr['BODYSTRUCTURE'].media_type])
end
# Text that is no ASCII goes as a literal.
tell('search', imap.uid_search(['SUBJECT', 'é'.b], 'UTF-8'))
tell('sort', imap.uid_sort(['REVERSE', 'SIZE'], ['ALL'], 'UTF-8'))
tell('thread', imap.uid_thread('REFERENCES', ['ALL'], 'UTF-8').map(&:seqno))
tell('store', imap.uid_store(2..3, '+FLAGS', [:Seen, :Flagged]).length)
tell('copy', imap.uid_copy([2, 3], 'Archive').name)
tell('move', imap.uid_move(1, Net::IMAP.encode_utf7('Lists/été')).name)
imap.uid_store(4, '+FLAGS.SILENT', [:Deleted])
tell('expunge', imap.expunge)
imap.create('made "here"')
imap.subscribe('made "here"')
tell('append', imap.append('made "here"', "Subject: by ruby\r\n\r\n" + "line\r\n" * 20_000, [:Draft],
                           Time.utc(2023, 7, 17, 2, 44, 25)).name)
begin
  imap.append('absent', "Subject: x\r\n\r\n")
rescue Net::IMAP::NoResponseError => problem
  tell('append', problem.response.data.code.name)
end
tell('status', imap.status('made "here"', %w[MESSAGES UIDNEXT]))
imap.rename('made "here"', 'renamed {3}')
tell('subscribed', imap.lsub('', '*').map(&:name).sort)
tell('acl', imap.getacl('INBOX').map(&:rights))
tell('quota', imap.getquotaroot('INBOX').length)
# What another session does is told to one that idles.
other = session
other.login(ENV['IMAP_USER'], ENV['IMAP_PASSWORD'])
imap.idle(90) do |response|
  if response.is_a?(Net::IMAP::ContinuationRequest)
    Thread.new { other.append('INBOX', "Subject: news\r\n\r\nx\r\n") }
  elsif response.name == 'EXISTS'
    tell('news', response.data)
    imap.idle_done
  end
end
other.logout
other.disconnect
tell('close', imap.close.name)
imap.logout
imap.disconnect
